#include "andon/alert/labels.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "andon/base/json_text.hpp"

namespace andon::alert {
namespace {

constexpr std::uint64_t fnv_offset = 14695981039346656037U, fnv_prime = 1099511628211U;
constexpr std::size_t most_labels = 128, longest_name = 512, longest_value = 64 << 10;

void mix(std::uint64_t& hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * fnv_prime;
  hash = (hash ^ 0xffU) * fnv_prime;
}

}  // namespace

std::uint64_t fingerprint_of(const label_set& labels) {
  auto hash = fnv_offset;
  for (const auto& [name, value] : labels) {
    mix(hash, name);
    mix(hash, value);
  }
  return hash;
}

std::string fingerprint_text(std::uint64_t fingerprint) { return fmt::format("{:016x}", fingerprint); }

std::string_view label_value(const label_set& labels, std::string_view name) {
  const auto found = labels.find(name);
  return found == labels.end() ? std::string_view{} : std::string_view(found->second);
}

std::string labels_text(const label_set& labels) {
  std::string out = "{";
  for (const auto& [name, value] : labels) out += fmt::format("{}{}={}", out.size() > 1 ? ", " : "", is_plain_label_name(name) ? name : json_string(name), json_string(value));
  return out + "}";
}

bool is_label_name(std::string_view name) { return !name.empty() && is_utf8(name); }

bool is_plain_label_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && letter(name[0]) && std::ranges::all_of(name, [&](char c) { return letter(c) || digit(c); });
}

result<void> check_labels(const label_set& labels, std::string_view what) {
  if (labels.size() > most_labels) return fail(errc::invalid_argument, fmt::format("{}: more than {} of them", what, most_labels));
  for (const auto& [name, value] : labels) {
    if (!is_label_name(name) || name.size() > longest_name) return fail(errc::invalid_argument, fmt::format("{}: invalid name {}", what, json_string(name)));
    if (value.size() > longest_value || !is_utf8(value)) return fail(errc::invalid_argument, fmt::format("{}: invalid value of '{}'", what, name));
  }
  return {};
}

label_set common_of(const std::vector<const label_set*>& all) {
  if (all.empty()) return {};
  label_set out = *all[0];
  for (const auto* one : all)
    std::erase_if(out, [&](const auto& pair) {
      const auto found = one->find(pair.first);
      return found == one->end() || found->second != pair.second;
    });
  return out;
}

}  // namespace andon::alert
