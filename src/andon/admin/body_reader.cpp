#include "andon/admin/body_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "andon/base/money.hpp"

namespace andon::admin {

namespace json = boost::json;

namespace {

/// `600`, `5k`, `2M`, as the configuration and the command line write them.
std::optional<std::int64_t> short_count(std::string_view text) {
  const std::int64_t factor = text.ends_with('k') || text.ends_with('K') ? 1'000 : text.ends_with('M') ? 1'000'000 : 1;
  if (factor > 1) text.remove_suffix(1);
  std::int64_t value = 0, scaled = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || __builtin_mul_overflow(value, factor, &scaled)) return std::nullopt;
  return scaled;
}

/// The shortest form, without an exponent: amounts below a ten-thousandth of a dollar have one otherwise.
std::string plain_decimal(double number) {
  auto out = fmt::format("{}", number);
  if (!out.contains('e')) return out;
  out = fmt::format("{:.12f}", number);
  out.erase(out.find_last_not_of('0') + 1);
  return out.ends_with('.') ? out + "0" : out;
}

}  // namespace

result<json::object> parse_body(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return json::object{};
  boost::system::error_code failed;
  auto parsed = json::parse(text, failed);
  if (failed) return fail(errc::bad_json, "the body is not valid JSON: " + failed.message());
  if (!parsed.is_object()) return fail(errc::invalid_argument, "the body must be a JSON object");
  return std::move(parsed.get_object());
}

const json::value* body_reader::value(std::string_view name) {
  asked_.emplace_back(name);
  const auto* found = from_.if_contains(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

void body_reader::complain(std::string_view name, std::string message) {
  if (!first_) first_ = error{errc::invalid_argument, fmt::format("{} {}", path(name), message), path(name)};
}

bool body_reader::text(std::string_view name, std::string& out) {
  const auto* found = value(name);
  if (found == nullptr) return false;
  if (!found->is_string()) return complain(name, "must be text"), false;
  out.assign(found->get_string().data(), found->get_string().size());
  return true;
}

bool body_reader::flag(std::string_view name, bool& out) {
  const auto* found = value(name);
  if (found == nullptr) return false;
  if (!found->is_bool()) return complain(name, "must be true or false"), false;
  out = found->get_bool();
  return true;
}

bool body_reader::number(std::string_view name, std::optional<std::int64_t>& out) {
  const auto* found = value(name);
  if (found == nullptr) return false;
  const auto count = found->is_string() ? short_count(found->get_string()) : found->is_int64() ? std::optional(found->get_int64()) : std::nullopt;
  if (!count || *count < 0) return complain(name, "must be a whole number, not negative: 600, or \"5k\", \"2M\""), false;
  out = count;
  return true;
}

bool body_reader::texts(std::string_view name, std::vector<std::string>& out) {
  const auto* found = value(name);
  if (found == nullptr) return false;
  if (!found->is_array()) return complain(name, "must be a list of texts"), false;
  std::vector<std::string> read;
  for (const auto& one : found->get_array()) {
    if (!one.is_string()) return complain(name, "must be a list of texts"), false;
    read.emplace_back(one.get_string().data(), one.get_string().size());
  }
  out = std::move(read);
  return true;
}

bool body_reader::pairs(std::string_view name, access::text_pairs& out) {
  const auto* found = value(name);
  if (found == nullptr) return false;
  if (!found->is_object()) return complain(name, "must be an object of texts"), false;
  access::text_pairs read;
  for (const auto& [key, one] : found->get_object()) {
    if (!one.is_string()) return complain(name, "must be an object of texts"), false;
    read.emplace_back(std::string(key), std::string(one.get_string().data(), one.get_string().size()));
  }
  out = std::move(read);
  return true;
}

bool body_reader::money(std::string_view name, std::optional<nano_usd>& out) {
  const auto* found = value(name);
  if (found == nullptr) return false;
  std::string written;
  if (found->is_string()) written.assign(found->get_string().data(), found->get_string().size());
  else if (found->is_int64()) written = std::to_string(found->get_int64());
  else if (found->is_double()) written = plain_decimal(found->get_double());
  const auto amount = parse_usd(written);
  if (!amount) return complain(name, "must be an amount in dollars: 25, 0.5 or \"500 USD\""), false;
  out = *amount;
  return true;
}

result<void> body_reader::finish() {
  if (first_) return std::unexpected(*first_);
  for (const auto& [name, ignored] : from_)
    if (std::ranges::find(asked_, std::string_view(name.data(), name.size())) == asked_.end())
      return fail(errc::invalid_argument, fmt::format("unknown field '{}' (known: {})", path(name), fmt::join(asked_, ", ")), path(name));
  return {};
}

}  // namespace andon::admin
