// HTTP/2 to a provider, against this room's own server on a thread of its own: many calls on a connection, flow control,
// what is agreed on by ALPN, and the connections' lives.
#include <gtest/gtest.h>

#include "andon/net/client_test_peer.hpp"
#include "andon/net/http_server_fixture.hpp"
#include "andon/net/tls_identity_testing.hpp"
#include "andon/net/tls_server.hpp"

namespace andon::net {
namespace {

using namespace std::chrono_literals;
using namespace testing;

struct outcome {
  errc code = errc::none;
  std::string message, body, type;
  int status = 0;
  call_timings timings;
  spoken_http spoken{};
};

struct call_plan {
  endpoint to;
  std::string method = "POST", target = "/", body{};
  bool in_parts = false;
};

task<void> call(http_client& client, call_plan plan, call_deadlines until, outcome& out, call_switch* stop = nullptr) {
  const header lines[] = {{"X-Note", "n"}, {"Connection", "close"}, {"Transfer-Encoding", "chunked"}};
  outgoing_request request;
  request.method = plan.method;
  request.target = plan.target;
  request.body = plan.body;
  request.headers = std::span(lines).first(plan.to.http == http_version::only_2 ? 3 : 1);   // the others are no business of HTTP/2
  auto reply = co_await client.send(plan.to, request, until, stop);
  error problem{errc::none, {}};
  if (!reply) problem = reply.error();
  if (reply) {
    out.status = (*reply)->status();
    out.timings = (*reply)->timings();
    out.spoken = (*reply)->spoken();
    out.type = find_header((*reply)->headers(), "Content-Type");
  }
  if (reply && !plan.in_parts) {
    auto whole = co_await (*reply)->read_all(256u << 20);
    if (whole) out.body = *whole;
    else problem = whole.error();
  }
  while (reply && plan.in_parts) {
    auto part = co_await (*reply)->read_some();
    if (!part) problem = part.error();
    if (!part || part->empty()) break;
    out.body.append(*part);
  }
  out.code = problem.code;
  out.message = problem.message;
}

task<void> counted(http_client& client, call_plan plan, call_deadlines until, outcome& out, std::size_t& left, wait_point& all_done) {
  co_await call(client, std::move(plan), until, out);
  if (--left == 0) all_done.wake();
}

class http2_client_test : public test::client_world {
protected:
  static endpoint http2(std::uint16_t port) {
    endpoint to = local(port);
    to.http = http_version::only_2;
    return to;
  }
  outcome one(call_plan plan, nanoseconds limit = 20s) {
    outcome out;
    run(call(client(), std::move(plan), soon(limit), out));
    return out;
  }
  outcome get(const endpoint& to, std::string target) { return one({to, "GET", std::move(target)}); }
  task<void> all_at_once(call_plan plan, std::vector<outcome>& outs) {
    std::size_t left = outs.size();
    wait_point all_done;
    for (auto& out : outs) at().spawn(counted(client(), plan, soon(60s), out, left, all_done));
    co_await all_done.wait();
  }
  std::vector<outcome> many(call_plan plan, std::size_t count) {
    std::vector<outcome> outs(count);
    run(all_at_once(std::move(plan), outs));
    return outs;
  }
};

TEST_F(http2_client_test, carries_every_kind_of_call_on_one_connection) {
  test_server server;
  const auto to = http2(server.port());
  const auto first = get(to, "/");
  EXPECT_EQ(first.body, "hello") << first.message;
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.type, "text/plain");
  EXPECT_EQ(first.spoken, spoken_http::http_2);
  EXPECT_FALSE(first.timings.reused);
  EXPECT_GT(first.timings.connect.count(), 0);
  const auto events = one({to, "GET", "/stream", {}, true});
  EXPECT_EQ(events.body, "data: 0\n\ndata: 1\n\ndata: 2\n\ndata: [DONE]\n\n") << events.message;
  EXPECT_TRUE(events.timings.reused);
  EXPECT_EQ(events.timings.connect.count(), 0);
  const auto shown = one({to, "POST", "/show?a=b", "{}"}).body;
  EXPECT_NE(shown.find("POST /show ?a=b\n"), std::string::npos) << shown;
  EXPECT_NE(shown.find("x-note=[n]"), std::string::npos) << shown;
  EXPECT_NE(shown.find("content-length=[2]"), std::string::npos) << shown;
  EXPECT_NE(shown.find("host=[127.0.0.1:" + std::to_string(server.port()) + "]"), std::string::npos) << shown;
  EXPECT_EQ(shown.find("connection"), std::string::npos) << shown;
  EXPECT_EQ(shown.find("transfer-encoding"), std::string::npos) << shown;
  EXPECT_EQ(one({to, "HEAD", "/"}).body, "");
  EXPECT_EQ(get(to, "/abort").code, errc::upstream_reset);
  EXPECT_EQ(get(to, "/silent").status, 500);
  EXPECT_EQ(client().counts().opened, 1u);
  EXPECT_EQ(client().counts().reused, 5u);
  EXPECT_EQ(client().counts().idle, 1u);
  EXPECT_EQ(client().counts().busy, 0u);
  client().close_idle();
  EXPECT_EQ(client().counts().idle, 0u);
}

TEST_F(http2_client_test, large_bodies_both_ways) {
  test_server server;
  std::string large;
  for (std::size_t i = 0; large.size() < (12u << 20); ++i) large += std::to_string(i * 2654435761u);
  for (const bool in_parts : {false, true}) {
    const auto out = one({http2(server.port()), "POST", "/echo", large, in_parts});
    EXPECT_TRUE(out.body == large) << out.message << out.body.size();
  }
}

TEST_F(http2_client_test, refuses_to_inject_headers) {
  test_server server;
  for (std::string_view bad : {std::string_view{"/a\r\nX: y"}, std::string_view{"/a b"}, std::string_view{}})
    EXPECT_EQ(get(http2(server.port()), std::string(bad)).code, errc::invalid_argument) << bad;
}

TEST_F(http2_client_test, a_full_connection_makes_another_and_nothing_more) {
  test_server server;   // lets 128 streams at once
  for (const auto& out : many({http2(server.port()), "POST", "/echo", "body"}, 300)) EXPECT_EQ(out.body, "body") << out.message;
  EXPECT_GE(client().counts().opened, 1u);
  EXPECT_LE(client().counts().opened, 3u);
  EXPECT_EQ(client().counts().busy, 0u);
  client().close_idle();
}

TEST_F(http2_client_test, connections_are_bounded_and_waited_for) {
  client_settings settings;
  settings.max_connections = 1;
  settings.max_streams = 2;
  remake(settings);
  test_server server;
  for (const auto& out : many({http2(server.port()), "POST", "/echo", "body"}, 40)) EXPECT_EQ(out.body, "body") << out.message;
  EXPECT_EQ(client().counts().opened, 1u);
  client().close_idle();
}

task<void> thousands(http_client& client, core& at, endpoint to, std::size_t rounds, std::size_t& good) {
  for (std::size_t i = 0; i < rounds; ++i) {
    const deadline end = deadline::after(at.now(), 20s);
    outcome out;
    co_await call(client, {to, "POST", i % 3 == 0 ? "/stream" : "/echo", "body", i % 2 == 0}, {end, end, end, nanoseconds{}}, out);
    if (out.code == errc::none && out.body == (i % 3 == 0 ? "data: 0\n\ndata: 1\n\ndata: 2\n\ndata: [DONE]\n\n" : "body")) ++good;
  }
}

task<void> thousands_abreast(http_client& client, core& at, endpoint to, std::size_t rounds, std::size_t& good, std::size_t& left, wait_point& done) {
  co_await thousands(client, at, std::move(to), rounds, good);
  if (--left == 0) done.wake();
}

task<void> abreast(http_client& client, core& at, endpoint to, std::size_t rounds, std::size_t& good) {
  std::size_t left = 40;
  wait_point done;
  for (std::size_t i = left; i != 0; --i) at.spawn(thousands_abreast(client, at, to, rounds, good, left, done));
  co_await done.wait();
}

TEST_F(http2_client_test, thousands_of_streams_on_one_connection_without_growing) {
  test_server server;
  std::size_t good = 0;
  run(abreast(client(), at(), http2(server.port()), 50, good));
  const auto before = server.allocated();
  run(abreast(client(), at(), http2(server.port()), 200, good));
  EXPECT_EQ(good, 10'000u);
  EXPECT_EQ(client().counts().opened, 1u);
  EXPECT_LT(server.allocated(), before + (512u << 10));
}

TEST_F(http2_client_test, many_connections_worth_of_calls_when_the_peer_allows_few) {
  client_settings settings;
  settings.max_streams = 3;
  remake(settings);
  test_server server;
  const auto outs = many({http2(server.port()), "GET", "/stream"}, 60);
  for (const auto& out : outs) EXPECT_EQ(out.code, errc::none) << out.message;
  EXPECT_LE(client().counts().opened, 20u);
  client().close_idle();
}

// ---- flow control ----

task<void> hold_and_drain(http_client& client, endpoint to, core& at, scripted_handler& handler, call_deadlines until, std::size_t& paused_at, std::size_t& total, std::string& beside) {
  outgoing_request request;
  request.method = "GET";
  request.target = "/flood";
  auto slow = co_await client.send(to, request, until);
  if (!slow) co_return;
  // Not read: the provider pauses. Then others on the connection go on.
  for (std::size_t before = 1; before != handler.flooded;) {
    before = handler.flooded;
    co_await at.sleep_for(20ms);
  }
  paused_at = handler.flooded;
  outcome other;
  co_await call(client, {to, "POST", "/echo", std::string(200'000, 'o')}, until, other);
  beside = other.body;
  for (;;) {
    auto part = co_await (*slow)->read_some();
    if (!part || part->empty()) break;
    total += part->size();
  }
}

TEST_F(http2_client_test, a_slow_caller_pauses_its_stream_and_no_other) {
  test_server server;
  std::size_t paused_at = 0, total = 0;
  std::string beside;
  run(hold_and_drain(client(), http2(server.port()), at(), server.handler, soon(60s), paused_at, total, beside));
  EXPECT_GT(paused_at, 0u);
  EXPECT_LE(paused_at, 1u << 20);
  EXPECT_EQ(beside.size(), 200'000u);
  EXPECT_EQ(total, 64u << 20);
  EXPECT_EQ(client().counts().opened, 1u);
}

// ---- cancelling ----

task<void> cancel_when(core& at, call_switch& stop, std::atomic<int>& count, int wanted) {
  while (count < wanted) co_await at.sleep_for(1ms);
  stop.cancel();
}

TEST_F(http2_client_test, cancelling_resets_the_stream_and_keeps_the_connection) {
  test_server server;
  for (int i = 1; i <= 3; ++i) {
    call_switch stop;
    outcome out;
    at().spawn(cancel_when(at(), stop, server.handler.waiting, i));
    run(call(client(), {http2(server.port()), "GET", "/wait"}, soon(), out, &stop));
    EXPECT_EQ(out.code, errc::cancelled) << out.message;
    EXPECT_TRUE(server.eventually([&] { return server.handler.gone == i; }));
  }
  EXPECT_EQ(get(http2(server.port()), "/").body, "hello");
  EXPECT_EQ(client().counts().opened, 1u);
  call_switch stop;
  stop.cancel();
  outcome out;
  run(call(client(), {http2(server.port()), "GET", "/"}, soon(), out, &stop));
  EXPECT_EQ(out.code, errc::cancelled) << "cancelled before it began";
}

task<void> abandon(http_client& client, endpoint to, call_deadlines until, bool by_abort, errc& after) {
  outgoing_request request;
  request.method = "GET";
  request.target = "/flood";
  auto reply = co_await client.send(to, request, until);
  if (!reply) co_return;
  auto part = co_await (*reply)->read_some();
  if (!part || !by_abort) co_return;
  (*reply)->abort();
  (*reply)->abort();
  auto more = co_await (*reply)->read_some();
  after = more ? errc::none : more.error().code;
}

TEST_F(http2_client_test, a_reply_that_is_let_go_is_reset) {
  test_server server;
  errc after = errc::none;
  for (const bool by_abort : {false, true}) run(abandon(client(), http2(server.port()), soon(), by_abort, after));
  EXPECT_EQ(after, errc::cancelled);
  EXPECT_TRUE(server.eventually([&] { return server.handler.write_failures == 2; }));
  EXPECT_EQ(get(http2(server.port()), "/").body, "hello");
  EXPECT_EQ(client().counts().opened, 1u);
}

task<void> leave_behind(core& at, std::unique_ptr<http_client>& client, std::atomic<int>& waiting, int wanted) {
  while (waiting < wanted) co_await at.sleep_for(1ms);
  client.reset();
}

TEST_F(http2_client_test, calls_end_when_the_client_goes) {
  test_server server;
  resolver names(resolve_with_system);
  auto own = std::make_unique<http_client>(at(), names);
  std::vector<outcome> outs(5);
  for (auto& out : outs) at().spawn(call(*own, {http2(server.port()), "GET", "/wait"}, soon(), out));
  run(leave_behind(at(), own, server.handler.waiting, 5));
  for (const auto& out : outs) EXPECT_EQ(out.code, errc::cancelled) << out.message;
}

// ---- connections' lives ----

task<void> wait_until_none_idle(core& at, http_client& client) {
  while (client.counts().idle != 0) co_await at.sleep_for(1ms);
}

TEST_F(http2_client_test, idle_connections_expire) {
  client_settings settings;
  settings.idle_expiry = 5ms;
  remake(settings);
  test_server server;
  EXPECT_EQ(get(http2(server.port()), "/").body, "hello");
  run(wait_until_none_idle(at(), client()));
  EXPECT_EQ(get(http2(server.port()), "/").body, "hello");
  EXPECT_EQ(client().counts().opened, 2u);
  run(wait_until_none_idle(at(), client()));
}

TEST_F(http2_client_test, a_server_that_drains_is_left) {
  test_server server;
  EXPECT_EQ(get(http2(server.port()), "/").body, "hello");
  std::promise<bool> done;
  server.start_drain(5s, done);
  run(wait_until_none_idle(at(), client()));
  EXPECT_TRUE(done.get_future().get());
}

TEST_F(http2_client_test, refused_connections_are_told_to_all_who_wait) {
  std::uint16_t free_port = 0;
  { free_port = test::fake_peer([](test::peer_socket&, int) {}).port; }
  for (const auto& out : many({http2(free_port), "GET", "/"}, 20)) EXPECT_EQ(out.code, errc::connect_failed) << out.message;
  EXPECT_EQ(client().counts().busy, 0u);
}

// ---- what is agreed on ----

class http2_negotiation_test : public http2_client_test {
protected:
  http2_negotiation_test() {
    server_.emplace();
    serve_http2(true);
  }
  void TearDown() override {
    server_.reset();   // its descriptors are counted
    http2_client_test::TearDown();
  }
  void serve_http2(bool offered) {
    auto made = tls_server_context::make({.certificate_file = file_.path(), .key_file = {}, .client_ca_file = {}, .clients = client_certificates::none, .http2 = offered}, tickets_);
    ASSERT_TRUE(made.has_value());
    server_->on_core([&] { server_->server().use_tls(*made); });
  }
  endpoint secure(http_version http) {
    endpoint to = local(server_->port());
    to.host = "localhost";
    to.tls = true;
    to.ca_file = root_file_.path();
    to.http = http;
    return to;
  }
  identity root_ = make_identity("Test Root", nullptr, nullptr, -day, day);
  identity own_ = make_identity("x", "DNS:localhost", &root_, -day, day);
  pem_file root_file_{root_.certificate.get()};
  pem_file file_{own_.certificate.get(), own_.key.get()};
  system_clock time_;
  std::shared_ptr<ticket_keys> tickets_ = std::make_shared<ticket_keys>(time_, 1h);
  std::optional<test_server> server_;
};

TEST_F(http2_negotiation_test, http2_where_both_can) {
  for (const auto& out : many({secure(http_version::negotiated), "POST", "/echo", "body"}, 50)) EXPECT_EQ(out.body, "body") << out.message;
  EXPECT_EQ(client().counts().opened, 1u) << "the first burst shares the first connection";
  std::string large(3u << 20, 'l');
  EXPECT_TRUE(one({secure(http_version::negotiated), "POST", "/echo", large}).body == large);
  client().close_idle();
}

TEST_F(http2_negotiation_test, http_1_1_where_the_server_prefers_it) {
  serve_http2(false);
  for (int round = 0; round < 2; ++round) {
    for (const auto& out : many({secure(http_version::negotiated), "POST", "/echo", "body"}, 20)) EXPECT_EQ(out.body, "body") << out.message;
    EXPECT_GE(client().counts().opened, 1u);   // how many depends on whose turn it is
    client().close_idle();
    EXPECT_EQ(client().counts().idle, 0u);
  }
  const auto first = one({secure(http_version::negotiated), "POST", "/echo", "body"});
  EXPECT_FALSE(first.timings.reused);
  EXPECT_GT(first.timings.connect.count(), 0);
  EXPECT_TRUE(one({secure(http_version::negotiated), "POST", "/echo", "body"}).timings.reused);
  client().close_idle();
  serve_http2(true);
  EXPECT_EQ(many({secure(http_version::negotiated), "POST", "/echo", "body"}, 20).size(), 20u);
  EXPECT_EQ(client().counts().idle, 1u) << "what was agreed on is asked anew when no connection is left";
  client().close_idle();
}

TEST_F(http2_negotiation_test, settings_decide) {
  EXPECT_EQ(one({secure(http_version::only_1_1), "POST", "/echo", "body"}).body, "body");
  EXPECT_EQ(server_->counts().open, 1u);
  EXPECT_EQ(many({secure(http_version::only_2), "POST", "/echo", "body"}, 20).back().body, "body");
  EXPECT_EQ(server_->counts().open, 2u);
  client().close_idle();
  serve_http2(false);
  const auto out = one({secure(http_version::only_2), "POST", "/echo", "body"});
  EXPECT_EQ(out.code, errc::tls_failed) << out.message;
}

}  // namespace
}  // namespace andon::net
