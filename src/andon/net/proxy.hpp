#pragma once
// Forward proxies: where they are, and which hosts are reached without one.
#include <optional>
#include <string>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/net/http_client.hpp"

namespace andon::net {

/// `http://user:password@proxy.example:3128`; the scheme may be left out, and the port is 3128
/// when none is given. Errors: invalid_argument (an https:// or socks proxy, no host, a bad port).
result<proxy_address> parse_proxy(std::string_view text);

/// True if a NO_PROXY list has the host: `*`, a name (itself and everything below it, with or without a leading dot or
/// `*.`), `name:port`, a literal address, an IPv4 or IPv6 network as `10.0.0.0/8`.
bool is_direct(std::string_view no_proxy, const endpoint& to);

}  // namespace andon::net
