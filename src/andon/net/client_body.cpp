#include "andon/net/client_body.hpp"

#include <algorithm>
#include <cstring>

namespace andon::net {
namespace {

constexpr std::uint32_t max_overhead = 16 * 1024;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f; }

}  // namespace

void body_decoder::start(body_framing framing, std::uint64_t length) {
  framing_ = framing;
  at_ = at::size;
  digits_ = 0;
  overhead_ = 0;
  left_ = framing == body_framing::length ? length : 0;
  done_ = framing == body_framing::none;
}

void body_decoder::note_taken(std::uint64_t bytes) {
  left_ -= bytes;
  done_ = left_ == 0;
}

body_decoder::step body_decoder::take(char* bytes, std::size_t size) {
  if (done_) return {{}, 0, state::done, nullptr};
  switch (framing_) {
    case body_framing::chunked: return take_chunks(bytes, size);
    case body_framing::until_close: return {{bytes, size}, size, state::more, nullptr};
    default: break;
  }
  auto now = static_cast<std::size_t>(std::min<std::uint64_t>(left_, size));
  note_taken(now);
  return {{bytes, now}, now, done_ ? state::done : state::more, nullptr};
}

body_decoder::step body_decoder::take_chunks(char* bytes, std::size_t size) {
  char* const end = bytes + size;
  char* in = bytes;
  char* payload = nullptr;
  char* out = nullptr;
  while (in != end && at_ != at::end) {
    if (at_ != at::data) {
      if (const char* why = take_control(*in++)) return {{}, size, state::bad, why};
      continue;
    }
    auto now = static_cast<std::size_t>(std::min<std::uint64_t>(left_, static_cast<std::uint64_t>(end - in)));
    if (payload == nullptr) payload = out = in;
    if (out != in) std::memmove(out, in, now);
    out += now;
    in += now;
    left_ -= now;
    if (left_ == 0) at_ = at::data_cr;
  }
  done_ = at_ == at::end;
  return {{payload, static_cast<std::size_t>(out - payload)}, static_cast<std::size_t>(in - bytes),
          done_ ? state::done : state::more, nullptr};
}

const char* body_decoder::take_control(char c) {
  constexpr const char* bad_size = "a chunk's size is not a hexadecimal number";
  constexpr const char* bad_line = "a chunk's line does not end with CR LF";
  switch (at_) {
    case at::size:
      if (int digit = hex_value(c); digit >= 0) {
        if (++digits_ > 15) return "a chunk is impossibly large";
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        return nullptr;
      }
      if (digits_ == 0) return bad_size;
      if (c != '\r' && c != ';' && c != ' ' && c != '\t') return bad_size;
      at_ = c == '\r' ? at::size_lf : at::extension;
      return nullptr;
    case at::extension:
      if (c == '\r') at_ = at::size_lf;
      else if (is_control(c)) return bad_line;
      return ++overhead_ > max_overhead ? "chunk extensions are larger than 16 KiB" : nullptr;
    case at::size_lf:
      if (c != '\n') return bad_line;
      at_ = left_ == 0 ? at::trailer_start : at::data;
      digits_ = 0;
      return nullptr;
    case at::data_cr:
      at_ = at::data_lf;
      return c == '\r' ? nullptr : "a chunk is longer than its size";
    case at::data_lf:
      at_ = at::size;
      return c == '\n' ? nullptr : "a chunk is longer than its size";
    case at::trailer_start:
    case at::trailer:
      if (c == '\r') at_ = at_ == at::trailer_start ? at::end_lf : at::trailer_lf;
      else if (is_control(c)) return "a trailer line is malformed";
      else at_ = at::trailer;
      return ++overhead_ > max_overhead ? "trailers are larger than 16 KiB" : nullptr;
    case at::trailer_lf:
      at_ = at::trailer_start;
      return c == '\n' ? nullptr : "a trailer line is malformed";
    case at::end_lf:
      at_ = at::end;
      return c == '\n' ? nullptr : "the last chunk is malformed";
    case at::data:
    case at::end: break;
  }
  return nullptr;
}

}  // namespace andon::net
