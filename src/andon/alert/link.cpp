#include "andon/alert/link.hpp"

#include <fmt/format.h>

#include <charconv>

#include "andon/base/hashing.hpp"

namespace andon::alert {
namespace {

std::string signature(std::string_view signed_part, std::string_view key) {
  const auto mac = hmac_sha256(key, signed_part);
  return to_base64url({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t out = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::string_view take(std::string_view& rest) {
  const auto end = std::min(rest.find('.'), rest.size());
  const auto out = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return out;
}

}  // namespace

std::string link_token(const incident_link& from, std::string_view key) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(from.until).time_since_epoch().count();
  const auto part = fmt::format("{}.{}.{}.{}", from.action == link_action::acknowledge ? 'a' : 'r', from.incident, seconds, to_hex(from.who));
  return part + "." + signature(part, key);
}

result<incident_link> read_link(std::string_view token, std::string_view key, wall_time now) {
  const auto dot = token.rfind('.');
  const auto nothing = [] { return fail(errc::not_found, "this link is not valid"); };
  if (dot == std::string_view::npos || !constant_time_equal(signature(token.substr(0, dot), key), token.substr(dot + 1))) return nothing();
  auto rest = token.substr(0, dot);
  const auto action = take(rest);
  const auto incident = number(take(rest)), seconds = number(take(rest));
  auto who = from_hex(rest);
  if ((action != "a" && action != "r") || !incident || !seconds || !who) return nothing();
  incident_link out{action == "a" ? link_action::acknowledge : link_action::resolve, *incident, std::move(*who), wall_time{std::chrono::seconds{*seconds}}};
  if (out.until <= now) return fail(errc::expired_key, "this link has expired");
  return out;
}

}  // namespace andon::alert
