// The client's limits against a peer on raw sockets: deadlines, refusals, names, cancelling, and many calls at once.
#include <atomic>
#include <future>

#include "andon/net/http_client_testing.hpp"

namespace andon::net {
namespace {

using namespace test;

class http_client_limits_test : public http_client_test {};

task<void> timed_call(http_client& client, endpoint to, call_deadlines until, outcome& out) {
  call_plan plan;
  plan.to = std::move(to);
  plan.how = reading::parts;
  co_await call(client, plan, until, out);
}

TEST_F(http_client_limits_test, every_deadline_has_its_own_error) {
  struct stall_case { std::string reply; nanoseconds first_byte, idle, total; errc expected; };
  const std::string part = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
  const stall_case cases[] = {
      {"", 10ms, 1s, 1s, errc::first_token_timeout},
      {"HTTP/1.1 200 OK\r\nConte", 10ms, 1s, 1s, errc::first_token_timeout},
      {"", 1s, 1s, 10ms, errc::total_timeout},
      {part, 1s, 10ms, 1s, errc::idle_timeout},
      {part, 1s, 1s, 20ms, errc::total_timeout},
      {part, 1s, 0ms, 20ms, errc::total_timeout},
  };
  for (const auto& each : cases) {
    fake_peer peer([&](peer_socket& socket, int) {
      socket.read_request();
      socket.send(each.reply);
      socket.wait_for_close();
    });
    const mono_time now = at().now();
    call_deadlines until{deadline::after(now, 1s), deadline::after(now, each.first_byte), deadline::after(now, each.total), each.idle};
    outcome out;
    run(timed_call(client(), local(peer.port), until, out));
    EXPECT_EQ(out.code, each.expected) << out.message;
    EXPECT_LT(at().now() - now, 500ms);
    EXPECT_EQ(client().counts().busy, 0u);
  }
}

TEST_F(http_client_limits_test, connecting_has_a_deadline) {
  // A listener whose queue is full answers no further SYN.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&where), size), 0);
  ASSERT_EQ(::listen(listener, 0), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&where), &size);
  std::vector<int> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::connect(fillers.back(), reinterpret_cast<sockaddr*>(&where), size);
  }
  outcome out;
  run(timed_call(client(), local(ntohs(where.sin_port)), soon(20ms), out));
  EXPECT_EQ(out.code, errc::connect_timeout) << out.message;
  for (int each : fillers) ::close(each);
  ::close(listener);
}

TEST_F(http_client_limits_test, refused_connections_and_unknown_names) {
  std::uint16_t free_port = 0;
  { free_port = fake_peer([](peer_socket&, int) {}).port; }
  call_plan plan;
  plan.to = local(free_port);
  outcome out = one(plan);
  EXPECT_EQ(out.code, errc::connect_failed);
  EXPECT_NE(out.message.find("127.0.0.1:" + std::to_string(free_port)), std::string::npos) << out.message;
  EXPECT_NE(out.message.find("refused"), std::string::npos) << out.message;
  plan.to.host = "no-such-host.invalid";
  out = one(plan);
  EXPECT_EQ(out.code, errc::dns_failed) << out.message;
  EXPECT_NE(out.message.find("no-such-host.invalid"), std::string::npos);
}

TEST_F(http_client_limits_test, names_are_cached_and_every_address_is_tried) {
  std::atomic<int> lookups = 0;
  client_settings settings;
  remake(settings, [&](const std::string&) -> result<addresses> {
    ++lookups;
    return addresses{boost::asio::ip::make_address("127.0.0.2"), boost::asio::ip::make_address("127.0.0.1")};
  });
  fake_peer peer(test::answering(with_length("x", "Connection: close\r\n")));   // listens on 127.0.0.1 only
  call_plan plan;
  plan.to = local(peer.port);
  plan.to.host = "model.example";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(one(plan).body, "x");
  EXPECT_EQ(lookups, 1);
}

task<void> wait_for_count(core& at, std::atomic<int>& count, int wanted) {
  while (count < wanted) co_await at.sleep_for(1ms);
}

