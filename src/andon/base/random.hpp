#pragma once
// Randomness, seeded so that a run can be repeated, and the operating system's for secrets.
#include <cstdint>
#include <limits>
#include <span>

namespace andon {

/// xoshiro256** (Blackman and Vigna, 2018) seeded by splitmix64. Not for secrets. One owner, no locks.
/// Meets UniformRandomBitGenerator.
class random_source {
public:
  using result_type = std::uint64_t;
  explicit random_source(std::uint64_t seed);
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()();
  std::uint64_t below(std::uint64_t bound);  ///< uniform in [0, bound); bound > 0
  double unit();                             ///< uniform in [0, 1)

private:
  std::uint64_t state_[4];
};

/// Fills with bytes fit for keys and tokens. Ends the program if the system has none to give.
void secure_random(std::span<unsigned char> out);
std::uint64_t secure_seed();

}  // namespace andon
