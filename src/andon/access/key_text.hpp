#pragma once
// The text of a key: `sk-andon-` + 32 characters (160 random bits, Crockford's base 32, lower case) + 6 characters of
// checksum (30 bits of XXH3), 47 in all. The checksum tells a mistyped or truncated key from an unknown one without a
// lookup; it is no protection against guessing, the 160 bits are.
#include <string>
#include <string_view>

#include "andon/base/ids.hpp"
#include "andon/base/secret.hpp"

namespace andon::access {

inline constexpr std::string_view key_prefix = "sk-andon-";
inline constexpr std::size_t key_text_size = 47;

secret make_key_text();                            ///< from the operating system's randomness
key_id make_key_id();                              ///< `key_` + 20 characters (100 random bits); public
bool well_formed(std::string_view text) noexcept;  ///< prefix, length, alphabet and checksum; no lookup, case matters

/// `sk-andon-4f…9k2m`: for lists and logs, reveals 2 + 4 characters, of which 4 are checksum.
std::string masked(std::string_view text);

}  // namespace andon::access
