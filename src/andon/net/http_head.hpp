#pragma once
// The head of a request: one strict pass over the received bytes, no allocation per header.
//
// Strict where leniency has let requests be smuggled: CRLF only, no folded lines, no space before a colon, one Host,
// one Content-Length or one `Transfer-Encoding: chunked` and never both, no control bytes anywhere (RFC 9112).
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "andon/base/error.hpp"
#include "andon/net/http_types.hpp"

namespace andon::net {

/// Views into the bytes that were parsed; keep those in place.
struct request_head {
  std::string_view method;
  std::string_view path;    ///< of an absolute-form target: what follows its authority; `*` for OPTIONS
  std::string_view query;
  std::string_view host;
  std::string_view content_encoding;
  std::vector<header> headers;
  std::uint64_t content_length = 0;
  bool has_length = false;
  bool chunked = false;
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  std::size_t size = 0;     ///< bytes of the head, its empty line included
};

struct head_bounds {
  std::size_t max_size = 64 * 1024;
  std::size_t max_headers = 256;
};

enum class head_state : std::uint8_t { complete, more, bad };

/// Parses a head that grows at its end from call to call.
class head_parser {
public:
  explicit head_parser(head_bounds bounds = {}) : bounds_(bounds) {}

  /// `bytes` always starts at the head's first byte. When `more`, call again with more bytes after it; `out` is whole
  /// only when `complete`. When `bad`, code() and why() tell.
  head_state parse(std::string_view bytes, request_head& out);
  void restart() { searched_ = 0; }

  [[nodiscard]] errc code() const { return code_; }
  [[nodiscard]] std::string_view why() const { return why_; }
  /// `max_head` when that bound was the reason, else empty.
  [[nodiscard]] std::string_view bound() const { return too_big_ ? "max_head" : ""; }

private:
  enum class step : std::uint8_t { done, more, bad };
  step fail(errc code, std::string_view why);
  step fail_too_big(std::string_view window);
  step request_line(std::string_view bytes, std::size_t& at, request_head& out);
  step target(std::string_view text, request_head& out);
  step absolute_target(std::string_view text, request_head& out);
  step field(std::string_view bytes, std::size_t& at, request_head& out);
  step note(const header& line, request_head& out);
  step note_length(std::string_view value, request_head& out);
  step finish(request_head& out);

  head_bounds bounds_;
  std::size_t searched_ = 0;  ///< bytes known to hold no end of a head; 0: not tried yet
  bool host_seen_ = false;
  bool too_big_ = false;
  errc code_ = errc::none;
  std::string_view why_;
};

}  // namespace andon::net
