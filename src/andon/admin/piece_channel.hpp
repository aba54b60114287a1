#pragma once
// Pieces of a streamed reply on their way from a thread that makes them to the core that sends them. Bounded: the
// maker waits while too much is pending.
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/net/core.hpp"

namespace andon::admin {

class piece_channel {
public:
  static constexpr std::size_t high_mark = 256 * 1024;

  explicit piece_channel(net::core& on) : on_(on) {}
  piece_channel(const piece_channel&) = delete;  // both sides refer to it
  piece_channel& operator=(const piece_channel&) = delete;

  /// The maker's side; blocks. errc::cancelled once stop is asked for.
  result<void> put(std::string_view piece, const std::stop_token& stop);

  /// The sender's side, on the core: everything pending; may be empty.
  std::string take();
  /// Sleeps until there is something or wake() is called.
  net::task<void> wait();
  void wake() { point_.wake(); }

private:
  net::core& on_;
  std::mutex mutex_;
  std::condition_variable_any room_;
  std::string pending_;
  bool sleeping_ = false;   // the sender waits and nobody has been told to wake it
  net::wait_point point_;
};

}  // namespace andon::admin
