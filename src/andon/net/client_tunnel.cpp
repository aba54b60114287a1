// Through an HTTP proxy by CONNECT, before TLS.
#include <fmt/core.h>
#include <sys/socket.h>

#include "andon/net/client_connection.hpp"
#include "andon/net/pool.hpp"
#include "andon/net/url.hpp"

namespace andon::net {
namespace {

constexpr std::size_t most_reply = 16 * 1024;

}  // namespace

task<result<void>> client_connection::tunnel(deadline until) {
  const auto& to = home_.to();
  const std::string where = host_port(to);
  std::string text = "CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n";
  if (!to.proxy.authorization.empty()) text += "Proxy-Authorization: " + to.proxy.authorization + "\r\n";
  text += "\r\n";
  // A fresh connection takes so few bytes at once.
  if (::send(events_->descriptor(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
    co_return failed(errc::connect_failed, "the proxy closed the connection");
  std::string seen;
  for (;;) {
    char part[512];
    const io_step step = receive_plain(part, sizeof part);
    if (step.now == io_state::done) {
      seen.append(part, step.bytes);
      auto complete = take_tunnel_reply(seen);
      if (!complete) co_return std::unexpected(std::move(complete.error()));
      if (*complete) co_return result<void>{};
      continue;
    }
    if (step.now != io_state::want_read) co_return failed(errc::connect_failed, "the proxy closed the connection");
    events_->drained();
    if (!co_await wait_for(io_state::want_read, until)) co_return stopped();
  }
}

result<bool> client_connection::take_tunnel_reply(std::string_view seen) {
  const auto end = seen.find("\r\n\r\n");
  if (end == seen.npos) {
    if (seen.size() > most_reply) return failed(errc::connect_failed, "the proxy's answer is too large");
    return false;
  }
  const auto& proxy = home_.to().proxy;
  const auto line = seen.substr(0, seen.find("\r\n"));
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[9] != '2')
    return failed(errc::connect_failed, fmt::format("the proxy {}:{} refused the tunnel: {}", proxy.host, proxy.port, line.substr(0, 100)));
  if (end + 4 != seen.size()) return failed(errc::connect_failed, "the proxy sent bytes before the provider could");
  return true;
}

}  // namespace andon::net