TEST_F(http_client_limits_test, names_are_resolved_again_in_the_background) {
  std::atomic<int> lookups = 0;
  client_settings settings;
  settings.dns_ttl = nanoseconds{1};
  remake(settings, [&](const std::string&) -> result<addresses> {
    if (++lookups > 1) return fail(errc::dns_failed, "gone");
    return addresses{boost::asio::ip::make_address("127.0.0.1")};
  });
  fake_peer peer(test::answering(with_length("x", "Connection: close\r\n")));
  call_plan plan;
  plan.to = local(peer.port);
  plan.to.host = "model.example";
  EXPECT_EQ(one(plan).body, "x");
  EXPECT_EQ(one(plan).body, "x");
  run(wait_for_count(at(), lookups, 2));
  EXPECT_EQ(one(plan).body, "x") << "an address that is known stays in use when the name server fails";
}

/// A name server that says when it is asked, and nothing more until it is released.
auto silent_until(std::promise<void>& release, std::atomic<bool>& reached) {
  return [&reached, held = release.get_future().share()](const std::string&) -> result<addresses> {
    reached = true;
    held.wait();
    return fail(errc::dns_failed, "late");
  };
}

TEST_F(http_client_limits_test, a_silent_name_server_runs_into_the_connect_deadline) {
  std::atomic<bool> reached = false;
  std::promise<void> release;
  remake({}, silent_until(release, reached));
  call_plan plan;
  plan.to = local(1);
  plan.to.host = "model.example";
  EXPECT_EQ(one(plan, 20ms).code, errc::connect_timeout);
  release.set_value();
}

task<void> cancel_after(core& at, call_switch& stop, const std::atomic<bool>& reached) {
  while (!reached) co_await at.sleep_for(1ms);
  stop.cancel();
}

TEST_F(http_client_limits_test, cancelling_ends_every_phase_at_once) {
  const std::string half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
  struct phase_case { std::string reply; std::size_t request_size; };
  const phase_case cases[] = {{"", 10}, {"HTTP/1.1 200", 10}, {half, 10}, {"", 64u << 20}};
  for (const auto& each : cases) {
    std::atomic<bool> reached = false;
    std::atomic<bool> closed = false;
    fake_peer peer([&](peer_socket& socket, int) {
      if (each.request_size < 1000) socket.read_request();
      socket.send(each.reply);
      reached = true;
      if (each.request_size < 1000) socket.wait_for_close();
      else while (!closed) std::this_thread::yield();
    });
    call_switch stop;
    outcome out;
    call_plan plan;
    plan.to = local(peer.port);
    plan.body.assign(each.request_size, 'x');
    at().spawn(cancel_after(at(), stop, reached));
    const mono_time began = at().now();
    run(call(client(), plan, soon(), out, &stop));
    closed = true;
    EXPECT_EQ(out.code, errc::cancelled) << out.message;
    EXPECT_LT(at().now() - began, 1s);
    EXPECT_EQ(client().counts().busy, 0u);
  }
  call_switch stop;
  stop.cancel();
  fake_peer peer(test::answering(with_length("x")));
  outcome out;
  call_plan plan;
  plan.to = local(peer.port);
  run(call(client(), plan, soon(), out, &stop));
  EXPECT_EQ(out.code, errc::cancelled) << "cancelled before it began";
}

TEST_F(http_client_limits_test, cancelling_ends_the_wait_for_a_name) {
  std::atomic<bool> reached = false;
  std::promise<void> release;
  remake({}, silent_until(release, reached));
  call_switch stop;
  call_plan plan;
  plan.to = local(1);
  plan.to.host = "model.example";
  outcome out;
  at().spawn(cancel_after(at(), stop, reached));
  run(call(client(), plan, soon(), out, &stop));
  EXPECT_EQ(out.code, errc::cancelled);
  release.set_value();
}

task<void> abort_reply(http_client& client, endpoint to, call_deadlines until, core& at, outcome& out);

task<void> abort_later(core& at, client_reply& reply) {
  co_await at.sleep_for(1ms);
  reply.abort();   // the reader ran and let the reply go
}

task<void> abort_reply(http_client& client, endpoint to, call_deadlines until, core& at, outcome& out) {
  outgoing_request request;
  request.method = "GET";
  request.target = "/";
  auto reply = co_await client.send(to, request, until);
  if (!reply) co_return;
  out.status = (*reply)->status();
  at.spawn(abort_later(at, **reply));
  auto all = co_await (*reply)->read_all(1000);
  if (!all) out.code = all.error().code;
  (*reply)->abort();
  auto again = co_await (*reply)->read_some();
  if (again) out.code = errc::none;
}

