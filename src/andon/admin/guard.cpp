#include "andon/admin/guard.hpp"

#include "andon/net/resolver.hpp"

namespace andon::admin {
namespace {

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    return end == std::string_view::npos ? std::string_view{} : host.substr(0, end + 1);
  }
  const auto colon = host.find(':');
  return colon == std::string_view::npos ? host : host.substr(0, colon);
}

}  // namespace

bool is_own_host(std::string_view host, std::span<const std::string> names) {
  const auto name = without_port(host);
  if (name.empty()) return false;
  for (const auto& own : names)
    if (net::header_equals(name, own)) return true;
  return net::header_equals(name, "localhost") || !net::parse_literal_address(name).empty();
}

bool is_own_origin(std::span<const net::header> headers) {
  for (const auto& line : headers) {
    if (!net::header_equals(line.name, "origin")) continue;
    auto origin = line.value;
    if (origin.starts_with("http://")) origin.remove_prefix(7);
    else if (origin.starts_with("https://")) origin.remove_prefix(8);
    else return false;
    if (!net::header_equals(origin, net::find_header(headers, "host"))) return false;
  }
  return true;
}

std::optional<nanoseconds> failure_count::must_wait(std::string_view peer, mono_time now) const {
  const auto found = peers_.find(std::string(peer));
  if (found == peers_.end() || found->second.failures < allowed) return std::nullopt;
  const auto until = found->second.since + window;
  if (now >= until) return std::nullopt;
  return until - now;
}

void failure_count::failed(std::string_view peer, mono_time now) {
  if (peers_.size() >= max_peers) std::erase_if(peers_, [&](const auto& item) { return now - item.second.since >= window; });
  if (peers_.size() >= max_peers) peers_.clear();
  auto& entry = peers_[std::string(peer)];
  if (entry.failures == 0 || now - entry.since >= window) entry = {now, 0};
  ++entry.failures;
}

}  // namespace andon::admin
