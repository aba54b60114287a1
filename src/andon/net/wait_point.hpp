#pragma once
// Where one coroutine sleeps until code on the same core wakes it. Nothing is allocated and no system call is made.
//
//   co_await point.wait();     // in the coroutine
//   point.wake();              // elsewhere: resumes it inline, and returns when it suspends again or ends
//
// At most one coroutine waits at a time. Whoever wakes must expect that the woken coroutine destroyed the point, and
// itself the caller's objects, before wake() returns. Destroying a point with a sleeper destroys the sleeper's
// coroutine through its executor, so owners wake first.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>

namespace andon::net {

using io_context = boost::asio::io_context;
using executor = io_context::executor_type;
/// The coroutine of everything in this program.
template <class T>
using task = boost::asio::awaitable<T, executor>;

/// A suspended coroutine with everything that awaits it. Uses Asio's internals because the public way (async_initiate)
/// costs one more coroutine frame per wait; the version of Boost is pinned by the build.
class sleeper : public boost::asio::detail::awaitable_handler_base<executor, void> {
public:
  explicit sleeper(boost::asio::detail::awaitable_thread<executor>* thread) : awaitable_handler_base(thread) {}
  void resume() {
    this->frame()->attach_thread(this);
    this->pump();
  }
};

class wait_point {
public:
  wait_point() = default;
  wait_point(const wait_point&) = delete;  // the sleeper's awaiter holds `this`
  wait_point& operator=(const wait_point&) = delete;

  struct suspension {
    wait_point* point;
    boost::asio::detail::awaitable_thread<executor>* operator()(boost::asio::detail::awaitable_frame_base<executor>* frame) const {
      point->sleeper_.emplace(frame->detach_thread());
      return nullptr;
    }
  };

  /// Await the result at once. Always suspends: check your condition first.
  [[nodiscard]] suspension wait() { return suspension{this}; }
  [[nodiscard]] bool waiting() const { return sleeper_.has_value(); }
  /// Does nothing if nobody waits.
  void wake() {
    if (auto taken = take()) taken->resume();
  }
  /// Takes the sleeper out, to be resumed by the caller.
  [[nodiscard]] std::optional<sleeper> take() {
    if (!sleeper_) return std::nullopt;
    std::optional<sleeper> taken(std::in_place, std::move(*sleeper_));
    sleeper_.reset();
    return taken;
  }

private:
  std::optional<sleeper> sleeper_;
};

}  // namespace andon::net