TEST_F(http_client_limits_test, abort_ends_a_pending_read) {
  fake_peer peer([](peer_socket& socket, int) {
    socket.read_request();
    socket.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    socket.wait_for_close();
  });
  outcome out;
  run(abort_reply(client(), local(peer.port), soon(), at(), out));
  EXPECT_EQ(out.status, 200);
  EXPECT_EQ(out.code, errc::cancelled);
  EXPECT_EQ(client().counts().busy, 0u);
}

task<void> outlive_switches(http_client& client, endpoint to, call_deadlines until, std::string& out) {
  auto stop = std::make_unique<call_switch>();
  outgoing_request request;
  request.method = "GET";
  request.target = "/";
  auto first = co_await client.send(to, request, until, stop.get());
  auto second = co_await client.send(to, request, until, stop.get());
  if (!first || !second) co_return;
  first->reset();         // must leave the switch to the second call
  stop->cancel();
  auto cancelled = co_await (*second)->read_all(100);
  if (!cancelled) out = kind_of(cancelled.error().code).name;
  auto fresh = std::make_unique<call_switch>();
  auto third = co_await client.send(to, request, until, fresh.get());
  fresh.reset();
  if (!third) co_return;
  auto body = co_await (*third)->read_all(100);
  if (body) out.append(" ").append(*body);
}

TEST_F(http_client_limits_test, a_switch_may_go_or_serve_again_before_the_reply_goes) {
  fake_peer peer(test::answering(with_length("x")));
  std::string out;
  run(outlive_switches(client(), local(peer.port), soon(), out));
  EXPECT_EQ(out, "cancelled x");
  client().close_idle();
}

// ---- many at once ----

task<void> counted_call(http_client& client, call_plan plan, call_deadlines until, outcome& out, int& left, wait_point& all_done) {
  co_await call(client, std::move(plan), until, out);
  if (--left == 0) all_done.wake();
}

task<void> parallel_calls(core& at, http_client& client, call_plan plan, call_deadlines until, std::vector<outcome>& outs) {
  int left = static_cast<int>(outs.size());
  wait_point all_done;
  for (outcome& out : outs) at.spawn(counted_call(client, plan, until, out, left, all_done));
  co_await all_done.wait();
}

TEST_F(http_client_limits_test, parallel_calls_use_connections_of_their_own) {
  fake_peer peer(test::answering(chunked({"a", "b"})));
  call_plan plan;
  plan.to = local(peer.port);
  std::vector<outcome> outs(20);
  run(parallel_calls(at(), client(), plan, soon(), outs));
  for (const auto& out : outs) EXPECT_EQ(out.body, "ab") << out.message;
  EXPECT_GT(peer.accepted, 1);
  EXPECT_EQ(client().counts().busy, 0u);
  client().close_idle();
}

TEST_F(http_client_limits_test, connections_are_bounded_and_waited_for) {
  client_settings settings;
  settings.max_connections = 2;
  remake(settings);
  fake_peer peer(test::answering(with_length("x")));
  call_plan plan;
  plan.to = local(peer.port);
  std::vector<outcome> outs(20);
  run(parallel_calls(at(), client(), plan, soon(), outs));
  for (const auto& out : outs) EXPECT_EQ(out.body, "x") << out.message;
  EXPECT_LE(peer.accepted, 2);
  client().close_idle();
}

TEST_F(http_client_limits_test, waiting_for_room_ends_at_the_connect_deadline) {
  client_settings settings;
  settings.max_connections = 1;
  remake(settings);
  fake_peer peer([](peer_socket& socket, int) { socket.wait_for_close(); });
  call_plan plan;
  plan.to = local(peer.port);
  std::vector<outcome> outs(2);
  call_deadlines until = soon(60ms);
  until.connect = deadline::after(at().now(), 10ms);
  run(parallel_calls(at(), client(), plan, until, outs));
  int overloaded = 0;
  for (const auto& out : outs) overloaded += out.code == errc::overloaded ? 1 : 0;
  EXPECT_EQ(overloaded, 1) << outs[0].message << outs[1].message;
}

}  // namespace
}  // namespace andon::net
