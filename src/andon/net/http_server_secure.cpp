#include <sys/socket.h>

#include "andon/base/log.hpp"
#include "andon/net/http_server_connection.hpp"

namespace andon::net {

task<void> server_connection::serve_securely() {
  std::unique_ptr<server_connection> self(this);
  if (!events().usable() || !co_await shake_hands()) co_return;
  core& at = server_->at;
  const bool http2 = stream_.tls()->protocol() == "h2";
  at.spawn(http2 ? self.release()->serve_http2() : self.release()->serve());
}

task<bool> server_connection::shake_hands() {
  stream_.secure(server_->tls->session(stream_.descriptor()));
  arm(phase::securing, server_->limits.handshake_timeout);
  io_step step = stream_.tls()->handshake();
  while (step.now == io_state::want_read || step.now == io_state::want_write) {
    if (step.now == io_state::want_write) {
      co_await events().wait_writable();
    } else {
      events().drained();
      co_await events().wait_readable();
    }
    if (events().cancelled() || gone_) break;
    step = stream_.tls()->handshake();
  }
  timer_.disarm();
  if (step.now == io_state::done) {
    ++server_->counts.handshakes;
    if (stream_.tls()->resumed()) ++server_->counts.handshakes_resumed;
    events().assume_readable();   // the first request may have come with the handshake's last bytes
    co_return true;
  }
  ++server_->counts.handshakes_failed;
  log::debug("handshake_failed", {{"why", events().cancelled() ? "too slow" : stream_.tls()->why()}, {"peer", peer_address()}});
  if (stream_.tls()->met_plain_http()) say_plain_http();
  co_return false;
}

void server_connection::say_plain_http() {
  constexpr std::string_view answer =
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 45\r\nConnection: close\r\n\r\n"
      "this port speaks TLS: use https:// instead.\r\n";
  (void)::send(stream_.descriptor(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace andon::net
