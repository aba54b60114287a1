#include "andon/cache/live_stream.hpp"

#include <algorithm>
#include <utility>

#include "andon/cache/flights.hpp"

namespace andon::cache {

void live_stream::put(std::string_view bytes) {
  while (!bytes.empty()) {
    if (chunks_.empty() || chunks_.back().size() == chunk) chunks_.emplace_back();
    auto& last = chunks_.back();
    const auto part = bytes.substr(0, chunk - last.size());
    last += part;
    end_ += part.size();
    bytes.remove_prefix(part.size());
  }
  while (end_ - begin_ > window_ && chunks_.size() > 1) {
    begin_ += chunks_.front().size();
    chunks_.pop_front();
  }
}

std::vector<seat_ptr> live_stream::publish() {
  visible_ = end_;
  return std::exchange(waiting_, {});
}

void live_stream::append(std::string_view bytes) {
  std::vector<seat_ptr> woken;
  {
    const std::lock_guard guard(lock_);
    put(bytes);
    woken = publish();
  }
  for (const auto& who : woken) who->wake();
}

void live_stream::hold(std::string_view bytes) {
  const std::lock_guard guard(lock_);
  put(bytes);
}

void live_stream::end(state how, reply_ptr about, error why, bool told) {
  std::vector<seat_ptr> woken;
  {
    const std::lock_guard guard(lock_);
    if (state_ != state::open) return;
    state_ = how;
    about_ = std::move(about);
    why_ = std::move(why);
    told_ = told;
    woken = publish();
  }
  for (const auto& who : woken) who->wake();
}

void live_stream::complete(reply_ptr about) { end(state::complete, std::move(about), {errc::none, {}}, false); }

void live_stream::break_off(reply_ptr about, error why, bool told) { end(state::broken, std::move(about), std::move(why), told); }

live_stream::state live_stream::is() const {
  const std::lock_guard guard(lock_);
  return state_;
}

bool live_stream::from_start() const {
  const std::lock_guard guard(lock_);
  return begin_ == 0;
}

std::uint64_t live_stream::size() const {
  const std::lock_guard guard(lock_);
  return end_;
}

std::string live_stream::contents() const {
  const std::lock_guard guard(lock_);
  std::string out;
  if (begin_ == 0) copy(0, end_, out);
  return out;
}

void live_stream::copy(std::uint64_t at, std::size_t count, std::string& out) const {
  out.clear();
  out.reserve(count);
  for (auto index = (at - begin_) / chunk; count > 0; ++index) {
    const auto part = std::string_view(chunks_[index]).substr((at - begin_) % chunk, count);
    out += part;
    at += part.size();
    count -= part.size();
  }
}

live_stream::found live_stream::read(std::uint64_t at, std::size_t most, std::string& piece, const seat_ptr& who) {
  const std::lock_guard guard(lock_);
  piece.clear();
  if (at < begin_) return found::lost;
  const auto left = visible_ - at;
  if (left == 0 && state_ == state::open) {
    waiting_.push_back(who);
    return found::nothing;
  }
  copy(at, std::min<std::uint64_t>(left, most), piece);
  if (state_ == state::open || left > most) return found::more;
  return state_ == state::complete ? found::last : found::broken;
}

reply_ptr live_stream::about() const {
  const std::lock_guard guard(lock_);
  return about_;
}

error live_stream::why() const {
  const std::lock_guard guard(lock_);
  return why_;
}

bool live_stream::told() const {
  const std::lock_guard guard(lock_);
  return told_;
}

}  // namespace andon::cache
