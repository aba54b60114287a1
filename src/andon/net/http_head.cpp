#include "andon/net/http_head.hpp"

#include <algorithm>
#include <array>

#include "andon/net/http_syntax.hpp"

namespace andon::net {
namespace {

bool valid_host(std::string_view host) {
  if (host.empty()) return false;
  std::string_view name = host;
  std::string_view port;
  if (host.front() == '[') {
    const auto close = host.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    name = host.substr(1, close - 1);
    if (!std::ranges::all_of(name, [](char c) { return is_hex(c) || c == ':' || c == '.' || c == '%'; })) return false;
    if (close + 1 == host.size()) return true;
    if (host[close + 1] != ':') return false;
    port = host.substr(close + 2);
  } else {
    const auto colon = host.find(':');
    name = host.substr(0, colon);
    if (name.empty() || !std::ranges::all_of(name, is_host_char)) return false;
    if (colon == std::string_view::npos) return true;
    port = host.substr(colon + 1);
  }
  return port.size() <= 5 && std::ranges::all_of(port, is_digit);
}

void split_target(std::string_view text, request_head& out) {
  const auto mark = text.find('?');
  out.path = text.substr(0, mark);
  out.query = mark == std::string_view::npos ? std::string_view{} : text.substr(mark + 1);
}

void clear(request_head& out) {
  auto headers = std::move(out.headers);
  headers.clear();
  out = request_head{};
  out.headers = std::move(headers);
}

}  // namespace

head_parser::step head_parser::fail(errc code, std::string_view why) {
  code_ = code;
  why_ = why;
  too_big_ = false;
  return step::bad;
}

head_parser::step head_parser::fail_too_big(std::string_view window) {
  const auto line = window.substr(std::min(window.find_first_not_of("\r\n"), window.size()));
  const step out = line.contains('\n') ? fail(errc::headers_too_large, "the head of the request is larger than allowed")
                                       : fail(errc::target_too_long, "the request line is longer than a head may be");
  too_big_ = true;
  return out;
}

head_state head_parser::parse(std::string_view bytes, request_head& out) {
  const std::string_view window = bytes.substr(0, bounds_.max_size);
  if (searched_ != 0) {
    const auto end = window.find("\r\n\r\n", searched_ - std::min<std::size_t>(searched_, 3));
    if (end == std::string_view::npos) {
      searched_ = window.size();
      if (bytes.size() < bounds_.max_size) return head_state::more;
      fail_too_big(window);
      return head_state::bad;
    }
  }
  clear(out);
  host_seen_ = false;
  std::size_t at = 0;
  step now = request_line(window, at, out);
  while (now == step::done && at < window.size() && window[at] != '\r') now = field(window, at, out);
  if (now == step::done && window.size() - at >= 2 && window[at + 1] != '\n') now = fail(errc::bad_http, "a carriage return without a line feed");
  if (now == step::done && window.size() - at >= 2) {
    out.size = at + 2;
    return finish(out) == step::done ? head_state::complete : head_state::bad;
  }
  if (now != step::bad && bytes.size() >= bounds_.max_size) now = fail_too_big(window);
  searched_ = window.size();
  return now == step::bad ? head_state::bad : head_state::more;
}

head_parser::step head_parser::request_line(std::string_view bytes, std::size_t& at, request_head& out) {
  while (bytes.substr(at).starts_with("\r\n") && at < 4) at += 2;  // empty lines before a request, RFC 9112 2.2
  const std::size_t start = at;
  at = skip_token(bytes, at);
  if (at == bytes.size()) return bytes.size() - start > 32 ? fail(errc::bad_http, "the method is too long") : step::more;
  if (bytes[at] == '\r' && at == start && at + 1 == bytes.size()) return step::more;
  if (bytes[at] != ' ' || at == start || at - start > 32) return fail(errc::bad_http, "the request line does not start with a method and one space");
  out.method = bytes.substr(start, at - start);
  const std::size_t from = ++at;
  at = skip_target(bytes, at);
  if (at == bytes.size()) return step::more;
  if (bytes[at] != ' ' || at == from) return fail(errc::bad_http, "the request target is empty or holds a byte that is not allowed");
  const std::string_view text = bytes.substr(from, at - from);
  const std::string_view rest = bytes.substr(++at);
  constexpr std::string_view version = "HTTP/1.";
  if (!rest.starts_with(version.substr(0, std::min(version.size(), rest.size())))) return fail(errc::bad_http, "the version is not HTTP/1.0 or HTTP/1.1");
  if (rest.size() < 10) return step::more;
  if ((rest[7] != '0' && rest[7] != '1') || rest[8] != '\r' || rest[9] != '\n') return fail(errc::bad_http, "the request line does not end with HTTP/1.1 and CRLF");
  out.http_1_0 = rest[7] == '0';
  out.keep_alive = !out.http_1_0;
  at += 10;
  return target(text, out);
}

head_parser::step head_parser::target(std::string_view text, request_head& out) {
  if (out.method == "CONNECT") return fail(errc::method_not_allowed, "CONNECT is not served here");
  if (text.front() == '/') {
    split_target(text, out);
    return step::done;
  }
  if (text == "*" && out.method == "OPTIONS") {
    out.path = text;
    return step::done;
  }
  return absolute_target(text, out);
}

head_parser::step head_parser::absolute_target(std::string_view text, request_head& out) {
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return fail(errc::bad_http, "the request target is not a path");
  const std::string_view scheme = text.substr(0, colon);
  if (!header_equals(scheme, "http") && !header_equals(scheme, "https")) return fail(errc::bad_http, "the request target's scheme is not http");
  const std::size_t from = colon + 3;
  const std::size_t end = std::min(text.find_first_of("/?", from), text.size());
  out.host = text.substr(from, end - from);
  if (!valid_host(out.host)) return fail(errc::bad_http, "the request target's authority is not valid");
  split_target(text.substr(end), out);
  if (out.path.empty()) out.path = "/";
  return step::done;
}

head_parser::step head_parser::field(std::string_view bytes, std::size_t& at, request_head& out) {
  const std::size_t start = at;
  at = skip_token(bytes, at);
  if (at == bytes.size()) return step::more;
  if (bytes[at] != ':' || at == start) return fail(errc::bad_http, at == start ? "a header line is folded or has no name" : "a header's name holds a byte that is not allowed");
  header line{bytes.substr(start, at - start), {}};
  ++at;
  while (at < bytes.size() && is_blank(bytes[at])) ++at;
  const std::size_t from = at;
  at = skip_value(bytes, at);
  if (at == bytes.size()) return step::more;
  if (bytes[at] != '\r') return fail(errc::bad_http, "a header's value holds a control byte or ends without CRLF");
  if (at + 1 == bytes.size()) return step::more;
  if (bytes[at + 1] != '\n') return fail(errc::bad_http, "a carriage return without a line feed");
  std::size_t end = at;
  while (end > from && is_blank(bytes[end - 1])) --end;
  line.value = bytes.substr(from, end - from);
  at += 2;
  if (out.headers.size() == bounds_.max_headers) return fail(errc::headers_too_large, "there are more header lines than a request may have");
  out.headers.push_back(line);
  return note(line, out);
}

head_parser::step head_parser::note(const header& line, request_head& out) {
  switch (line.name.size()) {
    case 4:
      if (!header_equals(line.name, "host")) break;
      if (host_seen_ || !valid_host(line.value)) return fail(errc::bad_http, "Host is repeated or not valid");
      host_seen_ = true;
      if (out.host.empty()) out.host = line.value;
      break;
    case 6:
      if (!header_equals(line.name, "expect")) break;
      if (!header_equals(line.value, "100-continue")) return fail(errc::bad_http, "Expect holds something other than 100-continue");
      out.expects_continue = true;
      break;
    case 10:
      if (!header_equals(line.name, "connection")) break;
      if (has_token(line.value, "close")) out.keep_alive = false;
      else if (out.http_1_0 && has_token(line.value, "keep-alive")) out.keep_alive = true;
      break;
    case 14:
      if (header_equals(line.name, "content-length")) return note_length(line.value, out);
      break;
    case 16:
      if (!header_equals(line.name, "content-encoding")) break;
      if (!out.content_encoding.empty()) return fail(errc::unsupported_encoding, "Content-Encoding is repeated");
      out.content_encoding = line.value;
      break;
    case 17:
      if (!header_equals(line.name, "transfer-encoding")) break;
      if (out.chunked) return fail(errc::bad_http, "Transfer-Encoding is repeated");
      if (!header_equals(line.value, "chunked")) return fail(errc::unsupported_transfer, "Transfer-Encoding is not exactly `chunked`");
      out.chunked = true;
      break;
    default: break;
  }
  return step::done;
}

head_parser::step head_parser::note_length(std::string_view value, request_head& out) {
  if (out.has_length) return fail(errc::bad_http, "Content-Length is repeated");
  if (value.empty() || value.size() > 18 || !std::ranges::all_of(value, is_digit)) return fail(errc::bad_http, "Content-Length is not a number");
  for (const char c : value) out.content_length = out.content_length * 10 + static_cast<std::uint64_t>(c - '0');
  out.has_length = true;
  return step::done;
}

head_parser::step head_parser::finish(request_head& out) {
  if (out.chunked && out.has_length) return fail(errc::bad_http, "both Content-Length and Transfer-Encoding");
  if (out.chunked && out.http_1_0) return fail(errc::bad_http, "Transfer-Encoding in HTTP/1.0");
  if (!host_seen_ && !out.http_1_0) return fail(errc::bad_http, "HTTP/1.1 without Host");
  if (out.http_1_0) out.expects_continue = false;
  return step::done;
}

}  // namespace andon::net
