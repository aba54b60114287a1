#include "andon/net/http_head.hpp"

#include <gtest/gtest.h>

#include "andon/net/chunked.hpp"
#include "andon/net/http_syntax.hpp"

namespace andon::net {
namespace {

struct refusal {
  std::string_view what;
  std::string bytes;
  errc code = errc::bad_http;
};

std::string with(std::string_view lines) { return "POST /x HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n"; }

const std::vector<refusal> refusals{
    {"both lengths", with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")},
    {"both lengths, other order", with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")},
    {"two lengths", with("Content-Length: 3\r\nContent-Length: 4\r\n")},
    {"two equal lengths", with("Content-Length: 3\r\nContent-Length: 3\r\n")},
    {"list of lengths", with("Content-Length: 3, 3\r\n")},
    {"signed length", with("Content-Length: +3\r\n")},
    {"negative length", with("Content-Length: -3\r\n")},
    {"hexadecimal length", with("Content-Length: 0x3\r\n")},
    {"length with a space inside", with("Content-Length: 1 0\r\n")},
    {"empty length", with("Content-Length: \r\n")},
    {"huge length", with("Content-Length: 99999999999999999999\r\n")},
    {"gzip transfer coding", with("Transfer-Encoding: gzip, chunked\r\n"), errc::unsupported_transfer},
    {"identity transfer coding", with("Transfer-Encoding: identity\r\n"), errc::unsupported_transfer},
    {"chunked with a parameter", with("Transfer-Encoding: chunked;q=1\r\n"), errc::unsupported_transfer},
    {"quoted chunked", with("Transfer-Encoding: \"chunked\"\r\n"), errc::unsupported_transfer},
    {"vertical tab before chunked", with("Transfer-Encoding: \x0b" "chunked\r\n")},
    {"two transfer encodings", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
    {"space before the colon", with("Content-Length : 3\r\n")},
    {"tab before the colon", with("Content-Length\t: 3\r\n")},
    {"folded line", with("X-A: b\r\n c\r\n")},
    {"folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
    {"bare LF after a header", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"},
    {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
    {"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
    {"bare CR in a value", with("X: a\rb\r\n")},
    {"CR CR LF", with("X: a\r\r\n")},
    {"NUL in a value", with(std::string_view("X: a\0b\r\n", 8))},
    {"NUL in a name", with(std::string_view("X\0: b\r\n", 7))},
    {"DEL in a value", with("X: a\x7f\r\n")},
    {"escape in a value", with("X: \x1b[0m\r\n")},
    {"empty name", with(": b\r\n")},
    {"name without colon", with("Nonsense\r\n")},
    {"non-ASCII name", with("X-\xc3\xa9: b\r\n")},
    {"no Host", "GET / HTTP/1.1\r\n\r\n"},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
    {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
    {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {"Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
    {"Host with a bad port", "GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n"},
    {"Host with two names", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
    {"Host, open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
    {"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"control byte in the target", "GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"fragment in the target", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"non-ASCII target", "GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"star for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"absolute target without host", "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"absolute target with a user", "GET http://u:p@h/a HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"file target", "GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"leading space", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"trailing space", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
    {"tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"no version", "GET /\r\nHost: a\r\n\r\n"},
    {"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n"},
    {"HTTP/2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"},
    {"long method", std::string(40, 'M') + " / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"endless method", std::string(100, 'M')},
    {"TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00", 7)},
    {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {"other expectation", with("Expect: 200-ok\r\n")},
    {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", errc::method_not_allowed},
    {"two encodings", with("Content-Encoding: gzip\r\nContent-Encoding: br\r\n"), errc::unsupported_encoding},
    {"endless target", "GET /" + std::string(2000, 'a'), errc::target_too_long},
    {"endless target after empty lines", "\r\n\r\nGET /" + std::string(2000, 'a'), errc::target_too_long},
    {"endless version", "GET / " + std::string(2000, 'a')},
    {"endless header", "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'a'), errc::headers_too_large},
    {"endless headers", "GET / HTTP/1.1\r\nHost: a\r\n" + [] { std::string s; for (int i = 0; i < 90; ++i) s += "X: y\r\n"; return s; }(), errc::headers_too_large},
};

constexpr head_bounds small{.max_size = 1024, .max_headers = 64};

TEST(http_head, refuses_what_is_ambiguous_or_broken) {
  for (const auto& each : refusals) {
    head_parser parser(small);
    request_head head;
    EXPECT_EQ(parser.parse(each.bytes, head), head_state::bad) << each.what;
    EXPECT_EQ(parser.code(), each.code) << each.what << ": " << parser.why();
    EXPECT_FALSE(parser.why().empty()) << each.what;
  }
}

// Slowly fed, everything refused above is refused as well, at the latest when the head ends or grows too large.
TEST(http_head, refuses_the_same_byte_by_byte) {
  for (const auto& each : refusals) {
    head_parser parser(small);
    request_head head;
    auto state = head_state::more;
    for (std::size_t size = 1; size <= each.bytes.size() && state == head_state::more; ++size)
      state = parser.parse(std::string_view(each.bytes).substr(0, size), head);
    if (each.what.find("bare LF") != std::string_view::npos || each.what.find("HTTP/2 preface") == 0 || !each.bytes.ends_with("\r\n\r\n")) {
      EXPECT_NE(state, head_state::complete) << each.what;
    } else {
      EXPECT_EQ(state, head_state::bad) << each.what;
    }
  }
}

TEST(http_head, splits_anywhere_into_the_same_head) {
  const std::string bytes = "\r\nPOST /p/q?r=s HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 12\r\nExpect: 100-Continue\r\nConnection: close\r\nA:\tb \r\n\r\n";
  const std::string whole = bytes + "body";
  for (std::size_t split = 0; split < bytes.size(); ++split) {
    head_parser parser;
    request_head head;
    ASSERT_EQ(parser.parse(std::string_view(bytes).substr(0, split), head), head_state::more) << split;
    ASSERT_EQ(parser.parse(whole, head), head_state::complete) << split;
    EXPECT_EQ(head.method, "POST");
    EXPECT_EQ(head.path, "/p/q");
    EXPECT_EQ(head.query, "r=s");
    EXPECT_EQ(head.host, "[::1]:80");
    EXPECT_EQ(head.content_length, 12u);
    EXPECT_TRUE(head.has_length && head.expects_continue && !head.keep_alive && !head.chunked);
    ASSERT_EQ(head.headers.size(), 5u);
    EXPECT_EQ(head.headers[4].name, "A");
    EXPECT_EQ(head.headers[4].value, "b");
    EXPECT_EQ(head.size, bytes.size());
  }
}

TEST(http_syntax, finds_every_byte_that_no_value_may_hold_at_every_place) {
  for (unsigned c = 0; c < 256; ++c)
    for (std::size_t place = 0; place < 40; ++place) {
      std::string text(40, 'v');
      text[place] = static_cast<char>(c);
      const bool allowed = c == '\t' || (c >= 0x20 && c != 0x7f);
      ASSERT_EQ(skip_value(text, 0), allowed ? 40 : place) << c;
    }
}

TEST(http_syntax, judges_names_and_values_of_every_length_by_every_byte) {
  for (std::size_t size = 1; size <= 40; ++size)
    for (unsigned c = 0; c < 256; ++c)
      for (std::size_t place = 0; place < size; ++place) {
        std::vector<char> text(size, 'v');  // no byte behind its end
        text[place] = static_cast<char>(c);
        const std::string_view view(text.data(), size);
        ASSERT_EQ(is_value(view), c == '\t' || (c >= 0x20 && c != 0x7f)) << c << " at " << place << " of " << size;
        ASSERT_EQ(is_token(view), skip_token(view, 0) == size) << c << " at " << place << " of " << size;
      }
  EXPECT_TRUE(is_value(""));
}

TEST(http_head, the_authority_of_an_absolute_target_is_the_host) {
  head_parser parser;
  request_head head;
  ASSERT_EQ(parser.parse("GET http://real:81?x HTTP/1.1\r\nHost: other\r\n\r\n", head), head_state::complete);
  EXPECT_EQ(head.host, "real:81");
  EXPECT_EQ(head.path, "/");
  EXPECT_EQ(head.query, "x");
}

struct chunk_case {
  std::string bytes;
  chunk_reader::state ends;
  std::string body{};
  errc code = errc::none;
};

const std::vector<chunk_case> chunk_cases{
    {"0\r\n\r\n", chunk_reader::state::done},
    {"3\r\nabc\r\n0\r\n\r\n", chunk_reader::state::done, "abc"},
    {"3;a=b;c=\"d\"\r\nabc\r\n000\r\nX: y\r\nZ:\r\n\r\n", chunk_reader::state::done, "abc"},
    {"a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", chunk_reader::state::done, "01234567890123456789a"},
    {"3\r\nabc", chunk_reader::state::more, "abc"},
    {"\r\nabc", chunk_reader::state::bad, "", errc::bad_http},
    {"g\r\n", chunk_reader::state::bad, "", errc::bad_http},
    {"-1\r\n", chunk_reader::state::bad, "", errc::bad_http},
    {"+1\r\n", chunk_reader::state::bad, "", errc::bad_http},
    {"0x1\r\n", chunk_reader::state::bad, "", errc::bad_http},
    {" 1\r\na\r\n", chunk_reader::state::bad, "", errc::bad_http},
    {"1 \r\na\r\n", chunk_reader::state::bad, "", errc::bad_http},
    {"1\na\r\n", chunk_reader::state::bad, "", errc::bad_http},
    {"1\r\nab\r\n", chunk_reader::state::bad, "a", errc::bad_http},
    {"1\r\na\n0\r\n\r\n", chunk_reader::state::bad, "a", errc::bad_http},
    {"1;\n\r\na\r\n", chunk_reader::state::bad, "", errc::bad_http},
    {"1000000000000000\r\n", chunk_reader::state::bad, "", errc::bad_http},
    {"fffffffffffffff\r\n", chunk_reader::state::bad, "", errc::body_too_large},
    {"65\r\n", chunk_reader::state::bad, "", errc::body_too_large},
    {"0\r\nbad trailer: x\r\n\r\n", chunk_reader::state::bad, "", errc::bad_http},
    {"0\r\n folded\r\n\r\n", chunk_reader::state::bad, "", errc::bad_http},
    {"0\r\nX: a\nb\r\n\r\n", chunk_reader::state::bad, "", errc::bad_http},
    {"1;" + std::string(9000, 'x'), chunk_reader::state::bad, "", errc::bad_http},
    {"0\r\nX: " + std::string(9000, 'x'), chunk_reader::state::bad, "", errc::bad_http},
};

TEST(chunk_reader, takes_the_framing_off_at_every_split_and_refuses_the_rest) {
  for (const auto& each : chunk_cases) {
    for (std::size_t split = 0; split <= std::min<std::size_t>(each.bytes.size(), 64); ++split) {
      chunk_reader reader(100);
      std::string body;
      std::size_t used = 0;
      auto state = reader.take(std::string_view(each.bytes).substr(0, split), body, used);
      std::size_t total = used;
      if (state == chunk_reader::state::more) {
        state = reader.take(std::string_view(each.bytes).substr(split), body, used);
        total += used;
      }
      EXPECT_EQ(state, each.ends) << each.bytes.substr(0, 40) << " at " << split;
      EXPECT_EQ(body, each.body) << each.bytes.substr(0, 40);
      EXPECT_EQ(reader.code(), each.code) << each.bytes.substr(0, 40) << reader.why();
      if (state == chunk_reader::state::done) EXPECT_EQ(total, each.bytes.size());
    }
  }
}

TEST(chunk_reader, leaves_what_follows_the_body) {
  chunk_reader reader(100);
  std::string body;
  std::size_t used = 0;
  EXPECT_EQ(reader.take("1\r\na\r\n0\r\n\r\nGET /", body, used), chunk_reader::state::done);
  EXPECT_EQ(used, 11u);
}

}  // namespace
}  // namespace andon::net
