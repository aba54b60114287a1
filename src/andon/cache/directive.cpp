#include "andon/cache/directive.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace andon::cache {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t most = 1'000'000'000;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool is(std::string_view text, std::string_view name) { return std::ranges::equal(text, name, {}, lower); }

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

struct unit {
  std::string_view name;
  nanoseconds is;
};
constexpr std::array<unit, 6> units{{{"", 1s}, {"ms", 1ms}, {"s", 1s}, {"m", 1min}, {"h", 1h}, {"d", 24h}}};

void read_one(std::string_view text, directive& out) {
  const auto equals = text.find('=');
  const auto name = trimmed(text.substr(0, equals));
  if (is(name, "no-store")) out.off = true;
  if (is(name, "no-cache")) out.refresh = true;
  if (!is(name, "max-age") || equals == std::string_view::npos) return;
  auto value = trimmed(text.substr(equals + 1));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  out.max_age = read_duration(value).value_or(0s);  // not a number: as if the reply had to be new
}

}  // namespace

std::optional<nanoseconds> read_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (code != std::errc{} || count < 0 || count > most) return std::nullopt;
  const auto name = text.substr(static_cast<std::size_t>(end - text.data()));
  const auto found = std::ranges::find(units, name, &unit::name);
  if (found == units.end() || count > nanoseconds::max() / found->is) return std::nullopt;
  return count * found->is;
}

directive read_directive(std::string_view cache_control, std::string_view own) {
  directive out;
  own = trimmed(own);
  if (own.empty()) {
    while (!cache_control.empty()) {
      const auto comma = cache_control.find(',');
      read_one(cache_control.substr(0, comma), out);
      cache_control = comma == std::string_view::npos ? std::string_view{} : cache_control.substr(comma + 1);
    }
    return out;
  }
  if (is(own, "refresh")) out.refresh = true;
  else if (const auto age = read_duration(own)) out.max_age = *age;
  else out.off = true;
  return out;
}

}  // namespace andon::cache
