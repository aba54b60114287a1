#pragma once
// What server and client share: header lists as views, and the case-insensitive lookups on them.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace andon::net {

/// `negotiated`: HTTP/2 over TLS if the other side agrees by ALPN; HTTP/1.1 in the clear. `only_2` in the clear is by
/// prior knowledge.
enum class http_version : std::uint8_t { negotiated, only_1_1, only_2 };

/// What a message came in.
enum class spoken_http : std::uint8_t { http_1_0, http_1_1, http_2 };

/// One header line. The views live as long as the message they came from.
struct header {
  std::string_view name;
  std::string_view value;
};

/// First value of a header, compared without case; empty if absent.
std::string_view find_header(std::span<const header> headers, std::string_view name);
bool header_equals(std::string_view a, std::string_view b);  ///< ASCII, without case
/// True if a comma-separated header value has this token, compared without case: `Connection: keep-alive, Upgrade`.
bool has_token(std::string_view value, std::string_view token);

/// A header to send. Values are checked: CR, LF and NUL are refused by the writer (no header injection).
struct header_line {
  std::string name;
  std::string value;
};
using header_lines = std::vector<header_line>;

}  // namespace andon::net
