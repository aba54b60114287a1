#include "andon/net/client_head.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace andon::net {
namespace {

constexpr std::size_t max_headers = 256;

enum : unsigned char { name_char = 1, value_char = 2 };

constexpr auto char_classes = [] {
  std::array<unsigned char, 256> table{};
  for (int c = 0x20; c < 256; ++c)
    if (c != 0x7f) table[static_cast<std::size_t>(c)] |= value_char;
  table['\t'] |= value_char;
  for (char c : std::string_view{"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"})
    table[static_cast<unsigned char>(c)] |= name_char;
  return table;
}();

bool all_of_class(std::string_view text, unsigned char wanted) {
  unsigned char all = wanted;
  for (char c : text) all &= char_classes[static_cast<unsigned char>(c)];
  return all == wanted;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

const char* parse_status_line(std::string_view line, reply_head& out) {
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || (line[7] != '0' && line[7] != '1') || line[8] != ' ')
    return "the status line is not HTTP/1.0 or HTTP/1.1";
  auto [end, ec] = std::from_chars(line.data() + 9, line.data() + 12, out.status);
  if (ec != std::errc{} || end != line.data() + 12 || out.status < 100 || (line.size() > 12 && line[12] != ' '))
    return "the status is not a number of three digits";
  if (!all_of_class(line, value_char)) return "the status line holds control characters";
  out.http_1_0 = line[7] == '0';
  out.keep_alive = !out.http_1_0;
  return nullptr;
}

struct framing_fields {
  bool length_seen = false;
  bool coding_seen = false;
};

const char* note_length(std::string_view value, framing_fields& seen, reply_head& out) {
  std::uint64_t length = 0;
  auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), length);
  if (value.empty() || ec != std::errc{} || end != value.data() + value.size() || length > (1ull << 62))
    return "Content-Length is not a number";
  if (seen.length_seen && length != out.content_length) return "Content-Length is given twice and differs";
  seen.length_seen = true;
  out.content_length = length;
  return nullptr;
}

const char* note_field(const header& field, framing_fields& seen, reply_head& out) {
  switch (field.name.size()) {
    case 10:
      if (!header_equals(field.name, "connection")) break;
      if (has_token(field.value, "close")) out.keep_alive = false;
      break;
    case 14:
      if (header_equals(field.name, "content-length")) return note_length(field.value, seen, out);
      break;
    case 16:
      if (header_equals(field.name, "content-encoding")) out.encoding = field.value;
      break;
    case 17:
      if (!header_equals(field.name, "transfer-encoding")) break;
      if (seen.coding_seen || !header_equals(field.value, "chunked")) return "Transfer-Encoding is not `chunked`";
      seen.coding_seen = true;
      break;
    default: break;
  }
  return nullptr;
}

const char* parse_field(std::string_view line, framing_fields& seen, reply_head& out) {
  std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return "a header line has no name";
  header field{line.substr(0, colon), trim(line.substr(colon + 1))};
  if (!all_of_class(field.name, name_char)) return "a header name holds characters that are not allowed";
  if (!all_of_class(field.value, value_char)) return "a header value holds control characters";
  if (out.headers.size() == max_headers) return "more than 256 header lines";
  out.headers.push_back(field);
  return note_field(field, seen, out);
}

const char* choose_framing(const framing_fields& seen, bool to_head, reply_head& out) {
  if (seen.length_seen && seen.coding_seen) return "both Content-Length and Transfer-Encoding are given";
  if (to_head || out.status < 200 || out.status == 204 || out.status == 304) {
    out.framing = body_framing::none;
  } else if (seen.coding_seen) {
    out.framing = body_framing::chunked;
  } else if (seen.length_seen) {
    out.framing = out.content_length == 0 ? body_framing::none : body_framing::length;
  } else {
    out.framing = body_framing::until_close;
    out.keep_alive = false;
  }
  return nullptr;
}

const char* parse_lines(std::string_view head, bool to_head, reply_head& out) {
  framing_fields seen;
  bool first = true;
  while (!head.empty()) {
    auto* lf = static_cast<const char*>(std::memchr(head.data(), '\n', head.size()));
    auto size = static_cast<std::size_t>(lf - head.data());
    if (size == 0 || head[size - 1] != '\r') return "a line of the head ends without CR LF";
    std::string_view line = head.substr(0, size - 1);
    head.remove_prefix(size + 1);
    if (const char* why = first ? parse_status_line(line, out) : parse_field(line, seen, out)) return why;
    first = false;
  }
  return choose_framing(seen, to_head, out);
}

bool clean_token(std::string_view text) {
  for (char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return false;
  return !text.empty();
}

}  // namespace

head_parsed parse_head(std::string_view bytes, std::size_t& searched, bool to_head, reply_head& out) {
  if (!bytes.empty() && bytes[0] != 'H') return {head_state::bad, 0, "the reply does not begin with HTTP/"};
  std::size_t end = bytes.find("\r\n\r\n", searched);
  if (end == std::string_view::npos) {
    if (bytes.find("\n\n", searched) != std::string_view::npos) return {head_state::bad, 0, "a line of the head ends without CR LF"};
    searched = bytes.size() < 3 ? 0 : bytes.size() - 3;
    return {};
  }
  out.headers.clear();
  out.encoding = {};
  out.content_length = 0;
  if (const char* why = parse_lines(bytes.substr(0, end + 2), to_head, out)) return {head_state::bad, 0, why};
  searched = 0;
  return {head_state::complete, end + 4, nullptr};
}

bool is_well_formed(const outgoing_request& request) {
  const auto good = [](const header& field) { return !field.name.empty() && all_of_class(field.name, name_char) && all_of_class(field.value, value_char); };
  return !request.method.empty() && all_of_class(request.method, name_char) && clean_token(request.target) && std::ranges::all_of(request.headers, good);
}

bool write_head(std::string& out, const outgoing_request& request, std::string_view host) {
  if (!all_of_class(request.method, name_char) || request.method.empty() || !clean_token(request.target)) return false;
  out.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ").append(host).append("\r\n");
  for (const header& field : request.headers) {
    if (field.name.empty() || !all_of_class(field.name, name_char) || !all_of_class(field.value, value_char)) return false;
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  if (states_length(request)) {
    char digits[24];
    char* end = std::to_chars(digits, digits + sizeof digits, request.body.size()).ptr;
    out.append("Content-Length: ").append(digits, static_cast<std::size_t>(end - digits)).append("\r\n");
  }
  out.append("\r\n");
  return true;
}

}  // namespace andon::net
