#include "andon/net/proxy.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <charconv>

#include "andon/net/resolver.hpp"

namespace andon::net {
namespace {

namespace ip = boost::asio::ip;
constexpr std::uint16_t usual_port = 3128;

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (problem != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::string base64(std::string_view plain) {
  std::string out((plain.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(plain.data()), static_cast<int>(plain.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const bool escaped = text[i] == '%' && i + 2 < text.size() && std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3;
    out += escaped ? static_cast<char>(byte) : text[i];
    if (escaped) i += 2;
  }
  return out;
}

// "host:port" with IPv6 in brackets; no port: 0.
std::optional<std::pair<std::string_view, std::uint16_t>> split_port(std::string_view text) {
  const auto colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  const bool has_port = colon != text.npos && (bracketed ? colon > 0 && text[colon - 1] == ']' : text.find(':') == colon);
  if (!has_port) return std::pair{text, std::uint16_t{0}};
  const auto port = port_of(text.substr(colon + 1));
  if (!port) return std::nullopt;
  return std::pair{text.substr(0, colon), *port};
}

template <class Network, class Address>
bool inside(const Network& network, const Address& address) {
  const auto hosts = network.canonical();
  return decltype(hosts)(address, network.prefix_length()).canonical() == hosts;
}

bool in_network(std::string_view network, const ip::address& address) {
  boost::system::error_code failed;
  if (address.is_v4()) {
    const auto parsed = ip::make_network_v4(std::string(network), failed);
    return !failed && inside(parsed, address.to_v4());
  }
  const auto parsed = ip::make_network_v6(std::string(network), failed);
  return !failed && inside(parsed, address.to_v6());
}

bool name_matches(std::string_view rule, std::string_view host) {
  if (rule.starts_with("*.")) rule.remove_prefix(1);
  if (header_equals(rule, host)) return true;
  const std::string suffix = rule.starts_with('.') ? std::string(rule) : "." + std::string(rule);
  if (header_equals(suffix.substr(1), host)) return true;
  return host.size() > suffix.size() && header_equals(host.substr(host.size() - suffix.size()), suffix);
}

}  // namespace

result<proxy_address> parse_proxy(std::string_view text) {
  proxy_address out;
  const auto wrong = [&](std::string_view why) { return fail(errc::invalid_argument, "the proxy's address " + std::string(why) + ": http://proxy.example:3128 is one"); };
  if (const auto scheme = text.find("://"); scheme != text.npos) {
    if (!header_equals(text.substr(0, scheme), "http")) return wrong("must start with http://");
    text.remove_prefix(scheme + 3);
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  if (const auto at = text.rfind('@'); at != text.npos) {
    out.authorization = "Basic " + base64(unescape(text.substr(0, at)));
    text.remove_prefix(at + 1);
  }
  const auto parts = split_port(text);
  if (!parts) return wrong("has a bad port");
  out.host = parts->first;
  out.port = parts->second == 0 ? usual_port : parts->second;
  if (out.host.empty() || out.host.find_first_of("/?# \t\r\n") != std::string::npos) return wrong("has no proper host");
  return out;
}

bool is_direct(std::string_view no_proxy, const endpoint& to) {
  const auto literal = parse_literal_address(to.host);
  while (!no_proxy.empty()) {
    const auto comma = no_proxy.find(',');
    auto rule = no_proxy.substr(0, comma);
    no_proxy.remove_prefix(comma == no_proxy.npos ? no_proxy.size() : comma + 1);
    while (rule.starts_with(' ')) rule.remove_prefix(1);
    while (rule.ends_with(' ')) rule.remove_suffix(1);
    if (rule == "*") return true;
    if (!literal.empty() && rule.find('/') != rule.npos && in_network(rule, literal.front())) return true;
    const auto parts = split_port(rule);
    if (!parts || parts->first.empty() || (parts->second != 0 && parts->second != to.port)) continue;
    if (literal.empty() ? name_matches(parts->first, to.host) : parse_literal_address(parts->first) == literal) return true;
  }
  return false;
}

}  // namespace andon::net
