#pragma once
// Names and identifiers as types of their own.
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "andon/base/clock.hpp"
#include "andon/base/random.hpp"

namespace andon {

/// A name of one kind of thing; two kinds do not mix.
template <class Kind>
class named {
public:
  named() = default;
  explicit named(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] const std::string& str() const { return text_; }
  [[nodiscard]] std::string_view view() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  auto operator<=>(const named&) const = default;

private:
  std::string text_;
};

using project_id = named<struct project_kind>;
using key_id = named<struct key_kind>;            ///< public handle of a key (`key_…`), never the secret
using route_name = named<struct route_kind>;      ///< the public model name that clients ask for
using model_name = named<struct model_kind>;      ///< a deployable, as the configuration names it
using provider_name = named<struct provider_kind>;

/// 48 bits of milliseconds since 1970, then 80 random bits: unique without coordination and sortable by time.
class request_id {
public:
  static constexpr std::size_t text_size = 30;  ///< "req_" and 26 characters of Crockford's base 32

  request_id() = default;
  static request_id make(wall_time now, random_source& random);
  static std::optional<request_id> parse(std::string_view text);

  [[nodiscard]] std::string str() const;
  [[nodiscard]] std::array<char, text_size> chars() const;
  [[nodiscard]] std::uint64_t high() const { return high_; }
  [[nodiscard]] std::uint64_t low() const { return low_; }
  static request_id from_words(std::uint64_t high, std::uint64_t low);
  [[nodiscard]] bool is_nil() const { return high_ == 0 && low_ == 0; }
  auto operator<=>(const request_id&) const = default;

private:
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};

}  // namespace andon

template <class Kind>
struct std::hash<andon::named<Kind>> {
  std::size_t operator()(const andon::named<Kind>& name) const noexcept { return std::hash<std::string>{}(name.str()); }
};
template <>
struct std::hash<andon::request_id> {
  std::size_t operator()(const andon::request_id& id) const noexcept { return id.low() ^ (id.high() * 0x9e3779b97f4a7c15); }
};
