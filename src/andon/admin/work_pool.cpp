#include "andon/admin/work_pool.hpp"

#include <pthread.h>

#include <system_error>

namespace andon::admin {

work_pool::~work_pool() { stop(); }

bool work_pool::start(net::core& on, const std::function<void()>& work, std::function<void()> done) {
  {
    const std::lock_guard hold(mutex_);
    if (stopped_ || waiting_.size() >= queue_) return false;
    waiting_.emplace_back([&on, &work, done = std::move(done)] {
      work();
      on.post(done);
    });
    if (!has_thread_locked()) {
      waiting_.pop_back();
      return false;
    }
  }
  wake_.notify_one();
  return true;
}

/// One for what waits: idle, begun now, or one that works and will come to it.
bool work_pool::has_thread_locked() {
  if (waiting_.size() <= idle_ || threads_.size() == most_threads_) return true;
  try {
    threads_.emplace_back([this] { loop(); });
  } catch (const std::system_error&) {
    return !threads_.empty();
  }
  pthread_setname_np(threads_.back().native_handle(), "admin-work");
  return true;
}

net::task<bool> work_pool::run(net::core& on, const std::function<void()>& work) {
  net::wait_point point;
  bool ended = false;
  std::function<void()> done = [&point, &ended] {
    ended = true;
    point.wake();
  };
  if (!start(on, work, std::move(done))) co_return false;
  while (!ended) co_await point.wait();
  co_return true;
}

void work_pool::loop() {
  for (;;) {
    std::function<void()> next;
    {
      std::unique_lock hold(mutex_);
      ++idle_;
      wake_.wait(hold, [this] { return stopped_ || !waiting_.empty(); });
      --idle_;
      if (waiting_.empty()) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    next();
  }
}

void work_pool::stop() {
  {
    const std::lock_guard hold(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

}  // namespace andon::admin
