#pragma once
// Finds the key among the headers that clients use: `Authorization: Bearer …`, `x-api-key`, `api-key`, `x-goog-api-key`.
// A client may send the same key in several of them; two different ones are refused, so that no proxy in front can be
// made to check one and Andon another. Views only, no allocation.
#include <string_view>

#include "andon/base/error.hpp"

namespace andon::access {

class credential_finder {
public:
  void see(std::string_view name, std::string_view value) noexcept;  ///< once per header line, any order
  /// The secret as sent, trimmed. Errors: missing_key; invalid_key when headers disagree, or Authorization is not Bearer
  /// and no other header has a key.
  [[nodiscard]] result<std::string_view> found() const;

private:
  void take(std::string_view key) noexcept;
  std::string_view key_;
  bool conflict_ = false;
  bool other_scheme_ = false;
};

/// For any range of things with `.name` and `.value`.
template <class Headers>
result<std::string_view> find_credential(const Headers& headers) {
  credential_finder finder;
  for (const auto& h : headers) finder.see(h.name, h.value);
  return finder.found();
}

}  // namespace andon::access
