// Several addresses raced, and the proxies' small grammar.
#include "andon/net/connect_race.hpp"

#include "andon/net/client_test_peer.hpp"
#include "andon/net/proxy.hpp"

namespace andon::net {
namespace {

using namespace std::chrono_literals;
using namespace test;

addresses addresses_of(std::initializer_list<const char*> texts) {
  addresses out;
  for (const char* text : texts) out.push_back(boost::asio::ip::make_address(text));
  return out;
}

// A listener whose queue is full answers no further SYN.
class black_hole {
public:
  black_hole(const char* address, std::uint16_t port) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    ::inet_pton(AF_INET, address, &at.sin_addr);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(::listen(listener_, 0), 0);
    for (int i = 0; i < 4; ++i) {
      fillers_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      ::connect(fillers_.back(), reinterpret_cast<sockaddr*>(&at), sizeof at);
    }
  }
  ~black_hole() {
    for (const int each : fillers_) ::close(each);
    ::close(listener_);
  }

private:
  int listener_;
  std::vector<int> fillers_;
};

struct seen {
  errc code = errc::none;
  std::string body;
};

task<void> fetch(http_client& client, endpoint to, call_deadlines until, call_switch* stop, seen& out) {
  outgoing_request request;
  request.method = "GET";
  request.target = "/";
  auto reply = co_await client.send(to, request, until, stop);
  if (!reply) {
    out.code = reply.error().code;
    co_return;
  }
  auto all = co_await (*reply)->read_all(1u << 20);
  if (all) out.body = *all;
}

class connect_race_test : public client_world {
protected:
  seen call(addresses to, nanoseconds limit = 5s, call_switch* stop = nullptr) {
    client_settings settings;
    settings.attempt_stagger = 20ms;
    remake(settings, [to](const std::string&) { return result<addresses>(to); });
    endpoint where = local(peer->port);
    where.host = "several.example";
    seen out;
    run(fetch(client(), where, soon(limit), stop, out));
    client().close_idle();
    return out;
  }
  void TearDown() override {
    peer.reset();
    client_world::TearDown();
  }
  std::unique_ptr<fake_peer> peer = std::make_unique<fake_peer>(answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
};

TEST(alternate_families, takes_them_in_turn) {
  EXPECT_EQ(alternate_families(addresses_of({"::1", "::2", "::3", "1.1.1.1", "2.2.2.2"})), addresses_of({"::1", "1.1.1.1", "::2", "2.2.2.2", "::3"}));
  EXPECT_EQ(alternate_families(addresses_of({"1.1.1.1", "::1"})), addresses_of({"1.1.1.1", "::1"}));
  EXPECT_TRUE(alternate_families({}).empty());
}

TEST_F(connect_race_test, a_silent_address_does_not_hold_up) {
  const black_hole hole("127.0.0.3", peer->port);
  const auto began = at().now();
  EXPECT_EQ(call(addresses_of({"127.0.0.3", "127.0.0.1"})).body, "ok");
  EXPECT_GE(at().now() - began, 20ms);
  EXPECT_LT(at().now() - began, 1s);
  EXPECT_EQ(peer->accepted, 1);
}

TEST_F(connect_race_test, refusals_go_to_the_next_at_once) {
  EXPECT_EQ(call(addresses_of({"127.0.0.4", "127.0.0.5", "::1", "127.0.0.1"})).body, "ok");
  EXPECT_EQ(call(addresses_of({"127.0.0.4", "127.0.0.5"})).code, errc::connect_failed);
}

TEST_F(connect_race_test, ends_by_deadline_and_by_switch) {
  const black_hole one("127.0.0.3", peer->port), two("127.0.0.6", peer->port);
  EXPECT_EQ(call(addresses_of({"127.0.0.3", "127.0.0.6"}), 50ms).code, errc::connect_timeout);
  call_switch stop;
  stop.cancel();
  EXPECT_EQ(call(addresses_of({"127.0.0.3", "127.0.0.6"}), 5s, &stop).code, errc::cancelled);
}

task<void> cancel_soon(core& at, call_switch& stop) {
  co_await at.sleep_for(10ms);
  stop.cancel();
}

task<void> fetch_and_cancel(core& at, http_client& client, endpoint to, call_deadlines until, seen& out) {
  call_switch stop;
  at.spawn(cancel_soon(at, stop));
  co_await fetch(client, to, until, &stop, out);
}

TEST_F(connect_race_test, is_cancelled_in_the_middle_and_with_its_client) {
  const black_hole one("127.0.0.3", peer->port), two("127.0.0.6", peer->port);
  client_settings settings;
  remake(settings, [](const std::string&) { return result<addresses>(addresses_of({"127.0.0.3", "127.0.0.6"})); });
  endpoint where = local(peer->port);
  where.host = "several.example";
  seen out;
  const auto began = at().now();
  run(fetch_and_cancel(at(), client(), where, soon(5s), out));
  EXPECT_EQ(out.code, errc::cancelled);
  EXPECT_LT(at().now() - began, 1s);
}

TEST(proxy, addresses) {
  EXPECT_EQ(parse_proxy("http://proxy.example:8080").value(), (proxy_address{"proxy.example", 8080, {}}));
  EXPECT_EQ(parse_proxy("http://proxy.example/").value(), (proxy_address{"proxy.example", 3128, {}}));
  EXPECT_EQ(parse_proxy("10.0.0.1:1").value(), (proxy_address{"10.0.0.1", 1, {}}));
  EXPECT_EQ(parse_proxy("http://me:p%40ss@[::1]:3128").value(), (proxy_address{"[::1]", 3128, "Basic bWU6cEBzcw=="}));
  for (const char* bad : {"https://proxy.example:1", "socks5://proxy.example", "http://", "http://:1", "http://x:0", "http://x:99999", "http://x:y", "http://a b", "http://x/path"})
    EXPECT_FALSE(parse_proxy(bad).has_value()) << bad;
}

TEST(proxy, exceptions) {
  struct row { const char* list; const char* host; bool direct; };
  for (const row& each : {row{"", "a.example", false}, row{"*", "a.example", true}, row{"example", "a.example", true}, row{".example", "a.example", true},
                          row{"*.example", "a.example", true}, row{"ample", "a.example", false}, row{"b.example, a.example", "A.Example", true},
                          row{"a.example:443", "a.example", true}, row{"a.example:80", "a.example", false}, row{"10.0.0.0/8", "10.1.2.3", true},
                          row{"10.0.0.0/8", "11.1.2.3", false}, row{"10.0.0.0/8", "10.example", false}, row{"127.0.0.1", "127.0.0.1", true},
                          row{"::1", "[::1]", true}, row{"fd00::/8", "[fd12::1]", true}, row{"fd00::/8", "[fe80::1]", false}, row{",,", "a.example", false}})
    EXPECT_EQ(is_direct(each.list, {.host = each.host, .port = 443, .tls = true}), each.direct) << each.list << " " << each.host;
}

}  // namespace
}  // namespace andon::net
