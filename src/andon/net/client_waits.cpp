#include "andon/net/client_waits.hpp"

namespace andon::net {

struct wait_list::entry {
  entry(wait_list& in, core& at) : list(in), timer(at.timers(), deadline_timer::member<&entry::expire>(), this) {}

  void finish(wait_end how) {
    if (!listed) return;
    list.remove(*this);
    end = how;
    point.wake();
  }
  void expire() { finish(wait_end::expired); }
  static void cancel(void* self) { static_cast<entry*>(self)->finish(wait_end::cancelled); }

  wait_list& list;
  wait_point point;
  deadline_timer timer;
  call_switch::listener listening{cancel, this};
  entry* next = nullptr;
  entry* previous = nullptr;
  wait_end end = wait_end::woken;
  bool listed = false;
};

task<wait_end> wait_list::wait(core& at, deadline until, call_switch* stop) {
  if (stop != nullptr && stop->cancelled()) co_return wait_end::cancelled;
  entry one(*this, at);
  append(one);
  one.timer.arm(until);
  one.listening.listen_to(stop);
  co_await one.point.wait();
  co_return one.end;
}

bool wait_list::wake_one(wait_end why) {
  if (first_ == nullptr) return false;
  first_->finish(why);
  return true;
}

void wait_list::wake_all(wait_end why) {
  // Those who wait again while this runs are not woken twice.
  entry* const last = last_;
  while (first_ != nullptr) {
    const bool was_last = first_ == last;
    first_->finish(why);
    if (was_last) return;
  }
}

void wait_list::append(entry& one) {
  one.previous = last_;
  (last_ != nullptr ? last_->next : first_) = &one;
  last_ = &one;
  one.listed = true;
}

void wait_list::remove(entry& one) {
  (one.previous != nullptr ? one.previous->next : first_) = one.next;
  (one.next != nullptr ? one.next->previous : last_) = one.previous;
  one.listed = false;
}

}  // namespace andon::net
