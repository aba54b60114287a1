// The body of the reply.
#include <fmt/core.h>

#include <algorithm>

#include "andon/net/client_connection.hpp"
#include "andon/net/pool.hpp"

namespace andon::net {
namespace {

constexpr std::size_t least_area = 4 * 1024;

}  // namespace

result<std::string_view> client_connection::next_decoded() {
  if (raw_size_ == 0 || decoder_.done()) return std::string_view{};
  const body_decoder::step step = decoder_.take(raw_, raw_size_);
  raw_ += step.consumed;
  raw_size_ -= step.consumed;
  if (step.now == body_decoder::state::bad) {
    broken_ = true;
    return failed(errc::upstream_bad_reply, step.why);
  }
  return step.payload;
}

result<std::string_view> client_connection::next_unpacked() {
  for (;;) {
    const unpacker::step step = unpack_->take(packed_, unpacked_.get(), block_pool::block_size);
    packed_.remove_prefix(step.consumed);
    if (step.bad) {
      broken_ = true;
      return failed(errc::upstream_bad_reply, fmt::format("the reply's body is not valid {}", head_.encoding));
    }
    if (step.produced != 0) return std::string_view{unpacked_.get(), step.produced};
    if (!packed_.empty()) {
      if (step.consumed == 0) packed_ = {};   // no decoder does that
      continue;
    }
    auto more = next_decoded();
    if (!more || more->empty()) return more;
    packed_ = *more;
  }
}

std::optional<result<std::string_view>> client_connection::next_part() {
  if (broken_) return failed(errc::upstream_bad_reply, "the reply was broken before");
  auto part = unpack_ == nullptr ? next_decoded() : next_unpacked();
  if (!part || !part->empty()) return part;
  if (!decoder_.done()) return std::nullopt;
  if (unpack_ != nullptr && !unpack_->complete()) {
    broken_ = true;
    return failed(errc::upstream_bad_reply, fmt::format("the reply's {} body ends too early", head_.encoding));
  }
  return part;
}

void client_connection::choose_area() {
  if (area_ != nullptr) return;
  if (capacity_ - head_size_ >= least_area) {
    area_ = buffer_.get() + head_size_;
    area_size_ = capacity_ - head_size_;
    return;
  }
  extra_ = home_.context().at.blocks().borrow();
  area_ = extra_.get();
  area_size_ = block_pool::block_size;
}

// Where bytes are always there no wait ends by the deadline.
bool client_connection::is_late() {
  if (stop_ == stop_cause::none && until_.total.passed(events_->at().now())) stop_ = stop_cause::expired;
  return stop_ != stop_cause::none;
}

task<result<void>> client_connection::receive_more() {
  choose_area();
  for (;;) {
    if (is_late()) co_return stopped();
    const io_step step = receive(area_, area_size_);
    if (step.now == io_state::done) {
      raw_ = area_;
      raw_size_ = step.bytes;
      co_return result<void>{};
    }
    if (step.now == io_state::closed && decoder_.may_end_by_close()) {
      decoder_.start(body_framing::none, 0);
      co_return result<void>{};
    }
    if (step.now == io_state::closed || step.now == io_state::failed) {
      broken_ = true;
      co_return closed_early("before its reply was complete");
    }
    if (!co_await wait_for(step.now, read_deadline())) co_return stopped();
  }
}

task<result<std::string_view>> client_connection::read_some() {
  for (;;) {
    if (stop_ != stop_cause::none) co_return stopped();
    if (auto part = next_part()) co_return std::move(*part);
    auto more = co_await receive_more();
    if (!more) co_return std::unexpected(std::move(more.error()));
  }
}

// A body of known length goes straight where it will stay.
task<result<void>> client_connection::receive_into(std::string& whole) {
  const std::size_t at = whole.size();
  const auto left = static_cast<std::size_t>(decoder_.remaining());
  std::size_t got = 0;
  whole.resize(at + left);
  while (got < left) {
    if (is_late()) co_return stopped();
    const io_step step = receive(whole.data() + at + got, left - got);
    if (step.now == io_state::done) {
      got += step.bytes;
      decoder_.note_taken(step.bytes);
      continue;
    }
    if (step.now == io_state::closed || step.now == io_state::failed) {
      broken_ = true;
      co_return closed_early("before its reply was complete");
    }
    if (!co_await wait_for(step.now, read_deadline())) co_return stopped();
  }
  co_return result<void>{};
}

task<result<std::string_view>> client_connection::read_all(std::size_t limit) {
  for (bool first = true;; first = false) {
    if (stop_ != stop_cause::none) co_return stopped();
    auto part = next_part();
    if (!part) {
      if (unpack_ == nullptr && decoder_.remaining() != 0) {
        if (whole_.size() + decoder_.remaining() > limit) co_return too_large(limit);
        auto rest = co_await receive_into(whole_);
        if (!rest) co_return std::unexpected(std::move(rest.error()));
        co_return std::string_view{whole_};
      }
      auto more = co_await receive_more();
      if (!more) co_return std::unexpected(std::move(more.error()));
      continue;
    }
    if (!*part) co_return std::unexpected(std::move(part->error()));
    if ((*part)->empty()) co_return std::string_view{whole_};
    if (whole_.size() + (*part)->size() > limit) co_return too_large(limit);
    if (first && decoder_.done() && unpack_ == nullptr) co_return **part;   // the usual case: everything came with the head
    whole_.append(**part);
  }
}

std::unexpected<error> client_connection::too_large(std::size_t limit) {
  broken_ = true;
  return failed(errc::upstream_bad_reply, fmt::format("the reply's body is larger than {} bytes", limit));
}

}  // namespace andon::net
