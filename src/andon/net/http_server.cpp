#include "andon/net/http_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "andon/base/log.hpp"
#include "andon/net/http_server_connection.hpp"

namespace andon::net {
namespace {

constexpr nanoseconds accept_backoff = std::chrono::milliseconds{100};
constexpr int accepted_per_turn = 64;

struct socket_address {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  sockaddr_in& v4() { return reinterpret_cast<sockaddr_in&>(storage); }
  sockaddr_in6& v6() { return reinterpret_cast<sockaddr_in6&>(storage); }
  std::string_view text(char (&into)[INET6_ADDRSTRLEN]) {
    const void* bytes = nullptr;
    if (storage.ss_family == AF_INET) bytes = &v4().sin_addr;
    if (storage.ss_family == AF_INET6) bytes = &v6().sin6_addr;
    if (bytes == nullptr || inet_ntop(storage.ss_family, bytes, into, sizeof into) == nullptr) return "local";
    return into;
  }
};

std::optional<socket_address> parse_address(std::string_view text, std::uint16_t port) {
  const std::string name(text.starts_with('[') && text.ends_with(']') ? text.substr(1, text.size() - 2) : text);
  socket_address address;
  if (inet_pton(AF_INET, name.c_str(), &address.v4().sin_addr) == 1) {
    address.v4().sin_family = AF_INET;
    address.v4().sin_port = htons(port);
    address.size = sizeof(sockaddr_in);
    return address;
  }
  if (inet_pton(AF_INET6, name.c_str(), &address.v6().sin6_addr) == 1) {
    address.v6().sin6_family = AF_INET6;
    address.v6().sin6_port = htons(port);
    address.size = sizeof(sockaddr_in6);
    return address;
  }
  return std::nullopt;
}

// Accepted sockets inherit these options, so that accepting costs one call.
bool prepare(int descriptor, socket_address& address) {
  const int on = 1;
  return ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
         ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
         ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0 &&
         ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
         ::bind(descriptor, address.raw(), address.size) == 0 && ::listen(descriptor, 4096) == 0 &&
         ::getsockname(descriptor, address.raw(), &address.size) == 0;
}

/// Binds without sharing, and lets go: fails with EADDRINUSE when anybody listens there.
bool nobody_listens(socket_address address) {
  const int descriptor = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  const bool free = descriptor >= 0 && ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                    ::bind(descriptor, address.raw(), address.size) == 0;
  const int why = errno;
  if (descriptor >= 0) ::close(descriptor);
  errno = why;
  return free;
}

}  // namespace

struct http_server::state {
  state(core& on, request_handler& handler, const server_limits& limits)
      : shared(std::make_shared<server_state>(on, handler, limits)),
        retry(on.timers(), deadline_timer::member<&state::accept_some>(), this) {}

  void accept_some();
  bool accept_one();
  void accept_failed();

  std::shared_ptr<server_state> shared;
  std::unique_ptr<socket_events> listening;
  deadline_timer retry;
  bool failing = false;
};

http_server::http_server(core& at, request_handler& handler, const server_limits& limits)
    : state_(std::make_unique<state>(at, handler, limits)) {}

http_server::~http_server() { stop(); }

result<std::uint16_t> http_server::listen(std::string_view address, std::uint16_t port, place where) {
  auto parsed = parse_address(address, port);
  if (!parsed) return fail(errc::invalid_argument, "not an IP address to listen on: " + std::string(address));
  const bool alone = where == place::beside_own || nobody_listens(*parsed);
  const int descriptor = alone ? ::socket(parsed->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
  if (descriptor < 0 || !prepare(descriptor, *parsed)) {
    const int why = errno;
    if (descriptor >= 0) ::close(descriptor);
    return fail(errc::io_error, "cannot listen on " + std::string(address) + ":" + std::to_string(port) + ": " + std::strerror(why));
  }
  state_->listening = std::make_unique<socket_events>(state_->shared->at, descriptor);
  if (!state_->listening->usable()) return fail(errc::io_error, "cannot watch the listening socket");
  state_->listening->watch([](void* self) { static_cast<state*>(self)->accept_some(); }, state_.get());
  return ntohs(parsed->storage.ss_family == AF_INET ? parsed->v4().sin_port : parsed->v6().sin6_port);
}

void http_server::state::accept_some() {
  if (!listening) return;
  for (int i = 0; i < accepted_per_turn; ++i)
    if (!accept_one()) return;
  retry.arm(deadline{shared->at.now()});
}

bool http_server::state::accept_one() {
  socket_address peer;
  const int descriptor = ::accept4(listening->descriptor(), peer.raw(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) return true;
    if (errno != EAGAIN) accept_failed();
    return false;
  }
  failing = false;
  char text[INET6_ADDRSTRLEN];
  ++shared->counts.accepted;
  shared->serve(descriptor, peer.text(text));
  return true;
}

void http_server::state::accept_failed() {
  ++shared->counts.accept_failures;
  if (!failing) log::error("accept_failed", {{"why", std::strerror(errno)}, {"open", shared->counts.open}});
  failing = true;
  retry.arm(deadline::after(shared->at.now(), accept_backoff));
}

void http_server::use_tls(std::shared_ptr<const tls_server_context> with) { state_->shared->tls = std::move(with); }

void http_server::adopt(int descriptor) {
  ++state_->shared->counts.accepted;
  state_->shared->serve(descriptor, "local");
}

task<bool> http_server::drain(deadline until) {
  auto shared = state_->shared;
  if (state_->listening) {
    while (state_->accept_one()) {}
    state_->retry.disarm();
    state_->listening.reset();
  }
  shared->draining = true;
  shared->each_connection(&server_connection::wake_for_drain);
  deadline_timer timer(shared->at.timers(), deadline_timer::member<&wait_point::wake>(), &shared->ended);
  timer.arm(until);
  while (shared->counts.open != 0 && !until.passed(shared->at.now())) co_await shared->ended.wait();
  if (shared->counts.open == 0) co_return true;
  shared->abandon_all();
  co_return false;
}

void http_server::stop() {
  state_->retry.disarm();
  state_->listening.reset();
  state_->shared->draining = true;
  state_->shared->abandon_all();
}

server_counts http_server::counts() const { return state_->shared->counts; }

refusal_answer request_handler::describe(const error& why) {
  refusal_answer out;
  out.body = why.message + "\n";
  return out;
}

void server_state::turn_away(int descriptor, std::string_view peer) {
  ++counts.turned_away;
  const error why{errc::overloaded, "too many connections are open", "max_connections"};
  handler.refused(why, peer);
  if (tls != nullptr) {   // no answer can be read without a handshake
    ::close(descriptor);
    return;
  }
  const auto answer = handler.describe(why);
  std::string out = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: " + answer.content_type + "\r\n";
  for (const auto& line : answer.more) out.append(line.name).append(": ").append(line.value).append("\r\n");
  out.append("Date: ").append(date()).append("\r\nContent-Length: ").append(std::to_string(answer.body.size()));
  out.append("\r\nConnection: close\r\n\r\n").append(answer.body);
  (void)::send(descriptor, out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(descriptor, SHUT_WR);
  ::close(descriptor);
}

void server_state::serve(int descriptor, std::string_view peer) {
  if (counts.open >= limits.max_connections) return turn_away(descriptor, peer);
  auto* fresh = std::make_unique<server_connection>(shared_from_this(), descriptor, peer).release();
  at.spawn(tls == nullptr ? fresh->serve() : fresh->serve_securely());
}

}  // namespace andon::net
