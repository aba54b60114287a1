#include "andon/net/byte_stream.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace andon::net {
namespace {

constexpr std::size_t record = 16 * 1024;
static_assert(record <= block_pool::block_size);

void take_off(std::span<std::string_view> parts, std::size_t sent) {
  for (auto& part : parts) {
    const std::size_t step = std::min(sent, part.size());
    part.remove_prefix(step);
    sent -= step;
  }
}

}  // namespace

byte_stream::~byte_stream() {
  if (tls_ != nullptr) tls_->send_close();
  tls_.reset();   // before the descriptor
}

io_step byte_stream::read_tls(char* into, std::size_t size) {
  const io_step step = tls_->read(into, size);
  if (step.now == io_state::want_read || (step.now == io_state::done && tls_->drained())) events_.drained();
  return step.now == io_state::want_write ? io_step{io_state::failed, 0} : step;   // it never renegotiates
}

io_state byte_stream::write(std::span<std::string_view> parts) { return tls_ != nullptr ? write_tls(parts) : write_plain(parts); }

io_state byte_stream::write_plain(std::span<std::string_view> parts) {
  for (;;) {
    std::array<iovec, most_parts> pieces;
    std::size_t count = 0;
    for (const auto& part : parts)
      if (!part.empty()) pieces[count++] = {const_cast<char*>(part.data()), part.size()};
    if (count == 0) return io_state::done;
    ssize_t sent = 0;
    if (count == 1) {
      sent = ::send(descriptor(), pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } else {
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = count;
      sent = ::sendmsg(descriptor(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN ? io_state::want_write : io_state::failed;
    }
    take_off(parts, static_cast<std::size_t>(sent));
  }
}

io_state byte_stream::write_tls(std::span<std::string_view> parts) {
  for (;;) {
    const auto first = std::ranges::find_if(parts, [](std::string_view part) { return !part.empty(); });
    if (first == parts.end()) return io_state::done;
    const auto rest = parts.subspan(static_cast<std::size_t>(first - parts.begin()));
    const bool alone = first->size() >= record || std::ranges::all_of(rest.subspan(1), [](std::string_view part) { return part.empty(); });
    const io_step step = alone ? tls_->write(first->data(), first->size()) : write_record(rest);
    if (step.now == io_state::want_write) return step.now;
    if (step.now != io_state::done) return io_state::failed;
    take_off(rest, step.bytes);
  }
}

// Several small parts share a record. A write that blocked is repeated with the same bytes, as OpenSSL asks.
io_step byte_stream::write_record(std::span<const std::string_view> parts) {
  auto block = events_.at().blocks().borrow();
  std::size_t filled = 0;
  for (const auto& part : parts) {
    const std::size_t step = std::min(part.size(), record - filled);
    if (step != 0) std::memcpy(block.get() + filled, part.data(), step);
    filled += step;
  }
  const io_step step = tls_->write(block.get(), filled);
  events_.at().blocks().give_back(std::move(block));
  return step;
}

void byte_stream::make_close_hard() {
  if (tls_ != nullptr) tls_->leave_open();
  const ::linger hard{1, 0};
  ::setsockopt(descriptor(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

void byte_stream::shut_write() {
  if (tls_ != nullptr) tls_->send_close();
  ::shutdown(descriptor(), SHUT_WR);
}

}  // namespace andon::net
