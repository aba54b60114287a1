#include "andon/base/threads.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace andon {

void name_this_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

void share_with_cores() {
  const sched_param unused{};
  sched_setscheduler(0, SCHED_BATCH, &unused);
}

void take_short_turns() {
  struct {  // sched_attr of sched_setattr(2), for which glibc 2.36 has no declaration
    std::uint32_t size = 48, policy = SCHED_OTHER;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime = 100'000, deadline = 0, period = 0;  // nanoseconds
  } wanted;
  syscall(SYS_sched_setattr, 0, &wanted, 0);
}

void yield_to_cores() {
  constexpr int nice_level = 10;
  share_with_cores();
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), nice_level);
}

void run_when_idle() {
  const sched_param unused{};
  sched_setscheduler(0, SCHED_IDLE, &unused);
}

}  // namespace andon
