// The client against a peer on raw sockets: replies of every framing, reuse of connections, and what a peer may send wrong.
#include <zlib.h>

#include "andon/net/http_client_testing.hpp"

namespace andon::net {
namespace {

using namespace test;

TEST_F(http_client_test, sends_a_whole_request_and_reads_the_reply) {
  std::string seen;
  fake_peer peer([&](peer_socket& socket, int) {
    seen = socket.read_request();
    socket.send(with_length("hello"));
    socket.wait_for_close();
  });
  call_plan plan;
  plan.to = local(peer.port);
  plan.body = R"({"model":"m"})";
  outcome out = one(plan);
  EXPECT_EQ(out.status, 200) << out.message;
  EXPECT_EQ(out.body, "hello");
  EXPECT_FALSE(out.reused);
  EXPECT_EQ(client().counts().idle, 1u);
  client().close_idle();
  EXPECT_EQ(seen, "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(peer.port) +
                      "\r\nContent-Length: 13\r\n\r\n{\"model\":\"m\"}");
}

TEST_F(http_client_test, refuses_to_inject_headers) {
  for (std::string_view bad : {std::string_view{"/a\r\nX: y"}, std::string_view{"/a b"}, std::string_view{"/a\0b", 4}, std::string_view{}}) {
    call_plan plan;
    fake_peer peer(test::answering(with_length("x")));
    plan.to = local(peer.port);
    plan.target = bad;
    EXPECT_EQ(one(plan).code, errc::invalid_argument) << bad;
    client().close_idle();
  }
}

TEST_F(http_client_test, reuses_the_connection_that_served_last) {
  fake_peer peer(test::answering(with_length("x")));
  call_plan plan;
  plan.to = local(peer.port);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(one(plan).reused, i != 0);
  EXPECT_EQ(peer.accepted, 1);
  EXPECT_EQ(client().counts().reused, 4u);
  client().close_idle();
}

TEST_F(http_client_test, reads_every_framing_split_anywhere) {
  struct framing_case { std::string reply; std::string body; bool closes; };
  const framing_case cases[] = {
      {with_length("hello world"), "hello world", false},
      {with_length(""), "", false},
      {chunked({"hello", " ", "world"}), "hello world", false},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nTrailer: x\r\n\r\n", "hello", false},
      {"HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end", true},
      {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", false},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + with_length("after"), "after", false},
      {"HTTP/1.1 204 No Content\r\n\r\n", "", false},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", "", false},
  };
  for (const auto& each : cases) {
    for (reading how : {reading::all, reading::parts}) {
      for (std::size_t split = 1; split <= each.reply.size(); ++split) {
        if (split > 8 && split + 8 < each.reply.size() && split % 5 != 0) continue;
        auto script = [&](peer_socket& socket, int) {
          socket.read_request();
          socket.send(std::string_view{each.reply}.substr(0, split));
          socket.send(std::string_view{each.reply}.substr(split));
          if (!each.closes) socket.wait_for_close();
        };
        outcome out = one_from(script, 5s, how);
        ASSERT_EQ(out.code, errc::none) << out.message << each.reply;
        ASSERT_EQ(out.body, each.body);
        ASSERT_EQ(out.spoken, each.reply.starts_with("HTTP/1.0") ? spoken_http::http_1_0 : spoken_http::http_1_1) << each.reply;
      }
    }
    outcome out = one_from([&](peer_socket& socket, int) {
      socket.read_request();
      socket.send_bytewise(each.reply);
      if (!each.closes) socket.wait_for_close();
    });
    EXPECT_EQ(out.body, each.body) << out.message;
  }
}

// Short bodies that come in pieces are gathered in a buffer that outlives the reply.
TEST_F(http_client_test, a_reply_holds_nothing_of_the_one_before) {
  constexpr int rounds = 30;
  fake_peer peer([](peer_socket& socket, int) {
    for (int i = 0; i < rounds && !socket.read_request().empty(); ++i) socket.send_bytewise(with_length("reply " + std::to_string(i)));
    socket.wait_for_close();
  });
  call_plan plan;
  plan.to = local(peer.port);
  for (int i = 0; i < rounds; ++i) {
    const auto got = one(plan);
    EXPECT_EQ(got.body, "reply " + std::to_string(i)) << got.message;
    EXPECT_EQ(got.reused, i != 0);
  }
  client().close_idle();
}

TEST_F(http_client_test, reads_large_bodies_whole_and_in_parts) {
  std::string large;
  for (std::size_t i = 0; large.size() < (3u << 20); ++i) large += std::to_string(i * 2654435761u);
  std::vector<std::string> megabytes;
  for (std::size_t at = 0; at < large.size(); at += 1u << 20) megabytes.push_back(large.substr(at, 1u << 20));
  for (const std::string& reply : {with_length(large), chunked(megabytes), "HTTP/1.1 200 OK\r\n\r\n" + large}) {
    for (reading how : {reading::all, reading::parts}) {
      outcome out = one_from([&](peer_socket& socket, int) {
        socket.read_request();
        socket.send(reply);
        socket.half_close();
        socket.wait_for_close();
      }, 20s, how);
      EXPECT_EQ(out.code, errc::none) << out.message;
      EXPECT_TRUE(out.body == large);
    }
  }
}

TEST_F(http_client_test, sends_a_body_larger_than_the_socket_buffers) {
  std::string seen;
  fake_peer peer([&](peer_socket& socket, int) {
    seen = socket.read_request();
    socket.send(with_length("ok"));
    socket.wait_for_close();
  });
  call_plan plan;
  plan.to = local(peer.port);
  plan.body.assign(16u << 20, 'x');
  outcome out = one(plan, 20s);
  EXPECT_EQ(out.body, "ok") << out.message;
  client().close_idle();
  EXPECT_TRUE(seen.ends_with(plan.body));
}

TEST_F(http_client_test, takes_a_reply_that_comes_before_the_request_was_taken) {
  outcome out;
  std::atomic<bool> answered = false;
  fake_peer peer([&](peer_socket& socket, int) {
    socket.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
    char byte;
    while (::recv(socket.descriptor(), &byte, 1, MSG_PEEK) > 0 && !answered) std::this_thread::yield();
  });
  call_plan plan;
  plan.to = local(peer.port);
  plan.body.assign(32u << 20, 'x');
  run(call(client(), plan, soon(), out));
  answered = true;
  EXPECT_EQ(out.status, 413) << out.message;
  EXPECT_EQ(out.body, "big");
  EXPECT_EQ(client().counts().idle, 0u) << "the connection must not be reused";
}

TEST_F(http_client_test, a_head_request_has_no_body) {
  fake_peer peer(test::answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"));
  call_plan plan;
  plan.to = local(peer.port);
  plan.method = "HEAD";
  plan.body.clear();
  EXPECT_EQ(one(plan).code, errc::none);
  EXPECT_TRUE(one(plan).reused);
  client().close_idle();
}

TEST_F(http_client_test, connection_close_is_not_reused) {
  for (std::string_view head : {"HTTP/1.1 200 OK\r\nConnection: Close\r\n", "HTTP/1.0 200 OK\r\n"}) {
    outcome out = one_from(test::answering(std::string(head) + "Content-Length: 1\r\n\r\nx"));
    EXPECT_EQ(out.body, "x");
    EXPECT_EQ(client().counts().idle, 0u);
  }
}

TEST_F(http_client_test, malformed_replies_are_refused) {
  const std::string_view replies[] = {
      "garbage\r\n\r\n",
      "HTTP/2 200 OK\r\n\r\n",
      "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx",
      "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
      "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\nContent-Length: 1\r\n\r\nx",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000000000000000\r\nx",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad\x01trailer\r\n\r\n",
  };
  for (std::string_view reply : replies) {
    outcome out = one_from([&](peer_socket& socket, int) {
      socket.read_request();
      socket.send(reply);
      socket.wait_for_close();
    });
    EXPECT_EQ(out.code, errc::upstream_bad_reply) << reply << "\n" << out.message;
    EXPECT_NE(out.message.find("127.0.0.1:"), std::string::npos) << out.message;
    EXPECT_EQ(client().counts().busy, 0u);
  }
}

TEST_F(http_client_test, a_head_that_never_ends_is_refused) {
  outcome out = one_from([](peer_socket& socket, int) {
    socket.read_request();
    socket.send("HTTP/1.1 200 OK\r\n");
    while (socket.send("X-Filler: 0123456789012345678901234567890123456789\r\n")) {}
  });
  EXPECT_EQ(out.code, errc::upstream_bad_reply) << out.message;
}

TEST_F(http_client_test, a_head_larger_than_a_block_is_taken) {
  std::string filler;
  for (int i = 0; i < 200; ++i) filler += "X-Filler-" + std::to_string(i) + ": " + std::string(150, 'v') + "\r\n";
  outcome out = one_from(test::answering(with_length("body", filler)));
  EXPECT_EQ(out.body, "body") << out.message;
}

TEST_F(http_client_test, cut_replies_are_resets) {
  const std::string whole = with_length("hello world");
  const std::string chunks = chunked({"hello", " world"});
  for (const std::string& reply : {whole, chunks}) {
    for (std::size_t cut = 0; cut < reply.size(); ++cut) {
      for (bool hard : {false, true}) {
        outcome out = one_from([&](peer_socket& socket, int) {
          socket.read_request();
          socket.send(std::string_view{reply}.substr(0, cut));
          if (hard) socket.reset();
        });
        ASSERT_EQ(out.code, errc::upstream_reset) << cut << reply << out.message;
      }
    }
  }
}

TEST_F(http_client_test, surplus_bytes_after_a_reply_end_the_connection) {
  fake_peer peer([](peer_socket& socket, int) {
    while (!socket.read_request().empty()) socket.send(with_length("x") + with_length("smuggled"));
  });
  call_plan plan;
  plan.to = local(peer.port);
  for (int i = 0; i < 3; ++i) {
    outcome out = one(plan);
    EXPECT_EQ(out.body, "x") << out.message;
    EXPECT_FALSE(out.reused);
  }
}

TEST_F(http_client_test, a_stale_connection_is_replaced_once) {
  // The first connection serves one request and is closed when the second has been read: no byte of a reply came.
  fake_peer peer([](peer_socket& socket, int nth) {
    socket.read_request();
    socket.send(with_length("x"));
    if (socket.read_request().empty() || nth == 0) return;
    socket.send(with_length("y"));
    socket.wait_for_close();
  });
  call_plan plan;
  plan.to = local(peer.port);
  EXPECT_EQ(one(plan).body, "x");
  outcome second = one(plan);
  EXPECT_EQ(second.body, "x") << second.message;
  EXPECT_FALSE(second.reused);
  EXPECT_TRUE(second.renewed);
  EXPECT_EQ(client().counts().retried, 1u);
  EXPECT_EQ(peer.accepted, 2);
  client().close_idle();
}

/// The machine's time, and what a test adds to it.
class moved_clock final : public clock {
public:
  [[nodiscard]] wall_time wall() const override { return system_clock{}.wall() + ahead.load(); }
  [[nodiscard]] mono_time mono() const override { return system_clock{}.mono() + ahead.load(); }
  std::atomic<nanoseconds> ahead{nanoseconds{}};
};

TEST_F(http_client_test, nothing_is_repeated_that_the_provider_had_for_long) {
  moved_clock time;
  std::atomic<int> requests = 0;
  fake_peer peer([&](peer_socket& socket, int) {
    socket.read_request();
    ++requests;
    socket.send(with_length("x"));
    if (socket.read_request().empty()) return;
    ++requests;
    time.ahead = 150ms;   // worked on for so long, then closed without a byte
  });
  resolver names(resolve_with_system);
  core on(0, time, 1);
  http_client own(on, names);
  call_plan plan;
  plan.to = local(peer.port);
  outcome first, second;
  for (outcome* out : {&first, &second}) {
    const deadline end = deadline::after(on.now(), 5s);
    bool ended = false;
    on.context().restart();
    on.spawn(test::run_and_stop(on, call(own, plan, {end, end, end, nanoseconds{}}, *out), ended));
    on.run();
    ASSERT_TRUE(ended);
  }
  EXPECT_EQ(first.body, "x") << first.message;
  EXPECT_EQ(second.code, errc::upstream_reset) << second.body;
  EXPECT_EQ(requests, 2);
  EXPECT_EQ(peer.accepted, 1);
  EXPECT_EQ(own.counts().retried, 0u);
}

TEST_F(http_client_test, nothing_is_repeated_after_a_byte_of_the_reply) {
  std::atomic<int> requests = 0;
  fake_peer peer([&](peer_socket& socket, int) {
    socket.read_request();
    ++requests;
    socket.send(with_length("x"));
    if (socket.read_request().empty()) return;
    ++requests;
    socket.send("H");
  });
  call_plan plan;
  plan.to = local(peer.port);
  EXPECT_EQ(one(plan).body, "x");
  EXPECT_EQ(one(plan).code, errc::upstream_reset);
  EXPECT_EQ(requests, 2);
  EXPECT_EQ(client().counts().retried, 0u);
}

TEST_F(http_client_test, a_fresh_connection_that_closes_is_not_retried) {
  fake_peer peer([](peer_socket& socket, int) { socket.read_request(); });
  call_plan plan;
  plan.to = local(peer.port);
  EXPECT_EQ(one(plan).code, errc::upstream_reset);
  EXPECT_EQ(peer.accepted, 1);
}

task<void> wait_until_none_idle(core& at, http_client& client) {
  while (client.counts().idle != 0) co_await at.sleep_for(1ms);
}

TEST_F(http_client_test, an_idle_connection_notices_the_end) {
  fake_peer peer([](peer_socket& socket, int) {
    socket.read_request();
    socket.send(with_length("x"));
  });
  call_plan plan;
  plan.to = local(peer.port);
  EXPECT_EQ(one(plan).body, "x");
  run(wait_until_none_idle(at(), client()));
  EXPECT_EQ(client().counts().idle, 0u);
}

TEST_F(http_client_test, idle_connections_expire) {
  client_settings settings;
  settings.idle_expiry = 5ms;
  remake(settings);
  fake_peer peer(test::answering(with_length("x")));
  call_plan plan;
  plan.to = local(peer.port);
  EXPECT_EQ(one(plan).body, "x");
  run(wait_until_none_idle(at(), client()));
}

TEST_F(http_client_test, a_reply_not_read_to_its_end_closes_the_connection) {
  fake_peer peer(test::answering(with_length("hello")));
  outcome out;
  call_plan plan;
  plan.to = local(peer.port);
  plan.limit = 2;
  out = one(plan);
  EXPECT_EQ(out.code, errc::upstream_bad_reply);
  EXPECT_EQ(client().counts().idle, 0u);
}

TEST_F(http_client_test, unpacks_what_comes_packed) {
  const std::string text(100'000, 'a');
  std::string packed(200'000, '\0');
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  for (reading how : {reading::all, reading::parts}) {
    outcome out = one_from(test::answering(with_length(packed, "Content-Encoding: gzip\r\n")), 5s, how);
    EXPECT_TRUE(out.body == text) << out.message;
    out = one_from(test::answering(with_length(packed.substr(0, packed.size() / 2), "Content-Encoding: gzip\r\n")), 5s, how);
    EXPECT_EQ(out.code, errc::upstream_bad_reply);
    out = one_from(test::answering(with_length("not gzip at all", "Content-Encoding: gzip\r\n")), 5s, how);
    EXPECT_EQ(out.code, errc::upstream_bad_reply);
  }
  fake_peer peer(test::answering(with_length(packed, "Content-Encoding: gzip\r\n")));
  call_plan plan;
  plan.to = local(peer.port);
  plan.limit = 50'000;
  EXPECT_EQ(one(plan).code, errc::upstream_bad_reply) << "the bound is on the unpacked size";
}

}  // namespace
}  // namespace andon::net
