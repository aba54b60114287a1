#pragma once
// One core: an event loop, and everything that belongs to its thread alone. The reactor owns the cores and their threads.
//
// Life cycle: construct a reactor, give its cores work, start(). Stop in two phases: ask the owners of background work
// to finish (http_server::drain and the like), then request_stop() and join(): a core's thread ends when its last
// operation has, or at join's deadline.
//
// Threads: a core's members are for its own thread only, but post(), which any thread may call.
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/random.hpp"
#include "andon/net/blocks.hpp"
#include "andon/net/timers.hpp"
#include "andon/net/wait_point.hpp"

namespace andon::net {

class core {
public:
  core(std::size_t index, const andon::clock& time, std::uint64_t seed);
  core(const core&) = delete;  // everything on it refers to it
  core& operator=(const core&) = delete;
  ~core();

  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] io_context& context() { return context_; }
  [[nodiscard]] executor get_executor() { return context_.get_executor(); }
  [[nodiscard]] const andon::clock& time() const { return time_; }
  [[nodiscard]] mono_time now() const { return time_.mono(); }
  [[nodiscard]] random_source& random() { return random_; }
  [[nodiscard]] timer_wheel& timers() { return timers_; }
  [[nodiscard]] block_pool& blocks() { return blocks_; }

  /// Starts a coroutine of its own on this core, from this core's thread (or before the loop runs). It begins in the
  /// loop's next turn. An exception that leaves it is a bug: logged, and the coroutine is over.
  void spawn(task<void> coroutine);
  /// Runs `work()` on this core's thread, soon. Any thread.
  template <class Work>
  void post(Work&& work) { boost::asio::post(context_, std::forward<Work>(work)); }
  /// Suspends the calling coroutine; resolution one millisecond.
  task<void> sleep_until(deadline at);
  /// Lets everything that is ready run before the calling coroutine goes on.
  task<void> yield();
  task<void> sleep_for(nanoseconds span) { return sleep_until(deadline::after(now(), span)); }

  /// Runs the loop on the calling thread until request_stop() and the end of all work. For the reactor and for tests.
  void run();
  /// Lets run() return once no operation on a descriptor is outstanding; armed timers alone do not keep it. Any thread.
  void request_stop();
  /// Makes run() return now; what is outstanding stays undone. Any thread.
  void stop_now() { context_.stop(); }

private:
  void program_timer(mono_time at);
  void tick();

  std::size_t index_;
  const andon::clock& time_;
  random_source random_;
  block_pool blocks_;
  io_context context_;
  boost::asio::executor_work_guard<executor> guard_;
  bool stopping_ = false;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, executor> alarm_;
  timer_wheel timers_;
};

/// N cores and their threads, named core-0, core-1, …
class reactor {
public:
  /// `seed` makes the cores' random sources repeatable; use secure_seed() outside tests.
  reactor(std::size_t cores, const andon::clock& time, std::uint64_t seed);
  ~reactor();  ///< stops at once what was not joined

  [[nodiscard]] std::size_t size() const { return cores_.size(); }
  [[nodiscard]] core& at(std::size_t index) { return *cores_[index]; }

  void start();
  void request_stop();
  /// True if every core's work ended by itself within `patience`; else the loops are stopped with work undone.
  bool join(nanoseconds patience);

private:
  std::vector<std::unique_ptr<core>> cores_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> running_{0};
};

}  // namespace andon::net
