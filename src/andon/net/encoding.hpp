#pragma once
// Content encodings of bodies: gzip, deflate (zlib form, and the raw form that some senders mean), br, zstd.
#include <cstddef>
#include <string>
#include <string_view>

#include "andon/base/error.hpp"

namespace andon::net {

/// True if there is nothing to undo: empty or `identity`.
bool is_plain_encoding(std::string_view encoding);

/// Undoes one encoding. Never holds more than `limit` bytes of output plus a window, however small the input.
/// Errors: unsupported_encoding (unknown or several), body_too_large (more than `limit` bytes come out), bad_http
/// (damaged, cut short, or followed by something else).
result<std::string> unpack(std::string_view encoding, std::string_view packed, std::size_t limit);

}  // namespace andon::net
