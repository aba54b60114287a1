// HTTP/2 to a provider that misbehaves: frames by hand from a blocking socket. Every way to break off, what is sent again
// and what is not, every deadline, and a peer that is dead without saying so.
#include <gtest/gtest.h>

#include <atomic>
#include <map>

#include "andon/net/http2_test_peer.hpp"

namespace andon::net {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using test::fake_peer;
using test::peer_socket;

struct outcome {
  errc code = errc::none;
  std::string message, body;
  int status = 0;
  call_timings timings;
};

task<void> call(http_client& client, endpoint to, std::string body, call_deadlines until, outcome& out, call_switch* stop = nullptr) {
  out = {};
  outgoing_request request;
  request.method = "POST";
  request.target = "/";
  request.body = body;
  auto reply = co_await client.send(to, request, until, stop);
  error problem{errc::none, {}};
  if (!reply) problem = reply.error();
  if (reply) out.status = (*reply)->status();
  if (reply) out.timings = (*reply)->timings();
  while (reply) {
    auto part = co_await (*reply)->read_some();
    if (!part) problem = part.error();
    if (!part || part->empty()) break;
    out.body.append(*part);
  }
  out.code = problem.code;
  out.message = problem.message;
}

using reaction = std::function<void(h2_peer&, std::uint32_t stream)>;

class http2_client_faults : public test::client_world {
protected:
  static endpoint http2(std::uint16_t port) {
    endpoint to = local(port);
    to.http = http_version::only_2;
    return to;
  }
  outcome ask(std::uint16_t port, std::string body = "{}", nanoseconds limit = 5s) {
    outcome out;
    run(call(client(), http2(port), std::move(body), soon(limit), out));
    return out;
  }
  /// What comes of one call that the peer reacts to so.
  outcome after(reaction react, nanoseconds limit = 5s) {
    fake_peer peer([&](peer_socket& socket, int) {
      h2_peer h2(socket);
      while (const auto stream = h2.request()) react(h2, stream);
    });
    outcome out = ask(peer.port, "{}", limit);
    client().close_idle();
    return out;
  }
};

TEST_F(http2_client_faults, replies_split_anywhere) {
  const std::string whole = frame(NGHTTP2_HEADERS, 4, 1, ok + field("x-a", "b")) + frame(NGHTTP2_DATA, 0, 1, "hello ") + frame(NGHTTP2_DATA, 0, 1, {}) +
                            frame(NGHTTP2_DATA, 8 | 1, 1, std::string("\x03world\0\0\0", 9));   // padded
  for (std::size_t split = 1; split < whole.size(); ++split) {
    const auto out = after([&](h2_peer& peer, std::uint32_t) {
      peer.send(whole.substr(0, split));
      peer.send(whole.substr(split));
    });
    ASSERT_EQ(out.body, "hello world") << split << out.message;
  }
}

TEST_F(http2_client_faults, interim_replies_and_trailers_are_skipped) {
  const auto out = after([](h2_peer& peer, std::uint32_t stream) {
    peer.head(stream, field(":status", "100"));
    peer.head(stream, field(":status", "103") + field("link", "x"));
    peer.head(stream, ok);
    peer.data(stream, "body", false);
    peer.head(stream, field("x-trailer", "y"), true);
  });
  EXPECT_EQ(out.body, "body") << out.message;
  EXPECT_EQ(out.status, 200);
}

TEST_F(http2_client_faults, replies_that_break_the_rules) {
  struct rule { std::string name; reaction react; errc expected; std::string_view says; };
  const rule rules[] = {
      {"no status", [](h2_peer& p, std::uint32_t s) { p.head(s, field("x-a", "b")); p.data(s, "x"); }, errc::upstream_bad_reply, "PROTOCOL_ERROR"},
      {"status twice", [](h2_peer& p, std::uint32_t s) { p.head(s, ok + ok); p.data(s, "x"); }, errc::upstream_bad_reply, "PROTOCOL_ERROR"},
      {"status is no number", [](h2_peer& p, std::uint32_t s) { p.head(s, field(":status", "2x0")); p.data(s, "x"); }, errc::upstream_bad_reply, "PROTOCOL_ERROR"},
      {"101", [](h2_peer& p, std::uint32_t s) { p.head(s, field(":status", "101")); }, errc::upstream_bad_reply, "PROTOCOL_ERROR"},
      {"upper case", [](h2_peer& p, std::uint32_t s) { p.head(s, ok + field("X-A", "b")); p.data(s, "x"); }, errc::upstream_bad_reply, "PROTOCOL_ERROR"},
      {"a line break", [](h2_peer& p, std::uint32_t s) { p.head(s, ok + field("x-a", "b\r\nc: d")); p.data(s, "x"); }, errc::upstream_bad_reply, "PROTOCOL_ERROR"},
      {"of the connection", [](h2_peer& p, std::uint32_t s) { p.head(s, ok + field("transfer-encoding", "chunked")); p.data(s, "x"); }, errc::upstream_bad_reply, "PROTOCOL_ERROR"},
      {"pseudo-header last", [](h2_peer& p, std::uint32_t s) { p.head(s, field("x-a", "b") + ok); p.data(s, "x"); }, errc::upstream_bad_reply, "PROTOCOL_ERROR"},
      {"a request's pseudo-header", [](h2_peer& p, std::uint32_t s) { p.head(s, ok + field(":path", "/")); p.data(s, "x"); }, errc::upstream_bad_reply, "PROTOCOL_ERROR"},
      {"shorter than it says", [](h2_peer& p, std::uint32_t s) { p.head(s, ok + field("content-length", "5")); p.data(s, "four"); }, errc::upstream_reset, "Content-Length"},
      {"longer than it says", [](h2_peer& p, std::uint32_t s) { p.head(s, ok + field("content-length", "3")); p.data(s, "four"); }, errc::upstream_reset, "Content-Length"},
      {"lengths that differ", [](h2_peer& p, std::uint32_t s) { p.head(s, ok + field("content-length", "1") + field("content-length", "2")); p.data(s, "x"); }, errc::upstream_bad_reply, "PROTOCOL_ERROR"},
      {"unknown packing", [](h2_peer& p, std::uint32_t s) { p.head(s, ok + field("content-encoding", "rot13")); p.data(s, "x"); }, errc::upstream_bad_reply, "rot13"},
      {"not what it is packed with", [](h2_peer& p, std::uint32_t s) { p.head(s, ok + field("content-encoding", "gzip")); p.data(s, "not gzip"); }, errc::upstream_bad_reply, "not valid gzip"},
      {"nine interim replies", [](h2_peer& p, std::uint32_t s) { for (int i = 0; i < 9; ++i) p.head(s, field(":status", "100")); }, errc::upstream_bad_reply, "interim"},
      {"300 fields", [](h2_peer& p, std::uint32_t s) { std::string all = ok; for (int i = 0; i < 300; ++i) all += field("x-a", "b"); p.head(s, all); }, errc::upstream_bad_reply, "256 header lines"},
      // the connection's rules
      {"bad compression", [](h2_peer& p, std::uint32_t s) { p.head(s, std::string(10, '\xff')); }, errc::upstream_reset, "connection ended"},
      {"data before the head", [](h2_peer& p, std::uint32_t s) { p.data(s, "x"); }, errc::upstream_reset, "stream not opened"},
      {"data on stream 0", [](h2_peer& p, std::uint32_t) { p.data(0, "x"); }, errc::upstream_reset, "connection ended"},
      {"data on an idle stream", [](h2_peer& p, std::uint32_t) { p.data(77, "x"); }, errc::upstream_reset, "connection ended"},
      {"larger than allowed", [](h2_peer& p, std::uint32_t s) { p.data(s, std::string(20'000, 'x')); }, errc::upstream_reset, "connection"},
      {"pushed", [](h2_peer& p, std::uint32_t s) { p.send(frame(NGHTTP2_PUSH_PROMISE, 4, s, big_endian(2, 4) + ok)); }, errc::upstream_reset, "connection ended"},
      {"unfinished head", [](h2_peer& p, std::uint32_t s) { p.send(frame(NGHTTP2_HEADERS, 0, s, ok) + frame(NGHTTP2_PING, 0, 0, "12345678")); }, errc::upstream_reset, "connection ended"},
      {"too much window", [](h2_peer& p, std::uint32_t) { for (int i = 0; i < 2; ++i) p.send(frame(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(0x7fffffff, 4))); }, errc::upstream_reset, "connection ended"},
      {"odd settings", [](h2_peer& p, std::uint32_t) { p.send(frame(NGHTTP2_SETTINGS, 0, 0, "odd")); }, errc::upstream_reset, "connection ended"},
  };
  for (const auto& each : rules) {
    const auto out = after(each.react);
    EXPECT_EQ(out.code, each.expected) << each.name << ": " << out.message << out.body;
    EXPECT_NE(out.message.find(each.says), std::string::npos) << each.name << ": " << out.message;
    EXPECT_NE(out.message.find("127.0.0.1:"), std::string::npos) << out.message;
    EXPECT_EQ(client().counts().busy, 0u) << each.name;
    EXPECT_EQ(client().counts().retried, 0u) << each.name;
  }
}

TEST_F(http2_client_faults, a_head_that_is_too_large_or_never_ends) {
  client_settings settings;
  settings.max_head = 2000;
  remake(settings);
  std::string large = ok;
  for (int i = 0; i < 30; ++i) large += field("x-filler", std::string(100, 'f'));
  const auto out = after([&](h2_peer& peer, std::uint32_t stream) { peer.head(stream, large); });
  EXPECT_EQ(out.code, errc::upstream_bad_reply);
  EXPECT_NE(out.message.find("2000 bytes"), std::string::npos) << out.message;
  const auto endless = after([&](h2_peer& peer, std::uint32_t stream) {
    peer.send(frame(NGHTTP2_HEADERS, 0, stream, ok));
    while (peer.send(frame(NGHTTP2_CONTINUATION, 0, stream, field("x", "y")))) {}
  });
  EXPECT_NE(endless.code, errc::none);
  EXPECT_EQ(client().counts().busy, 0u);
}

TEST_F(http2_client_faults, what_does_not_speak_http2_is_told_apart) {
  fake_peer peer([](peer_socket& socket, int) {
    socket.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    socket.wait_for_close();
  });
  const auto out = ask(peer.port);
  EXPECT_EQ(out.code, errc::upstream_bad_reply);
  EXPECT_NE(out.message.find("`http` to 1.1"), std::string::npos) << out.message;
  fake_peer silent([](peer_socket&, int) {});
  EXPECT_NE(ask(silent.port).message.find("`http` to 1.1"), std::string::npos);
}

TEST_F(http2_client_faults, a_cut_anywhere_is_a_reset) {
  const std::string whole = frame(NGHTTP2_HEADERS, 4, 1, ok) + frame(NGHTTP2_DATA, 0, 1, "hello") + frame(NGHTTP2_DATA, 1, 1, "");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    for (const bool hard : {false, true}) {
      fake_peer peer([&](peer_socket& socket, int) {
        h2_peer h2(socket);
        h2.request();
        h2.send(whole.substr(0, cut));
        if (hard) socket.reset();
      });
      const auto out = ask(peer.port);
      ASSERT_EQ(out.code, errc::upstream_reset) << cut << out.message;
      ASSERT_EQ(client().counts().busy + client().counts().idle, 0u);
    }
  }
}

TEST_F(http2_client_faults, streams_that_the_provider_resets) {
  for (const bool in_body : {false, true}) {
    const auto out = after([in_body](h2_peer& peer, std::uint32_t stream) {
      if (in_body) peer.send(frame(NGHTTP2_HEADERS, 4, stream, ok) + frame(NGHTTP2_DATA, 0, stream, "half"));
      peer.send(reset(stream, NGHTTP2_INTERNAL_ERROR));
    });
    EXPECT_EQ(out.code, errc::upstream_reset);
    EXPECT_NE(out.message.find("INTERNAL_ERROR"), std::string::npos) << out.message;
    EXPECT_EQ(client().counts().retried, 0u);
  }
  const auto enough = after([](h2_peer& peer, std::uint32_t stream) {   // a reset after the end takes nothing back
    peer.answer(stream, "whole");
    peer.send(reset(stream, NGHTTP2_NO_ERROR));
  });
  EXPECT_EQ(enough.body, "whole") << enough.message;
}

// ---- what is sent again ----

struct again_case {
  std::string name;
  std::function<void(h2_peer&, std::uint32_t stream)> first;   // on the first connection
  bool repeated;
};

TEST_F(http2_client_faults, what_was_not_done_is_sent_again_once) {
  const again_case cases[] = {
      {"GOAWAY below it", [](h2_peer& p, std::uint32_t) { p.send(goaway(0, NGHTTP2_NO_ERROR)); }, true},
      {"GOAWAY below it with an error", [](h2_peer& p, std::uint32_t) { p.send(goaway(0, NGHTTP2_ENHANCE_YOUR_CALM)); }, true},
      {"refused", [](h2_peer& p, std::uint32_t s) { p.send(reset(s, NGHTTP2_REFUSED_STREAM)); }, true},
      {"cancelled", [](h2_peer& p, std::uint32_t s) { p.send(reset(s, NGHTTP2_CANCEL)); }, false},
      {"refused after the head", [](h2_peer& p, std::uint32_t s) { p.head(s); p.send(reset(s, NGHTTP2_REFUSED_STREAM)); }, false},
  };
  for (const auto& each : cases) {
    const auto before = client().counts().retried;
    fake_peer peer([&](peer_socket& socket, int nth) {
      h2_peer h2(socket);
      while (const auto stream = h2.request()) {
        if (nth == 0) each.first(h2, stream);
        else h2.answer(stream, "again");
      }
    });
    const auto out = ask(peer.port);
    if (each.repeated) {
      EXPECT_EQ(out.body, "again") << each.name << ": " << out.message;
      EXPECT_TRUE(out.timings.renewed) << each.name;
    } else {
      EXPECT_EQ(out.code, errc::upstream_reset) << each.name << ": " << out.message;
    }
    EXPECT_EQ(client().counts().retried - before, each.repeated ? 1u : 0u) << each.name;
    client().close_idle();
  }
}

TEST_F(http2_client_faults, nothing_is_sent_a_third_time) {
  fake_peer peer([](peer_socket& socket, int) {
    h2_peer h2(socket);
    while (h2.request() != 0) h2.send(goaway(0, NGHTTP2_NO_ERROR));
  });
  const auto out = ask(peer.port);
  EXPECT_EQ(out.code, errc::upstream_reset) << out.message;
  EXPECT_EQ(peer.accepted, 2);
  EXPECT_EQ(client().counts().retried, 1u);
}

task<void> two_calls(core& at, http_client& client, endpoint to, call_deadlines until, outcome& first, outcome& second) {
  co_await call(client, to, "{}", until, first);
  co_await at.sleep_for(1ms);
  co_await call(client, to, "{}", until, second);
}

TEST_F(http2_client_faults, a_goaway_lets_the_calls_below_it_end) {
  std::atomic<bool> second_came = false;
  fake_peer peer([&](peer_socket& socket, int nth) {
    h2_peer h2(socket);
    if (nth != 0) {
      second_came = true;
      while (const auto stream = h2.request()) h2.answer(stream, "elsewhere");
      return;
    }
    const auto stream = h2.request();
    h2.head(stream);
    h2.send(goaway(stream, NGHTTP2_NO_ERROR));
    while (!second_came) std::this_thread::yield();
    h2.data(stream, "to its end");
    h2.until_closed();
  });
  outcome slow, other;
  at().spawn(call(client(), http2(peer.port), "{}", soon(), slow));
  outcome ignored;
  run(two_calls(at(), client(), http2(peer.port), soon(), ignored, other));
  for (int i = 0; i < 1000 && slow.body.empty(); ++i) run(at().sleep_for(1ms));
  EXPECT_EQ(slow.body, "to its end") << slow.message;
  EXPECT_EQ(other.body, "elsewhere") << other.message;
  client().close_idle();
}

TEST_F(http2_client_faults, a_stale_connection_is_replaced_once) {
  fake_peer peer([](peer_socket& socket, int nth) {
    h2_peer h2(socket);
    h2.answer(h2.request());
    const auto second = h2.request();
    if (second == 0 || nth == 0) return;   // closed when the second request has been read
    h2.answer(second, "y");
    h2.until_closed();
  });
  outcome first, second;
  run(two_calls(at(), client(), http2(peer.port), soon(), first, second));
  EXPECT_EQ(first.body, "x") << first.message;
  EXPECT_EQ(second.body, "x") << second.message;
  EXPECT_TRUE(second.timings.renewed);
  EXPECT_EQ(client().counts().retried, 1u);
  EXPECT_EQ(peer.accepted, 2);
  client().close_idle();
}

TEST_F(http2_client_faults, a_connection_that_answered_something_is_not_stale) {
  fake_peer peer([](peer_socket& socket, int) {
    h2_peer h2(socket);
    h2.answer(h2.request());
    const auto second = h2.request();
    h2.head(second, field(":status", "100"));
  });
  outcome first, second;
  run(two_calls(at(), client(), http2(peer.port), soon(), first, second));
  EXPECT_EQ(second.code, errc::upstream_reset) << second.message;
  EXPECT_EQ(peer.accepted, 1);
}

// ---- time ----

TEST_F(http2_client_faults, every_deadline_has_its_own_error) {
  struct stall_case { reaction react; nanoseconds first_byte, idle, total; errc expected; };
  const auto nothing = [](h2_peer&, std::uint32_t) {};
  const auto half = [](h2_peer& p, std::uint32_t s) { p.send(frame(NGHTTP2_HEADERS, 4, s, ok) + frame(NGHTTP2_DATA, 0, s, "half")); };
  const stall_case cases[] = {
      {nothing, 10ms, 1s, 1s, errc::first_token_timeout},
      {[](h2_peer& p, std::uint32_t s) { p.send(frame(NGHTTP2_HEADERS, 4, s, ok).substr(0, 5)); }, 10ms, 1s, 1s, errc::first_token_timeout},
      {nothing, 1s, 1s, 10ms, errc::total_timeout},
      {half, 1s, 10ms, 1s, errc::idle_timeout},
      {half, 1s, 1s, 20ms, errc::total_timeout},
      {half, 1s, 0ms, 20ms, errc::total_timeout},
      {[](h2_peer& p, std::uint32_t s) { p.head(s); for (int i = 0; i < 10; ++i) p.data(s, "", false); }, 1s, 30ms, 5s, errc::idle_timeout},
  };
  for (const auto& each : cases) {
    fake_peer peer([&](peer_socket& socket, int) {
      h2_peer h2(socket);
      while (const auto stream = h2.request()) each.react(h2, stream);
    });
    const mono_time now = at().now();
    const call_deadlines until{deadline::after(now, 1s), deadline::after(now, each.first_byte), deadline::after(now, each.total), each.idle};
    outcome out;
    run(call(client(), http2(peer.port), "{}", until, out));
    EXPECT_EQ(out.code, each.expected) << out.message;
    EXPECT_LT(at().now() - now, 500ms);
    EXPECT_EQ(client().counts().busy, 0u);
    client().close_idle();
  }
}

TEST_F(http2_client_faults, a_peer_that_takes_nothing_runs_into_the_first_token_deadline) {
  fake_peer peer([](peer_socket& socket, int) {   // a window of 10 bytes, never opened
    h2_peer h2(socket, setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 10));
    h2.until_closed();
  });
  const auto out = ask(peer.port, std::string(200'000, 'x'), 100ms);
  EXPECT_EQ(out.code, errc::total_timeout) << out.message;   // both deadlines are the same here
  const mono_time now = at().now();
  outcome second;
  run(call(client(), http2(peer.port), std::string(200'000, 'x'), {deadline::after(now, 1s), deadline::after(now, 50ms), deadline::after(now, 5s), nanoseconds{}}, second));
  EXPECT_EQ(second.code, errc::first_token_timeout);
  EXPECT_NE(second.message.find("did not take the request"), std::string::npos) << second.message;
  client().close_idle();
}

TEST_F(http2_client_faults, a_refusal_that_comes_before_the_request_was_taken) {
  fake_peer peer([](peer_socket& socket, int) {
    h2_peer h2(socket);
    const auto head = h2.wait_for(NGHTTP2_HEADERS);
    if (!head) return;
    h2.head(head->stream, field(":status", "413"));
    h2.data(head->stream, "too large");
    h2.until_closed();
  });
  const auto out = ask(peer.port, std::string(8u << 20, 'x'));
  EXPECT_EQ(out.status, 413) << out.message;
  EXPECT_EQ(out.body, "too large") << out.message;
  client().close_idle();
}

TEST_F(http2_client_faults, a_dead_connection_is_found_by_ping) {
  client_settings settings;
  settings.ping_after = 30ms;
  settings.ping_patience = 30ms;
  remake(settings);
  std::atomic<int> pings = 0;
  fake_peer peer([&](peer_socket& socket, int nth) {
    h2_peer h2(socket);
    const auto stream = h2.request();
    h2.head(stream);
    if (nth == 0) return h2.until_closed();        // takes everything, answers nothing
    for (int i = 0; i < 3; ++i) {
      const auto ping = h2.wait_for(NGHTTP2_PING);
      if (!ping) return;
      ++pings;
      h2.send(frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, ping->payload));
    }
    h2.data(stream, "slow but alive");
    h2.until_closed();
  });
  const auto dead = ask(peer.port);
  EXPECT_EQ(dead.code, errc::upstream_reset) << dead.message;
  EXPECT_NE(dead.message.find("PING"), std::string::npos) << dead.message;
  EXPECT_EQ(client().counts().idle, 0u) << "a dead connection is not kept";
  const auto alive = ask(peer.port);
  EXPECT_EQ(alive.body, "slow but alive") << alive.message;
  EXPECT_EQ(pings, 3);
  client().close_idle();
}

task<void> after_a_pause(core& at, http_client& client, endpoint to, call_deadlines until, nanoseconds pause, outcome& first, outcome& second) {
  co_await call(client, to, "{}", until, first);
  co_await at.sleep_for(pause);
  co_await call(client, to, "{}", until, second);
}

TEST_F(http2_client_faults, a_call_after_a_long_pause_asks_whether_the_peer_lives) {
  client_settings settings;
  settings.ping_after = 20ms;
  settings.ping_patience = 30ms;
  remake(settings);
  fake_peer peer([](peer_socket& socket, int) {
    h2_peer h2(socket);
    h2.answer(h2.request());
    h2.until_closed();   // dead from here on
  });
  outcome first, second;
  run(after_a_pause(at(), client(), http2(peer.port), soon(), 60ms, first, second));
  EXPECT_EQ(first.body, "x") << first.message;
  EXPECT_EQ(second.code, errc::upstream_reset) << second.message;
  EXPECT_NE(second.message.find("PING"), std::string::npos) << second.message;
  client().close_idle();
}

// ---- floods ----

TEST_F(http2_client_faults, floods_end_the_connection_or_are_borne) {
  const std::string ping = frame(NGHTTP2_PING, 0, 0, "12345678");
  const std::string settings = frame(NGHTTP2_SETTINGS, 0, 0, {});
  for (const std::string& one : {ping, settings, frame(NGHTTP2_PRIORITY, 0, 9, big_endian(0, 4) + "x"), frame(0x42, 0, 0, "unknown")}) {
    std::string many;
    for (int i = 0; i < 1000; ++i) many += one;
    const auto out = after([&](h2_peer& peer, std::uint32_t stream) {
      for (int i = 0; i < 20 && peer.send(many); ++i) {}
      peer.answer(stream, "after all");
    });
    EXPECT_TRUE(out.body == "after all" || out.code == errc::upstream_reset) << out.message;
    EXPECT_EQ(client().counts().busy, 0u);
  }
}

// ---- the peer's limits ----

task<void> counted_call(http_client& client, endpoint to, call_deadlines until, outcome& out, std::size_t& left, wait_point& done) {
  co_await call(client, std::move(to), "{}", until, out);
  if (--left == 0) done.wake();
}

task<void> abreast(core& at, http_client& client, endpoint to, call_deadlines until, std::vector<outcome>& outs) {
  std::size_t left = outs.size();
  wait_point done;
  for (auto& out : outs) at.spawn(counted_call(client, to, until, out, left, done));
  co_await done.wait();
}

TEST_F(http2_client_faults, calls_at_once_keep_to_what_the_peer_allows) {
  std::atomic<int> most = 0;
  fake_peer peer([&](peer_socket& socket, int) {
    h2_peer h2(socket, setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2));
    std::vector<std::uint32_t> open;
    while (const auto first = h2.request()) {
      open.push_back(first);
      h2.send(frame(NGHTTP2_PING, 0, 0, "barrier."));   // what the client would send beside comes before its answer
      while (const auto one = h2.next()) {
        if (one->type == NGHTTP2_DATA && (one->flags & NGHTTP2_FLAG_END_STREAM) != 0) open.push_back(one->stream);
        if (one->type == NGHTTP2_PING) break;
      }
      most = std::max(most.load(), static_cast<int>(open.size()));
      for (const auto stream : std::exchange(open, {})) h2.answer(stream, "x");
    }
  });
  for (int round = 0; round < 20 && most < 2; ++round) {   // on a busy machine the peer may answer each before the next comes
    std::vector<outcome> outs(30);
    run(abreast(at(), client(), http2(peer.port), soon(), outs));
    for (const auto& out : outs) EXPECT_EQ(out.body, "x") << out.message;
  }
  EXPECT_EQ(most, 2);
  client().close_idle();
}

TEST_F(http2_client_faults, a_peer_that_refuses_beyond_what_it_says_is_relieved) {
  fake_peer peer([&](peer_socket& socket, int nth) {
    h2_peer h2(socket);
    const auto first = h2.request();
    if (nth == 0) {   // takes one at a time, and says nothing of it
      h2.send(reset(h2.request(), NGHTTP2_REFUSED_STREAM));
    }
    h2.answer(first, "x");
    h2.until_closed();
  });
  std::vector<outcome> outs(2);
  run(abreast(at(), client(), http2(peer.port), soon(), outs));
  for (const auto& out : outs) EXPECT_EQ(out.body, "x") << out.message;
  EXPECT_EQ(client().counts().retried, 1u);
  EXPECT_EQ(peer.accepted, 2);
  client().close_idle();
}

}  // namespace
}  // namespace andon::net
