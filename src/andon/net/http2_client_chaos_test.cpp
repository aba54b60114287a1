// HTTP/2 to a provider whose every fault comes at random, to calls that are cancelled at random: each call ends, in time
// and with an error that is meant for it, and nothing is left behind.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "andon/net/http2_test_peer.hpp"

namespace andon::net {
namespace {

using namespace std::chrono_literals;
using namespace testing;

// Answers most calls, in any order and in pieces, and does the rest a harm.
class fickle_peer {
public:
  fickle_peer(test::peer_socket& socket, unsigned seed) : peer_(socket, setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1 + seed % 7)), socket_(socket), chance_(seed) {}
  void serve() {
    while (const auto stream = peer_.request()) {
      waiting_.push_back(stream);
      if (draw(3) == 0) continue;   // later, perhaps never
      const auto at = waiting_.begin() + static_cast<std::ptrdiff_t>(draw(static_cast<unsigned>(waiting_.size())));
      const auto chosen = *at;
      waiting_.erase(at);
      if (!react(chosen)) return;
    }
  }

private:
  unsigned draw(unsigned below) { return static_cast<unsigned>(chance_() % below); }
  bool react(std::uint32_t stream) {
    switch (draw(24)) {
      case 0: return peer_.send(reset(stream, NGHTTP2_REFUSED_STREAM));
      case 1: return peer_.send(reset(stream, NGHTTP2_INTERNAL_ERROR));
      case 2: return peer_.head(stream) && peer_.data(stream, "half", false) && peer_.send(reset(stream, NGHTTP2_CANCEL));
      case 3: return peer_.send(goaway(stream - 2 * draw(2), NGHTTP2_NO_ERROR));
      case 4: return false;
      case 5: socket_.reset(); return false;
      case 6: return peer_.head(stream, field("x-a", "b"));
      case 7: return peer_.head(stream, ok + field("content-length", "9")) && peer_.data(stream, "short");
      case 8: return peer_.send(frame(NGHTTP2_PING, 0, 0, "12345678"));
      case 9: peer_.send(std::string("\x00\x00\x05", 3)); return false;   // within a frame
      case 10: return peer_.head(stream) && peer_.data(stream, std::string(40'000, 'x').substr(0, 16'000), false);   // and no end
      default: break;
    }
    return peer_.head(stream) && peer_.data(stream, "all", false) && peer_.data(stream, " there");
  }
  h2_peer peer_;
  test::peer_socket& socket_;
  std::minstd_rand chance_;
  std::vector<std::uint32_t> waiting_;
};

struct tally {
  std::size_t calls = 0, good = 0, strange = 0, running = 0;
  std::set<errc> codes;
};

struct canceller {
  call_switch stop;
  deadline_timer timer;
  explicit canceller(core& at) : timer(at.timers(), [](void* self) { static_cast<canceller*>(self)->stop.cancel(); }, this) {}
};

task<void> one_call(core& at, http_client& client, endpoint to, tally& seen) {
  canceller by(at);
  if (at.random().below(5) == 0) by.timer.arm(deadline::after(at.now(), std::chrono::microseconds(static_cast<std::int64_t>(at.random().below(3000)))));
  const deadline end = deadline::after(at.now(), 40ms);
  outgoing_request request;
  request.method = "POST";
  request.target = "/";
  request.body = "{}";
  auto reply = co_await client.send(to, request, {end, end, end, 10ms}, &by.stop);
  errc code = reply ? errc::none : reply.error().code;
  std::string body;
  const bool stops_early = at.random().below(8) == 0;
  while (reply) {
    auto part = co_await (*reply)->read_some();
    if (!part) code = part.error().code;
    if (!part || part->empty() || stops_early) break;
    body.append(*part);
  }
  ++seen.calls;
  seen.codes.insert(code);
  const bool whole = code == errc::none && !stops_early;
  if (whole && body == "all there") ++seen.good;
  else if (whole) ++seen.strange;
}

task<void> caller(core& at, http_client& client, endpoint to, std::size_t calls, tally& seen, wait_point& all_done) {
  for (std::size_t i = 0; i < calls; ++i) co_await one_call(at, client, to, seen);
  if (--seen.running == 0) all_done.wake();
}

class http2_client_chaos : public test::client_world {
protected:
  task<void> many_callers(endpoint to, tally& seen) {
    wait_point all_done;
    seen.running = 24;
    for (std::size_t i = seen.running; i != 0; --i) at().spawn(caller(at(), client(), to, 60, seen, all_done));
    co_await all_done.wait();
  }
};

TEST_F(http2_client_chaos, every_call_ends_and_nothing_is_left) {
  client_settings settings;
  settings.ping_after = 15ms;
  settings.ping_patience = 10ms;
  settings.max_connections = 12;
  remake(settings);
  test::fake_peer peer([](test::peer_socket& socket, int nth) { fickle_peer(socket, 1 + static_cast<unsigned>(nth)).serve(); });
  endpoint to = local(peer.port);
  to.http = http_version::only_2;
  tally seen;
  run(many_callers(to, seen));
  EXPECT_EQ(seen.calls, 24u * 60u);
  EXPECT_EQ(seen.strange, 0u);
  EXPECT_GT(seen.good, seen.calls / 5);
  for (const errc code : seen.codes)
    EXPECT_TRUE(code == errc::none || code == errc::cancelled || kind_of(code).from == origin::provider || code == errc::overloaded) << kind_of(code).name;
  EXPECT_TRUE(seen.codes.contains(errc::upstream_reset));
  EXPECT_GT(client().counts().retried, 0u);
  EXPECT_EQ(client().counts().busy, 0u);
  client().close_idle();
}

}  // namespace
}  // namespace andon::net
