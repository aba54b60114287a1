#pragma once
// Hashes: XXH3 for tables and checksums, SHA-256 and HMAC for what must not be forged.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "andon/base/error.hpp"

namespace andon {

using digest = std::array<unsigned char, 32>;

std::uint64_t xxh3(std::string_view bytes, std::uint64_t seed = 0);
digest sha256(std::string_view bytes);
digest hmac_sha256(std::string_view key, std::string_view bytes);
bool constant_time_equal(std::string_view a, std::string_view b);

std::string to_hex(std::string_view bytes);                ///< lower case
inline std::string to_hex(const digest& d) { return to_hex({reinterpret_cast<const char*>(d.data()), d.size()}); }
result<std::string> from_hex(std::string_view text);       ///< bytes
std::string to_base64url(std::string_view bytes);          ///< without padding

}  // namespace andon
