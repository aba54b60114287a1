#include "andon/net/core.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <future>
#include <string>

#include "andon/net/gate.hpp"
#include "andon/net/socket_events.hpp"

namespace andon::net {
namespace {

using namespace std::chrono_literals;

TEST(reactor, runs_named_threads_and_stops_when_the_work_is_done) {
  system_clock clock;
  reactor cores(2, clock, 7);
  EXPECT_NE(cores.at(0).random()(), cores.at(1).random()());
  cores.start();
  for (std::size_t i = 0; i < cores.size(); ++i) {
    std::promise<std::string> name;
    cores.at(i).post([&] {
      std::array<char, 16> text{};
      pthread_getname_np(pthread_self(), text.data(), text.size());
      name.set_value(text.data());
    });
    EXPECT_EQ(name.get_future().get(), "core-" + std::to_string(i));
  }
  cores.request_stop();
  EXPECT_TRUE(cores.join(5s));
}

task<void> sleep_and_tell(core& at, nanoseconds span, std::promise<nanoseconds>& slept) {
  const auto from = at.now();
  co_await at.sleep_for(span);
  slept.set_value(at.now() - from);
}

TEST(core, sleeps_no_shorter_than_asked) {
  system_clock clock;
  reactor cores(1, clock, 7);
  std::promise<nanoseconds> slept;
  cores.at(0).spawn(sleep_and_tell(cores.at(0), 5ms, slept));
  cores.start();
  EXPECT_GE(slept.get_future().get(), 5ms);
}

task<void> yield_and_note(core& at, std::string& order, char mine) {
  order += mine;
  co_await at.yield();
  order += mine;
}

task<void> throws_after_a_turn(core& at) {
  co_await at.yield();
  throw std::runtime_error("on purpose");
}

TEST(core, yields_to_others_and_outlives_an_exception) {
  system_clock clock;
  core at(0, clock, 1);
  std::string order;
  at.spawn(throws_after_a_turn(at));
  at.spawn(yield_and_note(at, order, 'a'));
  at.spawn(yield_and_note(at, order, 'b'));
  at.request_stop();
  at.run();
  EXPECT_EQ(order, "abab");
}

task<void> close_gate(gate& door, bool& closed) {
  co_await door.close_and_wait();
  closed = true;
}

TEST(gate, refuses_newcomers_and_waits_for_those_inside) {
  system_clock clock;
  core at(0, clock, 1);
  gate door;
  bool closed = false;
  auto first = door.enter();
  auto second = door.enter();
  EXPECT_EQ(door.inside(), 2u);
  at.spawn(close_gate(door, closed));
  at.context().poll();
  EXPECT_FALSE(closed);
  EXPECT_FALSE(door.enter());
  first = {};
  EXPECT_FALSE(closed);
  second = {};
  EXPECT_TRUE(closed);
}

struct pair_of_sockets {
  pair_of_sockets() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0); }
  std::array<int, 2> ends{};
};

task<void> read_bytes(socket_events& events, std::string& got, int& empty_reads, std::size_t wanted) {
  std::array<char, 64> part;
  while (got.size() < wanted && !events.cancelled()) {
    if (!events.readable()) {
      co_await events.wait_readable();
      continue;
    }
    const ssize_t n = ::recv(events.descriptor(), part.data(), part.size(), 0);
    if (n < 0) ++empty_reads;
    if (n < static_cast<ssize_t>(part.size())) events.drained();
    if (n > 0) got.append(part.data(), static_cast<std::size_t>(n));
  }
}

TEST(socket_events, waits_without_reads_that_find_nothing) {
  system_clock clock;
  core at(0, clock, 1);
  pair_of_sockets sockets;
  socket_events events(at, sockets.ends[0]);
  ASSERT_TRUE(events.usable());
  events.drained();
  std::string got;
  int empty_reads = 0;
  at.spawn(read_bytes(events, got, empty_reads, 150));
  at.context().poll();
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(::send(sockets.ends[1], "abc", 3, 0), 3);
    at.context().poll();
    ASSERT_EQ(got.size(), 3u * static_cast<std::size_t>(i + 1));
  }
  EXPECT_EQ(empty_reads, 0);
  ::close(sockets.ends[1]);
}

TEST(socket_events, cancel_ends_waits_of_now_and_later) {
  system_clock clock;
  core at(0, clock, 1);
  pair_of_sockets sockets;
  socket_events events(at, sockets.ends[0]);
  events.drained();
  std::string got;
  int empty_reads = 0;
  at.spawn(read_bytes(events, got, empty_reads, 1));
  at.context().poll();
  events.cancel();
  at.spawn(read_bytes(events, got, empty_reads, 1));
  at.context().poll();
  EXPECT_TRUE(events.cancelled());
  EXPECT_EQ(got, "");
  ::close(sockets.ends[1]);
}

TEST(socket_events, a_watcher_hears_of_bytes_and_of_the_end) {
  system_clock clock;
  core at(0, clock, 1);
  pair_of_sockets sockets;
  socket_events events(at, sockets.ends[0]);
  int heard = 0;
  events.watch([](void* count) { ++*static_cast<int*>(count); }, &heard);
  at.context().poll();
  EXPECT_EQ(heard, 0);
  ASSERT_EQ(::send(sockets.ends[1], "abc", 3, 0), 3);
  at.context().poll();
  EXPECT_EQ(heard, 1);
  EXPECT_FALSE(events.peer_gone());
  ::close(sockets.ends[1]);
  at.context().poll();
  EXPECT_EQ(heard, 2);
  EXPECT_TRUE(events.peer_gone());
}

}  // namespace
}  // namespace andon::net
