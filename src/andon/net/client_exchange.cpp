// The request out and the head of the reply in.
#include <fmt/core.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "andon/net/client_connection.hpp"
#include "andon/net/pool.hpp"

namespace andon::net {
namespace {

constexpr std::size_t tls_record = 16 * 1024;

}  // namespace

task<result<void>> client_connection::exchange(const outgoing_request& request, const call_deadlines& until, mono_time began, call_switch* stop) {
  hold(stop);
  phase_ = phase::sending;
  until_ = until;
  stale_ = reusable_ = broken_ = false;
  to_head_request_ = request.method == "HEAD";
  if (auto composed = compose(request); !composed) co_return std::unexpected(std::move(composed.error()));
  if (stop_ != stop_cause::none) co_return stopped();
  io_step step = transmit();
  if (step.now == io_state::done && all_sent()) {   // the usual case without another frame
    phase_ = phase::head;
  } else {
    if (auto sent = co_await send_request(); !sent) co_return std::unexpected(std::move(sent.error()));
  }
  co_return co_await receive_head(began);
}

void client_connection::ensure_buffer(std::size_t size) {
  if (size <= capacity_) return;
  auto& blocks = home_.context().at.blocks();
  if (capacity_ == block_pool::block_size) blocks.give_back(std::move(buffer_));
  const bool one_block = size <= block_pool::block_size;
  buffer_ = one_block ? blocks.borrow() : std::make_unique_for_overwrite<char[]>(size);
  capacity_ = one_block ? block_pool::block_size : size;
}

result<void> client_connection::compose(const outgoing_request& request) {
  std::string& text = home_.context().scratch;
  text.clear();
  if (!write_head(text, request, home_.host_header()))
    return failed(errc::invalid_argument, "the request's method, target or a header holds a character that HTTP does not allow");
  body_ = request.body;
  if (tls_ != nullptr && !body_.empty() && text.size() + body_.size() <= tls_record) {
    text.append(body_);
    body_ = {};
  }
  ensure_buffer(text.size());
  std::memcpy(buffer_.get(), text.data(), text.size());
  head_size_ = text.size();
  head_sent_ = 0;
  return {};
}

void client_connection::on_early_reply(void* self) { static_cast<client_connection*>(self)->events_->wake_writer(); }

// Events may come without cause, so this looks.
bool client_connection::replied_early() {
  if (!events_->readable()) return false;
  if (tls_ != nullptr) {
    if (tls_->has_come()) return true;
    events_->drained();
    return false;
  }
  char byte;
  if (::recv(events_->descriptor(), &byte, 1, MSG_PEEK) >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return true;
  events_->drained();
  return false;
}

// What the kernel did not take at once. A provider may answer, and refuse, before it has taken everything.
task<result<void>> client_connection::send_request() {
  while (!all_sent()) {
    const io_step step = transmit();
    if (step.now == io_state::done) continue;
    if (step.now == io_state::failed || step.now == io_state::closed || replied_early()) break;
    if (step.now == io_state::want_read) events_->drained();
    else events_->watch(on_early_reply, this);
    const bool going = co_await wait_for(step.now, read_deadline());
    if (!going) co_return stopped();
    if (step.now != io_state::want_read) events_->watch(nullptr, nullptr);
  }
  phase_ = phase::head;
  co_return result<void>{};
}

std::unexpected<error> client_connection::closed_early(std::string_view when) {
  stale_ = filled_ == 0 && measured.reused;
  return failed(errc::upstream_reset, fmt::format("the provider closed the connection {}", when));
}

void client_connection::grow_buffer() {
  const std::size_t size = capacity_ * 2;
  auto larger = std::make_unique_for_overwrite<char[]>(size);
  std::memcpy(larger.get(), buffer_.get(), filled_);
  if (capacity_ == block_pool::block_size) home_.context().at.blocks().give_back(std::move(buffer_));
  buffer_ = std::move(larger);
  capacity_ = size;
}

task<result<void>> client_connection::receive_head(mono_time began) {
  const bool sent = all_sent();
  body_ = {};
  filled_ = searched_ = raw_size_ = 0;
  for (;;) {
    io_step step{io_state::want_read, 0};
    if (events_->readable()) step = receive(buffer_.get() + filled_, capacity_ - filled_);
    if (step.now == io_state::closed || step.now == io_state::failed)
      co_return closed_early(filled_ == 0 ? "before it replied" : "within the head of its reply");
    if (step.now != io_state::done) {
      if (!co_await wait_for(step.now, read_deadline())) co_return stopped();
      continue;
    }
    filled_ += step.bytes;
    auto taken = take_head();
    if (!taken) co_return std::unexpected(std::move(taken.error()));
    if (*taken) break;
  }
  reusable_ = head_.keep_alive && sent;
  measured.first_byte = home_.context().at.now() - began;
  phase_ = phase::body;
  co_return begin_body();
}

result<bool> client_connection::take_head() {
  for (;;) {
    const head_parsed parsed = parse_head({buffer_.get(), filled_}, searched_, to_head_request_, head_);
    const std::size_t size = parsed.state == head_state::complete ? parsed.size : filled_;
    if (parsed.state == head_state::bad) return failed(errc::upstream_bad_reply, fmt::format("not a valid HTTP reply: {}", parsed.why));
    if (size > home_.context().settings.max_head)
      return failed(errc::upstream_bad_reply, fmt::format("the head of the reply is larger than {} bytes", home_.context().settings.max_head));
    if (parsed.state == head_state::incomplete) {
      if (filled_ == capacity_) grow_buffer();
      return false;
    }
    if (head_.status == 101) return failed(errc::upstream_bad_reply, "the provider switched protocols without being asked");
    head_size_ = size;
    if (head_.status >= 200) return true;
    filled_ -= size;
    std::memmove(buffer_.get(), buffer_.get() + size, filled_);
    if (++interim_ > 8) return failed(errc::upstream_bad_reply, "more than 8 interim replies");
    if (filled_ == 0) return false;
  }
}

result<void> client_connection::begin_body() {
  interim_ = 0;
  decoder_.start(head_.framing, head_.content_length);
  raw_ = buffer_.get() + head_size_;
  raw_size_ = filled_ - head_size_;
  if (head_.framing == body_framing::none || unpacker::is_identity(head_.encoding)) return {};
  unpack_ = unpacker::make(head_.encoding);
  if (unpack_ == nullptr)
    return failed(errc::upstream_bad_reply, fmt::format("Content-Encoding `{}` is not one of gzip, deflate, br, zstd", head_.encoding));
  unpacked_ = home_.context().at.blocks().borrow();
  std::erase_if(head_.headers, [](const header& h) {
    return header_equals(h.name, "content-encoding") || header_equals(h.name, "content-length");
  });
  return {};
}

}  // namespace andon::net
