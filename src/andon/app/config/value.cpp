#include "andon/app/config/value.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>

#include "andon/base/money.hpp"
#include "andon/base/time_text.hpp"

namespace andon::app {
namespace {

template <class T>
bool whole_number(std::string_view text, T& out) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc{} && end == text.data() + text.size();
}

struct size_unit { std::string_view suffix; std::int64_t bytes; };
constexpr std::array size_units{size_unit{"KiB", 1ll << 10}, size_unit{"MiB", 1ll << 20}, size_unit{"GiB", 1ll << 30},
                                size_unit{"TiB", 1ll << 40}, size_unit{"kB", 1'000},      size_unit{"KB", 1'000},
                                size_unit{"MB", 1'000'000},  size_unit{"GB", 1'000'000'000},
                                size_unit{"TB", 1'000'000'000'000}, size_unit{"B", 1}};

}  // namespace

std::string to_string(const address& a) {
  return a.host.contains(':') ? fmt::format("[{}]:{}", a.host, a.port) : fmt::format("{}:{}", a.host, a.port);
}

result<bool> value_codec<bool>::read(std::string_view text) {
  if (text == "true" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "no" || text == "off") return false;
  return fail(errc::invalid_argument, fmt::format("'{}' is neither true nor false", text));
}

result<std::int64_t> value_codec<std::int64_t>::read(std::string_view text) {
  std::int64_t factor = 1;
  auto digits = text;
  if (digits.ends_with('k') || digits.ends_with('K')) factor = 1'000;
  if (digits.ends_with('M')) factor = 1'000'000;
  if (factor > 1) digits.remove_suffix(1);
  std::int64_t value = 0;
  std::int64_t scaled = 0;
  if (!whole_number(digits, value) || __builtin_mul_overflow(value, factor, &scaled))
    return fail(errc::invalid_argument, fmt::format("'{}' is not a whole number (also 5k, 2M)", text));
  return scaled;
}

result<double> value_codec<double>::read(std::string_view text) {
  double value = 0;
  if (!whole_number(text, value) || !std::isfinite(value))
    return fail(errc::invalid_argument, fmt::format("'{}' is not a number", text));
  return value;
}
std::string value_codec<double>::print(double v) { return fmt::format("{}", v); }

result<secret> value_codec<secret>::read(std::string_view text) {
  if (!text.starts_with("file:")) return secret{std::string(text)};
  const std::string path(text.substr(5));
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(errc::invalid_argument, fmt::format("cannot read the secret's file {}", path));
  std::ostringstream content;
  content << in.rdbuf();
  auto value = std::move(content).str();
  while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
  if (value.empty()) return fail(errc::invalid_argument, fmt::format("the secret's file {} is empty", path));
  return secret{std::move(value)};
}

result<nanoseconds> value_codec<nanoseconds>::read(std::string_view text) { return parse_duration(text); }
std::string value_codec<nanoseconds>::print(nanoseconds v) { return format_duration(v); }

result<byte_count> value_codec<byte_count>::read(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  auto suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  while (suffix.starts_with(' ')) suffix.remove_prefix(1);
  const auto* unit = std::ranges::find(size_units, suffix, &size_unit::suffix);
  std::int64_t scaled = 0;
  if (code != std::errc{} || unit == size_units.end() || value < 0 || __builtin_mul_overflow(value, unit->bytes, &scaled))
    return fail(errc::invalid_argument, fmt::format("'{}' is not a size; write a number and a unit, e.g. 64 KiB, 32 MiB, 10 GB", text));
  return byte_count{scaled};
}
std::string value_codec<byte_count>::print(byte_count v) {
  constexpr std::array binary{size_unit{"TiB", 1ll << 40}, size_unit{"GiB", 1ll << 30}, size_unit{"MiB", 1ll << 20}, size_unit{"KiB", 1ll << 10}};
  for (const auto& [suffix, bytes] : binary)
    if (v.value() >= bytes && v.value() % bytes == 0) return fmt::format("{} {}", v.value() / bytes, suffix);
  return fmt::format("{} B", v.value());
}

result<nano_usd> value_codec<nano_usd>::read(std::string_view text) { return parse_usd(text); }
std::string value_codec<nano_usd>::print(nano_usd v) { return format_usd(v) + " USD"; }

result<address> value_codec<address>::read(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto wrong = [&] { return fail(errc::invalid_argument, fmt::format("'{}' is not an address; write host:port, e.g. 127.0.0.1:4000", text)); };
  if (colon == std::string_view::npos) return wrong();
  address out;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  else if (host.contains(':')) return wrong();
  out.host = host.empty() ? "0.0.0.0" : std::string(host);
  if (!whole_number(text.substr(colon + 1), out.port)) return wrong();
  return out;
}

}  // namespace andon::app
