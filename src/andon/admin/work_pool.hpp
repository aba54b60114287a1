#pragma once
// A few threads for work that blocks, with a bounded queue. A coroutine hands work over and sleeps until it is done. A
// thread begins when there is work for it, and stays.
//
// Life cycle: construct, run() from coroutines, stop() (runs or declines what is queued, joins), destroy.
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "andon/net/core.hpp"

namespace andon::admin {

class work_pool {
public:
  work_pool(std::size_t threads, std::size_t queue) : most_threads_(threads), queue_(queue) {}
  ~work_pool();
  work_pool(const work_pool&) = delete;  // its threads refer to it
  work_pool& operator=(const work_pool&) = delete;

  /// Runs `work` on a thread of the pool; the calling coroutine, on `on`, goes on afterwards. False when the queue is
  /// full, the pool stopped, or the system gives no thread: the work is not run. `work` must live until this returns.
  net::task<bool> run(net::core& on, const std::function<void()>& work);
  /// As run(), but returns at once: `done` is called on `on`'s thread after the work.
  bool start(net::core& on, const std::function<void()>& work, std::function<void()> done);
  /// Work under way and queued is finished; newcomers are declined. Any thread.
  void stop();

private:
  void loop();
  bool has_thread_locked();

  std::size_t most_threads_, queue_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  std::size_t idle_ = 0;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace andon::admin
