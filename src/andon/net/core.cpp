#include "andon/net/core.hpp"

#include <exception>
#include <string>

#include "andon/base/log.hpp"
#include "andon/base/metrics.hpp"
#include "andon/base/threads.hpp"

namespace andon::net {
namespace {

constexpr nanoseconds look_while_stopping = std::chrono::milliseconds{20};

using entry_point = boost::asio::detail::awaitable_thread_entry_point;

// The bottom of a detached coroutine's stack. co_spawn would do, but keeps three times the memory for its lifetime.
boost::asio::awaitable<entry_point, executor> detached(task<void> body) {
  try {
    co_await std::move(body);
  } catch (const std::exception& e) {
    log::error("coroutine_failed", {{"what", e.what()}});
  } catch (...) {
    log::error("coroutine_failed");
  }
}

class detached_thread : public boost::asio::detail::awaitable_thread<executor> {
public:
  detached_thread(task<void> body, const executor& on) : awaitable_thread(detached(std::move(body)), on, {}, {}) {}
  detached_thread(detached_thread&&) = default;
  void operator()() { launch(); }
};

}  // namespace

core::core(std::size_t index, const andon::clock& time, std::uint64_t seed)
    : index_(index),
      time_(time),
      random_(seed),
      context_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      guard_(context_.get_executor()),
      alarm_(context_.get_executor()),
      timers_(time.mono(), [](void* self, mono_time at) { static_cast<core*>(self)->program_timer(at); }, this) {}

core::~core() = default;

void core::program_timer(mono_time at) {
  if (at == mono_time::max()) return;
  if (stopping_) {  // the loop ends with its last coroutine: a timer that nobody waits for must not hold it up
    if (!timers_.prune()) return;
    at = std::min(at, now() + look_while_stopping);
  }
  alarm_.expires_after(std::max(nanoseconds::zero(), at - now()));
  alarm_.async_wait([this](const boost::system::error_code& failed) {
    if (!failed) tick();
  });
}

void core::tick() {
  timers_.advance(now());
  program_timer(timers_.next_wake());
}

void core::spawn(task<void> coroutine) { post(detached_thread(std::move(coroutine), get_executor())); }

task<void> core::sleep_until(deadline at) {
  if (at.passed(now())) co_return;
  wait_point point;
  deadline_timer timer(timers_, deadline_timer::member<&wait_point::wake>(), &point);
  timer.arm(at);
  co_await point.wait();
}

task<void> core::yield() {
  wait_point point;
  post([&point] { point.wake(); });
  co_await point.wait();
}

void core::run() { context_.run(); }

void core::request_stop() {
  post([this] {
    stopping_ = true;
    guard_.reset();
    alarm_.cancel();
    program_timer(timers_.next_wake());
  });
}

reactor::reactor(std::size_t cores, const andon::clock& time, std::uint64_t seed) {
  random_source seeds(seed);
  for (std::size_t i = 0; i < cores; ++i) cores_.push_back(std::make_unique<core>(i, time, seeds()));
}

reactor::~reactor() {
  request_stop();
  join(nanoseconds::zero());
}

void reactor::start() {
  for (auto& each : cores_) {
    ++running_;
    threads_.emplace_back([this, here = each.get()] {
      name_this_thread("core-" + std::to_string(here->index()));
      take_short_turns();
      metrics::use_slot(1 + here->index() % (metrics::max_slots - 1));
      here->run();
      --running_;
      running_.notify_all();
    });
  }
}

void reactor::request_stop() {
  for (auto& each : cores_) each->request_stop();
}

bool reactor::join(nanoseconds patience) {
  if (threads_.empty()) return true;
  const auto until = deadline::after(cores_.front()->now(), patience);
  while (running_ != 0 && !until.passed(cores_.front()->now())) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  const bool ended = running_ == 0;
  if (!ended)
    for (auto& each : cores_) each->stop_now();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  return ended;
}

}  // namespace andon::net
