#include "andon/admin/work_pool.hpp"

#include <pthread.h>

namespace andon::admin {

work_pool::work_pool(std::size_t threads, std::size_t queue) : queue_(queue) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { loop(); });
    pthread_setname_np(threads_.back().native_handle(), "admin-work");
  }
}

work_pool::~work_pool() { stop(); }

bool work_pool::start(net::core& on, const std::function<void()>& work, std::function<void()> done) {
  {
    const std::lock_guard hold(mutex_);
    if (stopped_ || waiting_.size() >= queue_) return false;
    waiting_.emplace_back([&on, &work, done = std::move(done)] {
      work();
      on.post(done);
    });
  }
  wake_.notify_one();
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
      wake_.wait(hold, [this] { return stopped_ || !waiting_.empty(); });
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
