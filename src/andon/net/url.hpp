#pragma once
// Addresses of providers as the configuration writes them, and what kind of network an address belongs to.
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/net/http_client.hpp"

namespace andon::net {

/// `https://api.openai.com/v1`, taken apart.
struct base_url {
  endpoint to;
  std::string path;   ///< without a slash at its end: "" or "/v1"; still percent-encoded
};

/// Errors: invalid_argument for other schemes, user information, queries, fragments, missing hosts, port 0, dot segments.
result<base_url> parse_base_url(std::string_view text);

/// `host:port`, IPv6 in brackets: for messages. `host_header` leaves the scheme's own port out.
std::string host_port(const endpoint& to);
std::string host_header(const endpoint& to);

/// `localhost`, or a literal loopback address: what goes there does not leave the machine.
[[nodiscard]] bool is_this_machine(std::string_view host);

/// For rules about where a call may go. `metadata` are the addresses at which clouds hand out credentials.
enum class address_kind : std::uint8_t { global, loopback, private_network, link_local, metadata, unspecified, multicast, reserved };
std::string_view to_string(address_kind);

/// IPv4 addresses inside IPv6 ones (mapped, 6to4, NAT64) are judged as the IPv4 address.
address_kind kind_of_address(const boost::asio::ip::address& address);

}  // namespace andon::net
