#include "andon/net/url.hpp"

#include <fmt/core.h>

#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "andon/net/resolver.hpp"

namespace andon::net {
namespace {

namespace ip = boost::asio::ip;

struct block {
  std::uint32_t first;
  unsigned bits;
  address_kind kind;
};

// IANA's registries of special-purpose addresses. The first match counts.
constexpr std::array blocks_v4{
    block{0xA9FEA9FE, 32, address_kind::metadata},         // 169.254.169.254, most clouds
    block{0xA9FEAA02, 32, address_kind::metadata},         // 169.254.170.2, container credentials
    block{0xA9FEAA17, 32, address_kind::metadata},         // 169.254.170.23, pod identity
    block{0x646464C8, 32, address_kind::metadata},         // 100.100.100.200
    block{0xA83F8110, 32, address_kind::metadata},         // 168.63.129.16
    block{0x00000000, 32, address_kind::unspecified},      // 0.0.0.0
    block{0x00000000, 8, address_kind::reserved},          // "this network"
    block{0x7F000000, 8, address_kind::loopback},
    block{0xA9FE0000, 16, address_kind::link_local},
    block{0x0A000000, 8, address_kind::private_network},
    block{0xAC100000, 12, address_kind::private_network},
    block{0xC0A80000, 16, address_kind::private_network},
    block{0x64400000, 10, address_kind::private_network},  // carriers' shared space
    block{0xC0000000, 24, address_kind::reserved},
    block{0xC0000200, 24, address_kind::reserved},         // documentation
    block{0xC6120000, 15, address_kind::reserved},         // benchmarks
    block{0xC6336400, 24, address_kind::reserved},         // documentation
    block{0xCB007100, 24, address_kind::reserved},         // documentation
    block{0xE0000000, 4, address_kind::multicast},
    block{0xF0000000, 4, address_kind::reserved},          // and broadcast
};

address_kind kind_of_v4(std::uint32_t address) {
  for (const block& each : blocks_v4)
    if ((address ^ each.first) >> (32 - each.bits) == 0) return each.kind;
  return address_kind::global;
}

std::uint32_t word_at(const ip::address_v6::bytes_type& bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

address_kind kind_of_v6(const ip::address_v6& address) {
  const auto bytes = address.to_bytes();
  const std::uint32_t words[4] = {word_at(bytes, 0), word_at(bytes, 4), word_at(bytes, 8), word_at(bytes, 12)};
  const bool high_zero = words[0] == 0 && words[1] == 0;
  if (high_zero && words[2] == 0 && words[3] == 0) return address_kind::unspecified;
  if (high_zero && words[2] == 0 && words[3] == 1) return address_kind::loopback;
  if (high_zero && (words[2] == 0xffff || words[2] == 0 || words[2] == 0xffff0000)) return kind_of_v4(words[3]);   // mapped, compatible, translated
  if (words[0] == 0x0064ff9b) return words[1] == 0 && words[2] == 0 ? kind_of_v4(words[3]) : address_kind::reserved;   // NAT64
  if (words[0] >> 16 == 0x2002) return kind_of_v4(words[0] << 16 | words[1] >> 16);   // 6to4
  if (words[0] == 0xfd000ec2 && words[1] == 0 && words[2] == 0 && words[3] == 0x254) return address_kind::metadata;
  if (words[0] == 0xfd2000ce && words[1] == 0 && words[2] == 0 && words[3] == 0x254) return address_kind::metadata;
  if (words[0] >> 25 == 0xfc >> 1) return address_kind::private_network;   // fc00::/7
  if (words[0] >> 22 == 0xfe80 >> 6) return address_kind::link_local;
  if (words[0] >> 22 == 0xfec0 >> 6) return address_kind::private_network;   // old site-local
  if (words[0] >> 24 == 0xff) return address_kind::multicast;
  if (words[0] == 0x20010db8 || words[0] == 0x20010000 || words[0] == 0x01000000) return address_kind::reserved;   // documentation, Teredo, discard
  return words[0] >> 29 == 1 ? address_kind::global : address_kind::reserved;   // 2000::/3
}

std::string bracketed(std::string_view host) {
  const bool bare_v6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
  return bare_v6 ? fmt::format("[{}]", host) : std::string(host);
}

std::unexpected<error> refuse(std::string_view text, std::string_view why) {
  return fail(errc::invalid_argument, fmt::format("`{}` cannot be a provider's URL: {}", text, why));
}

bool has_dot_segment(std::string_view path) {
  for (std::size_t at = 0; at < path.size();) {
    std::size_t end = path.find('/', at);
    if (end == std::string_view::npos) end = path.size();
    std::string_view segment = path.substr(at, end - at);
    if (segment == "." || segment == ".." || segment.find("%2e") != segment.npos || segment.find("%2E") != segment.npos) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace

result<base_url> parse_base_url(std::string_view text) {
  // Secrets may stand in what is refused below, so messages repeat the text only once it is known to hold none.
  auto parsed = boost::urls::parse_uri(boost::urls::string_view(text.data(), text.size()));
  if (!parsed) return fail(errc::invalid_argument, "a provider's URL is malformed: write it like https://api.example.com/v1");
  const auto& url = *parsed;
  if (url.has_userinfo()) return fail(errc::invalid_argument, "a provider's URL must not hold user or password: give credentials as `key`");
  if (url.has_query()) return fail(errc::invalid_argument, "a provider's URL must not hold a query");
  if (url.has_fragment()) return refuse(text, "it has a fragment");
  const bool https = url.scheme_id() == boost::urls::scheme::https;
  if (!https && url.scheme_id() != boost::urls::scheme::http) return refuse(text, "the scheme is neither http nor https");
  if (url.encoded_host().empty()) return refuse(text, "it has no host");
  if (url.has_port() && url.port_number() == 0) return refuse(text, "the port is not a number from 1 to 65535");
  base_url out;
  out.to.tls = https;
  out.to.port = url.has_port() ? url.port_number() : static_cast<std::uint16_t>(https ? 443 : 80);
  const std::string host = url.host();
  for (char c : host)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '/' || c == '@' || c == '%') return refuse(text, "the host holds characters that no host has");
  for (char c : host) out.to.host.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c);
  out.path.assign(url.encoded_path().data(), url.encoded_path().size());
  if (!out.path.empty() && out.path.front() != '/') return refuse(text, "the port is not a number");
  if (has_dot_segment(out.path)) return refuse(text, "the path holds dot segments");
  while (out.path.ends_with('/')) out.path.pop_back();
  return out;
}

std::string host_port(const endpoint& to) { return fmt::format("{}:{}", bracketed(to.host), to.port); }

std::string host_header(const endpoint& to) {
  const bool own_port = to.port == (to.tls ? 443 : 80);
  return own_port ? bracketed(to.host) : host_port(to);
}

std::string_view to_string(address_kind kind) {
  constexpr std::array<std::string_view, 8> names{"global", "loopback", "private network", "link-local", "metadata", "unspecified", "multicast", "reserved"};
  return names[static_cast<std::size_t>(kind)];
}

address_kind kind_of_address(const ip::address& address) {
  return address.is_v4() ? kind_of_v4(address.to_v4().to_uint()) : kind_of_v6(address.to_v6());
}

bool is_this_machine(std::string_view host) {
  if (host == "localhost") return true;
  boost::system::error_code no_v4;
  if (const auto v4 = ip::make_address_v4(host, no_v4); !no_v4) return kind_of_v4(v4.to_uint()) == address_kind::loopback;
  const auto address = parse_literal_address(host);
  return !address.empty() && kind_of_address(address.front()) == address_kind::loopback;
}

}  // namespace andon::net
