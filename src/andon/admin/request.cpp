#include "andon/admin/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "andon/base/time_text.hpp"

namespace andon::admin {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

enum class known_as : std::uint8_t { nothing, single, repeated };

known_as is_known(std::string_view name, std::string_view known) {
  while (!known.empty()) {
    const auto end = std::min(known.find(' '), known.size());
    auto one = known.substr(0, end);
    const bool repeated = one.ends_with('*');
    if (repeated) one.remove_suffix(1);
    if (one == name) return repeated ? known_as::repeated : known_as::single;
    known.remove_prefix(std::min(end + 1, known.size()));
  }
  return known_as::nothing;
}

std::unexpected<error> bad(std::string_view name, std::string_view expected) {
  return fail(errc::invalid_argument, fmt::format("the argument '{}' must be {}", name, expected), std::string(name));
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return out;
}

result<query_arguments> query_arguments::parse(std::string_view text, std::string_view known) {
  query_arguments out;
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const auto pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return fail(errc::invalid_argument, "the query has a broken %-escape");
    const auto form = is_known(*name, known);
    if (form == known_as::nothing) {
      return fail(errc::invalid_argument,
                  known.empty() ? fmt::format("unknown argument '{}': this path takes none", *name)
                                : fmt::format("unknown argument '{}' (known: {})", *name, known), *name);
    }
    if (form == known_as::single && out.has(*name)) return fail(errc::invalid_argument, fmt::format("the argument '{}' is given twice", *name), *name);
    out.pairs_.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

std::string_view query_arguments::text(std::string_view name) const {
  for (const auto& [key, value] : pairs_)
    if (key == name) return value;
  return {};
}

std::vector<std::string_view> query_arguments::texts(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const auto& [key, value] : pairs_)
    if (key == name) out.push_back(value);
  return out;
}

bool query_arguments::has(std::string_view name) const {
  return std::ranges::any_of(pairs_, [&](const auto& pair) { return pair.first == name; });
}

result<std::uint64_t> query_arguments::number(std::string_view name, std::uint64_t missing, std::uint64_t least, std::uint64_t most) const {
  if (!has(name)) return missing;
  const auto value = text(name);
  std::uint64_t out = 0;
  const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), out);
  if (failed != std::errc{} || end != value.data() + value.size() || out < least || out > most)
    return bad(name, fmt::format("a whole number from {} to {}", least, most));
  return out;
}

result<bool> query_arguments::flag(std::string_view name) const {
  const auto value = text(name);
  if (!has(name) || value == "false" || value == "0") return false;
  if (value == "true" || value == "1" || value.empty()) return true;
  return bad(name, "true or false");
}

result<nanoseconds> query_arguments::duration(std::string_view name, nanoseconds missing, nanoseconds most) const {
  if (!has(name)) return missing;
  const auto span = parse_duration(text(name));
  if (!span || *span <= nanoseconds{0} || *span > most) return bad(name, fmt::format("a duration up to {}", format_duration(most)));
  return *span;
}

}  // namespace andon::admin
