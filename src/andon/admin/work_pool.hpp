#pragma once
// A few threads for work that blocks, with a bounded queue. A coroutine hands work over and sleeps until it is done.
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
  work_pool(std::size_t threads, std::size_t queue);
  ~work_pool();
  work_pool(const work_pool&) = delete;  // its threads refer to it
  work_pool& operator=(const work_pool&) = delete;

  /// Runs `work` on a thread of the pool; the calling coroutine, on `on`, goes on afterwards. False when the queue is
  /// full or the pool stopped: the work is not run. `work` must live until this returns.
  net::task<bool> run(net::core& on, const std::function<void()>& work);
  /// As run(), but returns at once: `done` is called on `on`'s thread after the work.
  bool start(net::core& on, const std::function<void()>& work, std::function<void()> done);
  /// Work under way and queued is finished; newcomers are declined. Any thread.
  void stop();

private:
  void loop();

  std::size_t queue_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace andon::admin
