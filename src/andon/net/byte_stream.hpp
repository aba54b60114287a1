#pragma once
// A connected socket of the server's: bytes in and out without waiting, plain or through TLS. The owner waits on
// events() when a step says so. Plain connections pay one predictable branch for TLS.
//
// Threads: the core's own.
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <span>
#include <string_view>

#include "andon/net/socket_events.hpp"
#include "andon/net/tls.hpp"

namespace andon::net {

class byte_stream {
public:
  byte_stream(core& at, int descriptor) : events_(at, descriptor) {}
  byte_stream(const byte_stream&) = delete;  // the reactor and OpenSSL refer to it
  byte_stream& operator=(const byte_stream&) = delete;
  ~byte_stream();   ///< closes; says so by TLS's own message where it can be sent at once

  [[nodiscard]] socket_events& events() { return events_; }
  [[nodiscard]] int descriptor() const { return events_.descriptor(); }
  /// From here on through TLS.
  void secure(std::unique_ptr<tls_session> session) { tls_ = std::move(session); }
  [[nodiscard]] tls_session* tls() const { return tls_.get(); }

  /// done, want_read (nothing there; the next wait_readable() really waits), closed, failed.
  io_step read(char* into, std::size_t size) {
    if (tls_ != nullptr) [[unlikely]] return read_tls(into, size);
    const ssize_t got = ::recv(descriptor(), into, size, MSG_DONTWAIT);
    if (got < static_cast<ssize_t>(size)) events_.drained();
    if (got > 0) return {io_state::done, static_cast<std::size_t>(got)};
    if (got == 0) return {io_state::closed, 0};
    return {errno == EAGAIN || errno == EINTR ? io_state::want_read : io_state::failed, 0};
  }

  static constexpr std::size_t most_parts = 4;
  /// Sends as much as the kernel takes and removes it from the parts. done (all of it), want_write, failed.
  io_state write(std::span<std::string_view> parts);
  /// Says that nothing more will be sent; reading goes on.
  void shut_write();
  /// The coming close is no proper end: RST, and nothing from TLS.
  void make_close_hard();

private:
  io_step read_tls(char* into, std::size_t size);
  io_state write_plain(std::span<std::string_view> parts);
  io_state write_tls(std::span<std::string_view> parts);
  io_step write_record(std::span<const std::string_view> parts);

  socket_events events_;
  std::unique_ptr<tls_session> tls_;
};

}  // namespace andon::net
