#include "andon/net/chunked.hpp"

#include <algorithm>

#include "andon/net/http_syntax.hpp"

namespace andon::net {
namespace {

unsigned hex_value(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a') + 10;
}

}  // namespace

chunk_reader::state chunk_reader::take(std::string_view bytes, std::string& body, std::size_t& used) {
  used = 0;
  while (used < bytes.size() && at_ != at::end && at_ != at::failed) {
    if (at_ != at::data) {
      control(bytes[used++], body.size());
      continue;
    }
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - used));
    body.append(bytes.substr(used, size));
    used += size;
    left_ -= size;
    if (left_ == 0) at_ = at::data_cr;
  }
  if (at_ == at::failed) return state::bad;
  return at_ == at::end ? state::done : state::more;
}

void chunk_reader::fail(errc code, std::string_view why) {
  at_ = at::failed;
  code_ = code;
  why_ = why;
}

void chunk_reader::expect(char got, char wanted, at next, std::string_view why) {
  if (got == wanted) at_ = next;
  else fail(errc::bad_http, why);
}

void chunk_reader::end_of_size(std::size_t body_size) {
  digits_ = 0;
  if (left_ > max_body_ - std::min(body_size, max_body_)) return fail(errc::body_too_large, "the body is larger than allowed");
  at_ = left_ == 0 ? at::line_start : at::data;
}

void chunk_reader::control(char c, std::size_t body_size) {
  const bool counts = at_ == at::extension || at_ == at::trailer_name || at_ == at::trailer_value || at_ == at::line_start;
  if (counts && ++overhead_ > max_overhead) return fail(errc::bad_http, "chunk extensions or trailers are too long");
  switch (at_) {
    case at::size:
      if (is_hex(c)) {
        if (++digits_ > 15) return fail(errc::bad_http, "a chunk's size has too many digits");
        left_ = left_ << 4 | hex_value(c);
      } else if (digits_ == 0) {
        fail(errc::bad_http, "a chunk does not start with its size");
      } else if (c == ';') {
        at_ = at::extension;
      } else {
        expect(c, '\r', at::size_lf, "a chunk's size is followed by something else than CRLF");
      }
      break;
    case at::extension:
      if (c == '\r') at_ = at::size_lf;
      else if (!syntax::is(c, syntax::value)) fail(errc::bad_http, "a chunk extension holds a control byte");
      break;
    case at::size_lf:
      if (c == '\n') end_of_size(body_size);
      else fail(errc::bad_http, "a chunk's size line ends without line feed");
      break;
    case at::data_cr: expect(c, '\r', at::data_lf, "a chunk is longer than its size"); break;
    case at::data_lf: expect(c, '\n', at::size, "a chunk does not end with CRLF"); break;
    case at::line_start:
      if (c == '\r') at_ = at::end_lf;
      else if (syntax::is(c, syntax::token)) at_ = at::trailer_name;
      else fail(errc::bad_http, "a trailer line is not valid");
      break;
    case at::trailer_name:
      if (c == ':') at_ = at::trailer_value;
      else if (!syntax::is(c, syntax::token)) fail(errc::bad_http, "a trailer's name is not valid");
      break;
    case at::trailer_value:
      if (c == '\r') at_ = at::trailer_lf;
      else if (!syntax::is(c, syntax::value)) fail(errc::bad_http, "a trailer holds a control byte");
      break;
    case at::trailer_lf: expect(c, '\n', at::line_start, "a trailer line ends without line feed"); break;
    case at::end_lf: expect(c, '\n', at::end, "the body's last line ends without line feed"); break;
    case at::data: case at::end: case at::failed: break;
  }
}

}  // namespace andon::net
