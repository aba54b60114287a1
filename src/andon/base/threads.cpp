#include "andon/base/threads.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace andon {

void name_this_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

void share_with_cores() {
  const sched_param unused{};
  sched_setscheduler(0, SCHED_BATCH, &unused);
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
