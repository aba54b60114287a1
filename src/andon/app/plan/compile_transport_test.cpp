#include "andon/app/plan/compile_transport.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace andon::app {
namespace {

class environment {
public:
  environment(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;
  ~environment() { ::unsetenv(name_); }

private:
  const char* name_;
};

net::endpoint far(bool tls = true) { return {.host = "api.example", .port = 443, .tls = tls}; }

TEST(compile_transport, the_settings_proxy_goes_before_the_environments) {
  const environment proxy("HTTPS_PROXY", "http://env.example:1"), direct("NO_PROXY", "other.example");
  provider_settings one;
  auto to = far();
  ASSERT_TRUE(set_transport(one, to).has_value());
  EXPECT_EQ(to.proxy.host, "env.example");
  one.proxy = "http://own.example:2";
  ASSERT_TRUE(set_transport(one, to = far()).has_value());
  EXPECT_EQ(to.proxy, (net::proxy_address{"own.example", 2, {}}));
  one.proxy = "none";
  ASSERT_TRUE(set_transport(one, to = far()).has_value());
  EXPECT_EQ(to.proxy.host, "");
}

TEST(compile_transport, exceptions_and_plain_providers_go_directly) {
  const environment proxy("https_proxy", "http://env.example:1"), direct("no_proxy", "example");
  auto to = far();
  ASSERT_TRUE(set_transport({}, to).has_value());
  EXPECT_EQ(to.proxy.host, "");
  to = {.host = "elsewhere.test", .port = 80, .tls = false};
  ASSERT_TRUE(set_transport({}, to).has_value());
  EXPECT_EQ(to.proxy.host, "");
}

TEST(compile_transport, the_version_of_http_is_negotiated_unless_it_is_set) {
  provider_settings one;
  auto to = far();
  ASSERT_TRUE(set_transport(one, to).has_value());
  EXPECT_EQ(to.http, net::http_version::negotiated);
  one.http = net::http_version::only_2;
  ASSERT_TRUE(set_transport(one, to = far(false)).has_value());
  EXPECT_EQ(to.http, net::http_version::only_2);
}

TEST(compile_transport, says_which_setting_is_wrong) {
  provider_settings one;
  one.proxy = "socks5://x";
  auto to = far();
  EXPECT_EQ(set_transport(one, to).error().param, "proxy");
  one.proxy = "http://x";
  EXPECT_EQ(set_transport(one, to = far(false)).error().param, "proxy");
  provider_settings keyed;
  keyed.key_file = "k.pem";
  EXPECT_EQ(set_transport(keyed, to = far()).error().param, "key_file");
}

}  // namespace
}  // namespace andon::app
