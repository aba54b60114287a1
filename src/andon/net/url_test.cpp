#include "andon/net/url.hpp"

#include <gtest/gtest.h>

namespace andon::net {
namespace {

TEST(url, takes_base_urls_apart) {
  struct row { std::string_view text, host; std::uint16_t port; bool tls; std::string_view path, header; };
  const row rows[] = {
      {"https://api.openai.com/v1", "api.openai.com", 443, true, "/v1", "api.openai.com"},
      {"https://api.openai.com/v1/", "api.openai.com", 443, true, "/v1", "api.openai.com"},
      {"http://LocalHost:8080", "localhost", 8080, false, "", "localhost:8080"},
      {"HTTP://127.0.0.1:11434/", "127.0.0.1", 11434, false, "", "127.0.0.1:11434"},
      {"http://[::1]:80/v1", "[::1]", 80, false, "/v1", "[::1]"},
      {"https://x.example:444/a%20b/openai", "x.example", 444, true, "/a%20b/openai", "x.example:444"},
  };
  for (const row& each : rows) {
    auto got = parse_base_url(each.text);
    ASSERT_TRUE(got) << each.text << got.error().message;
    EXPECT_EQ(got->to.host, each.host);
    EXPECT_EQ(got->to.port, each.port);
    EXPECT_EQ(got->to.tls, each.tls);
    EXPECT_EQ(got->path, each.path);
    EXPECT_EQ(host_header(got->to), each.header);
  }
}

TEST(url, knows_what_does_not_leave_the_machine) {
  for (const std::string_view here : {"localhost", "127.0.0.1", "127.8.0.9", "::1", "[::1]", "::ffff:127.0.0.1"}) EXPECT_TRUE(is_this_machine(here)) << here;
  for (const std::string_view away : {"", "localhost.example", "10.0.0.1", "192.168.1.2", "::", "2001:db8::1", "api.example"}) EXPECT_FALSE(is_this_machine(away)) << away;
}

TEST(url, refuses_what_is_no_base_url) {
  for (std::string_view text : {"", "api.openai.com", "//x.example", "ftp://x.example", "file:///etc/passwd", "http://", "http:///v1", "http://user:pw@x.example",
                                "http://user@x.example", "http://x.example?key=secret", "http://x.example/#f", "http://x.example:0", "http://x.example:70000",
                                "http://x.example/../v1", "http://x.example/%2e%2e/v1", "http://x y.example", "http://x.example:8a", "http://a%0d%0ab/", "javascript:x"}) {
    auto got = parse_base_url(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().code, errc::invalid_argument);
    EXPECT_EQ(got.error().message.find("pw"), std::string::npos);
    EXPECT_EQ(got.error().message.find("secret"), std::string::npos);
  }
}

TEST(url, knows_the_kinds_of_addresses) {
  struct row { const char* text; address_kind kind; };
  using enum address_kind;
  const row rows[] = {
      {"8.8.8.8", global}, {"127.0.0.1", loopback}, {"127.255.0.9", loopback}, {"10.1.2.3", private_network},
      {"172.16.0.1", private_network}, {"172.31.255.255", private_network}, {"172.32.0.1", global}, {"192.168.1.1", private_network},
      {"100.64.0.1", private_network}, {"169.254.1.1", link_local}, {"169.254.169.254", metadata}, {"169.254.170.2", metadata},
      {"100.100.100.200", metadata}, {"168.63.129.16", metadata}, {"0.0.0.0", unspecified}, {"0.1.2.3", reserved},
      {"224.0.0.1", multicast}, {"255.255.255.255", reserved}, {"198.18.0.1", reserved}, {"203.0.113.9", reserved},
      {"::1", loopback}, {"::", unspecified}, {"fe80::1", link_local}, {"fc00::1", private_network}, {"fd12::1", private_network},
      {"ff02::1", multicast}, {"2606:4700::1", global}, {"fd00:ec2::254", metadata}, {"fd20:ce::254", metadata},
      {"::ffff:127.0.0.1", loopback}, {"::ffff:169.254.169.254", metadata}, {"::10.0.0.1", private_network},
      {"64:ff9b::a9fe:a9fe", metadata}, {"2002:7f00:1::", loopback}, {"2001:db8::1", reserved}, {"4000::1", reserved},
  };
  for (const row& each : rows) EXPECT_EQ(kind_of_address(boost::asio::ip::make_address(each.text)), each.kind) << each.text;
}

}  // namespace
}  // namespace andon::net
