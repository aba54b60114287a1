#pragma once
// Numbers whose mix-up costs money: the unit is part of the type.
#include <compare>
#include <cstdint>
#include <limits>

namespace andon {

/// A signed 64-bit count of one unit. Addition saturates instead of overflowing: a sum that is too large must stay
/// too large, never turn negative.
template <class Unit>
class quantity {
public:
  constexpr quantity() = default;
  constexpr explicit quantity(std::int64_t value) : value_(value) {}

  [[nodiscard]] constexpr std::int64_t value() const { return value_; }
  [[nodiscard]] static constexpr quantity max() { return quantity{std::numeric_limits<std::int64_t>::max()}; }

  constexpr auto operator<=>(const quantity&) const = default;

  friend constexpr quantity operator+(quantity a, quantity b) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(a.value_, b.value_, &sum)) return limit(b.value_ > 0);
    return quantity{sum};
  }
  friend constexpr quantity operator-(quantity a, quantity b) {
    std::int64_t difference = 0;
    if (__builtin_sub_overflow(a.value_, b.value_, &difference)) return limit(b.value_ < 0);
    return quantity{difference};
  }
  friend constexpr quantity operator*(quantity a, std::int64_t factor) {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(a.value_, factor, &product)) return limit((a.value_ > 0) == (factor > 0));
    return quantity{product};
  }
  constexpr quantity& operator+=(quantity other) { return *this = *this + other; }
  constexpr quantity& operator-=(quantity other) { return *this = *this - other; }

private:
  static constexpr quantity limit(bool high) {
    return quantity{high ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min()};
  }

  std::int64_t value_ = 0;
};

using nano_usd = quantity<struct nano_usd_unit>;    ///< a billionth of a US dollar
using tokens = quantity<struct tokens_unit>;        ///< as a model's tokenizer counts them
using byte_count = quantity<struct byte_unit>;

}  // namespace andon
