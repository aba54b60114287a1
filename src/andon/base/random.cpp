#include "andon/base/random.hpp"

#include <sys/random.h>

#include <bit>
#include <cstdlib>

namespace andon {

random_source::random_source(std::uint64_t seed) {
  for (auto& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
}

random_source::result_type random_source::operator()() {
  const auto out = std::rotl(state_[1] * 5, 7) * 9;
  const auto shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return out;
}

std::uint64_t random_source::below(std::uint64_t bound) {
  const auto threshold = (0 - bound) % bound;  // rejection keeps small bounds exactly uniform
  for (;;)
    if (const auto value = (*this)(); value >= threshold) return value % bound;
}

double random_source::unit() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }

void secure_random(std::span<unsigned char> out) {
  while (!out.empty()) {
    const auto got = getrandom(out.data(), out.size(), 0);
    if (got <= 0) std::abort();
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::uint64_t secure_seed() {
  unsigned char bytes[sizeof(std::uint64_t)];
  secure_random(bytes);
  return std::bit_cast<std::uint64_t>(bytes);
}

}  // namespace andon
