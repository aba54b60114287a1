#include "andon/access/credential.hpp"

#include "andon/base/hashing.hpp"

namespace andon::access {
namespace {

bool same_name(std::string_view a, std::string_view lower) noexcept {
  if (a.size() != lower.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] + 32) : a[i];
    if (c != lower[i]) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

void credential_finder::take(std::string_view key) noexcept {
  if (key.empty()) return;
  if (key_.empty()) key_ = key;
  else if (!constant_time_equal(key_, key)) conflict_ = true;
}

void credential_finder::see(std::string_view name, std::string_view value) noexcept {
  switch (name.size()) {
    case 7:
      if (same_name(name, "api-key")) take(trim(value));
      return;
    case 9:
      if (same_name(name, "x-api-key")) take(trim(value));
      return;
    case 13: {
      if (!same_name(name, "authorization")) return;
      value = trim(value);
      if (value.empty()) return;
      constexpr std::size_t scheme = 6;
      if (value.size() > scheme && same_name(value.substr(0, scheme), "bearer") && (value[scheme] == ' ' || value[scheme] == '\t'))
        take(trim(value.substr(scheme)));
      else if (!same_name(value, "bearer"))
        other_scheme_ = true;
      return;
    }
    case 14:
      if (same_name(name, "x-goog-api-key")) take(trim(value));
      return;
    default: return;
  }
}

result<std::string_view> credential_finder::found() const {
  if (conflict_) return fail(errc::invalid_key, "The headers carry different keys. Send one key, in one header.");
  if (!key_.empty()) return key_;
  if (other_scheme_) return fail(errc::invalid_key, "The Authorization header is not of the form 'Bearer sk-andon-…'.");
  return fail(errc::missing_key, "No key was sent. Use the header 'Authorization: Bearer sk-andon-…'.");
}

}  // namespace andon::access
