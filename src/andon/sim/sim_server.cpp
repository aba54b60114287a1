#include "andon/sim/sim_server.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "andon/sim/connection.hpp"

namespace andon::sim {
namespace {

std::unexpected<error> failed(std::string_view doing, const sockaddr_in& where) {
  return fail(errc::io_error, fmt::format("The simulated provider cannot {} port {}: {}.", doing, ntohs(where.sin_port), std::strerror(errno)));
}

void set_flag(int descriptor, int level, int option) {
  int on = 1;
  ::setsockopt(descriptor, level, option, &on, sizeof on);
}

void reset_now(int descriptor) {
  linger now{1, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(descriptor);
}

}  // namespace

struct sim_server::state {
  shared_state shared;
  sockaddr_in where{};
  std::unique_ptr<net::socket_events> listener;
  unsigned generation = 0;  // of the listening socket

  state(net::core& at, engine with) : shared(at, std::move(with)) {}
  result<void> open(const std::shared_ptr<state>& self);
  void accept_all();
  static net::task<void> accept_loop(std::shared_ptr<state> self, unsigned generation);
};

result<void> sim_server::state::open(const std::shared_ptr<state>& self) {
  int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return failed("make a socket for", where);
  set_flag(descriptor, SOL_SOCKET, SO_REUSEADDR);
  auto* address = reinterpret_cast<sockaddr*>(&where);
  socklen_t size = sizeof where;
  if (::bind(descriptor, address, size) != 0 || ::listen(descriptor, 4'096) != 0 || ::getsockname(descriptor, address, &size) != 0) {
    auto problem = failed("listen on", where);
    ::close(descriptor);
    return problem;
  }
  listener = std::make_unique<net::socket_events>(shared.core, descriptor);
  listener->drained();
  shared.core.spawn(accept_loop(self, ++generation));
  return {};
}

void sim_server::state::accept_all() {
  for (;;) {
    int descriptor = ::accept4(listener->descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return listener->drained();
    }
    shared.connections.fetch_add(1, std::memory_order_relaxed);
    const auto wrong = shared.behaviour.at_accept(shared.age());
    if (wrong == fault::refuse) {
      reset_now(descriptor);
      continue;
    }
    set_flag(descriptor, IPPROTO_TCP, TCP_NODELAY);
    shared.core.spawn(connection::serve(std::make_unique<connection>(shared, descriptor), wrong == fault::reset_in_request));
  }
}

net::task<void> sim_server::state::accept_loop(std::shared_ptr<state> self, unsigned mine) {
  while (self->listener != nullptr && self->generation == mine) {
    if (self->listener->readable()) self->accept_all();
    else co_await self->listener->wait_readable();
  }
}

sim_server::sim_server(net::core& at, engine with) : state_(std::make_shared<state>(at, std::move(with))) {}

sim_server::~sim_server() { stop(); }

result<void> sim_server::listen(std::string_view address, std::uint16_t port) {
  state_->where.sin_family = AF_INET;
  state_->where.sin_port = htons(port);
  if (::inet_pton(AF_INET, std::string{address}.c_str(), &state_->where.sin_addr) != 1)
    return fail(errc::invalid_argument, fmt::format("`{}` is not an IPv4 address.", address));
  return state_->open(state_);
}

std::uint16_t sim_server::port() const { return ntohs(state_->where.sin_port); }

result<void> sim_server::set_listening(bool on) {
  if (on == (state_->listener != nullptr)) return {};
  if (on) return state_->open(state_);
  auto old = std::move(state_->listener);
  ++state_->generation;
  old->cancel();
  return {};
}

void sim_server::stop() {
  (void)set_listening(false);
  state_->shared.close_all();
}

sim_stats sim_server::stats() const {
  const auto& s = state_->shared;
  return {s.connections.load(), s.requests.load(), s.clients_left.load(), s.bad_requests.load()};
}

}  // namespace andon::sim
