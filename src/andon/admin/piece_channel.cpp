#include "andon/admin/piece_channel.hpp"

#include <utility>

namespace andon::admin {

result<void> piece_channel::put(std::string_view piece, const std::stop_token& stop) {
  bool tell = false;
  {
    std::unique_lock hold(mutex_);
    room_.wait(hold, stop, [this] { return pending_.size() < high_mark; });
    if (stop.stop_requested()) return fail(errc::cancelled, "the client is gone");
    pending_.append(piece);
    tell = std::exchange(sleeping_, false);
  }
  if (tell) on_.post([this] { point_.wake(); });
  return {};
}

std::string piece_channel::take() {
  std::string out;
  {
    const std::lock_guard hold(mutex_);
    out.swap(pending_);
  }
  room_.notify_one();
  return out;
}

net::task<void> piece_channel::wait() {
  {
    const std::lock_guard hold(mutex_);
    if (!pending_.empty()) co_return;
    sleeping_ = true;
  }
  co_await point_.wait();
}

}  // namespace andon::admin
