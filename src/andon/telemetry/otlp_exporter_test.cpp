#include "andon/telemetry/otlp_exporter.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "andon/telemetry/example_exchange.hpp"

namespace andon::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// A collector on a port of its own, one connection after another; answers as scripted (0: never), then with 200.
class collector {
public:
  struct call { std::string path, head, body; };
  using reply = std::pair<int, std::string>;  // status, further header lines

  explicit collector(std::vector<reply> script = {}, std::string body = "{}") : script_(std::move(script)), body_(std::move(body)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&at), size);
    ::listen(listener_, 16);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread{[this] { serve(); }};
  }
  ~collector() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  std::vector<call> calls() {
    std::lock_guard lock{mutex_};
    return calls_;
  }
  bool wait_for_calls(std::size_t n) {
    std::unique_lock lock{mutex_};
    return arrived_.wait_for(lock, 5s, [&] { return calls_.size() >= n; });
  }

private:
  void serve() {
    for (int to = ::accept(listener_, nullptr, nullptr); to >= 0; to = ::accept(listener_, nullptr, nullptr)) {
      while (answer(to)) {}
      ::close(to);
    }
  }

  bool answer(int to) {
    std::string text;
    char buffer[16'384];
    std::size_t end = text.npos, length = 0;
    while (end == text.npos || text.size() < end + 4 + length) {
      const ssize_t got = ::read(to, buffer, sizeof buffer);
      if (got <= 0) return false;
      text.append(buffer, static_cast<std::size_t>(got));
      end = text.find("\r\n\r\n");
      if (const auto at = text.find("ontent-"); end != text.npos && at != text.npos) length = length_of(text.substr(0, end));
    }
    const reply next = take({text.substr(5, text.find(' ', 5) - 5), text.substr(0, end), text.substr(end + 4)});
    if (next.first == 0) {  // silence until the other side hangs up
      while (::read(to, buffer, sizeof buffer) > 0) {}
      return false;
    }
    const std::string out = "HTTP/1.1 " + std::to_string(next.first) + " X\r\n" + next.second + "Content-Length: " + std::to_string(body_.size()) + "\r\n\r\n" + body_;
    return ::write(to, out.data(), out.size()) > 0;
  }

  static std::size_t length_of(const std::string& head) {
    const std::string name = "ontent-Length: ";
    auto at = head.find(name);
    if (at == head.npos) at = head.find("ontent-length: ");
    return at == head.npos ? 0 : std::stoul(head.substr(at + name.size()));
  }

  reply take(call one) {
    std::lock_guard lock{mutex_};
    reply next{200, ""};
    if (calls_.size() < script_.size()) next = script_[calls_.size()];
    calls_.push_back(std::move(one));
    arrived_.notify_all();
    return next;
  }

  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::vector<reply> script_;
  std::string body_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<call> calls_;
  std::thread thread_;
};

exporter_settings to(std::uint16_t port) {
  exporter_settings s;
  s.to = {.host = "127.0.0.1", .port = port};
  s.metrics = false;
  s.gzip = false;
  s.metrics_every = 1h;
  s.delivery = {.batch_spans = 512, .batch_age = 1h, .retry_base = 1ms, .retry_max = 5ms, .give_up = 1min};
  s.who.attributes = {{"service.name", "andon"}};
  return s;
}

std::uint64_t read(metrics::registry& from, const char* name, const char* reason = nullptr) {
  std::uint64_t sum = 0;
  from.visit([&](const metrics::registry::series& one) {
    if (one.about.name == name && (reason == nullptr || one.with.at(0).second == reason)) sum += static_cast<std::uint64_t>(one.value);
  });
  return sum;
}

const system_clock real;

TEST(otlp_exporter, sends_what_is_left_when_it_stops) {
  collector there;
  metrics::registry registry;
  exporter_settings with = to(there.port());
  with.base_path = "/otlp";
  with.headers.emplace_back("authorization", secret{"Bearer t"});
  otlp_exporter exporter{std::move(with), registry, real};
  const example_exchange example;
  exporter.start();
  EXPECT_TRUE(exporter.offer(example.facts()));
  exchange_facts unsampled = example.facts();
  unsampled.sampled = false;
  EXPECT_TRUE(exporter.offer(unsampled));
  exporter.stop(5s);
  const auto calls = there.calls();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].path, "/otlp/v1/traces");
  EXPECT_THAT(calls[0].head, HasSubstr("application/json"));
  EXPECT_THAT(calls[0].head, HasSubstr("Bearer t"));
  EXPECT_THAT(calls[0].body, HasSubstr("\"name\":\"chat llama-3.3-70b\""));
  EXPECT_EQ(read(registry, "andon.telemetry.exported_spans"), 3u);
  EXPECT_EQ(read(registry, "andon.telemetry.dropped_spans"), 0u);
}

TEST(otlp_exporter, sends_a_full_batch_without_being_stopped) {
  collector there;
  metrics::registry registry;
  exporter_settings with = to(there.port());
  with.delivery.batch_spans = 6;
  otlp_exporter exporter{std::move(with), registry, real};
  const example_exchange example;
  exporter.start();
  for (int i = 0; i < 5; ++i) exporter.offer(example.facts());  // 15 spans: two batches, three spans wait
  EXPECT_TRUE(there.wait_for_calls(2));
  exporter.stop(5s);
  EXPECT_EQ(there.calls().size(), 3u);
  EXPECT_EQ(read(registry, "andon.telemetry.exported_spans"), 15u);
}

TEST(otlp_exporter, sends_a_small_batch_when_it_is_old_enough) {
  collector there;
  metrics::registry registry;
  exporter_settings with = to(there.port());
  with.delivery.batch_age = 1ms;
  otlp_exporter exporter{std::move(with), registry, real};
  const example_exchange example;
  exporter.start();
  exporter.offer(example.facts());
  EXPECT_TRUE(there.wait_for_calls(1));
  exporter.stop(5s);
}

TEST(otlp_exporter, tries_again_after_retryable_answers) {
  collector there{{{503, ""}, {429, "Retry-After: 0\r\n"}, {502, ""}, {504, ""}}};
  metrics::registry registry;
  otlp_exporter exporter{to(there.port()), registry, real};
  const example_exchange example;
  exporter.start();
  exporter.offer(example.facts());
  exporter.stop(5s);
  const auto calls = there.calls();
  ASSERT_EQ(calls.size(), 5u);
  EXPECT_EQ(calls[0].body, calls[4].body);
  EXPECT_EQ(read(registry, "andon.telemetry.exported_spans"), 3u);
  EXPECT_EQ(read(registry, "andon.telemetry.failed_exports"), 4u);
}

TEST(otlp_exporter, drops_and_counts_what_the_collector_refuses) {
  collector there{{{400, ""}}};
  metrics::registry registry;
  otlp_exporter exporter{to(there.port()), registry, real};
  const example_exchange example;
  exporter.start();
  exporter.offer(example.facts());
  exporter.stop(5s);
  EXPECT_EQ(there.calls().size(), 1u);
  EXPECT_EQ(read(registry, "andon.telemetry.dropped_spans", "refused"), 3u);
}

TEST(otlp_exporter, counts_a_partial_success) {
  collector there{{}, R"({"partialSuccess":{"rejectedSpans":"2"}})"};
  metrics::registry registry;
  otlp_exporter exporter{to(there.port()), registry, real};
  const example_exchange example;
  exporter.start();
  exporter.offer(example.facts());
  exporter.stop(5s);
  EXPECT_EQ(read(registry, "andon.telemetry.exported_spans"), 1u);
  EXPECT_EQ(read(registry, "andon.telemetry.dropped_spans", "refused"), 2u);
}

TEST(otlp_exporter, without_a_collector_nothing_waits_and_all_is_counted) {
  std::uint16_t closed = 0;
  { collector gone; closed = gone.port(); }
  metrics::registry registry;
  exporter_settings with = to(closed);
  with.queue_exchanges = 4;
  otlp_exporter exporter{std::move(with), registry, real};
  const example_exchange example;
  int taken = 0;
  for (int i = 0; i < 10; ++i) taken += exporter.offer(example.facts());  // before its thread reads
  EXPECT_EQ(taken, 4);
  exporter.start();
  const mono_time before = real.mono();
  exporter.stop(50ms);
  EXPECT_LT(real.mono() - before, 3s);
  EXPECT_EQ(read(registry, "andon.telemetry.dropped_spans", "queue_full"), 18u);
  EXPECT_EQ(read(registry, "andon.telemetry.dropped_spans", "gave_up"), 12u);
  EXPECT_EQ(read(registry, "andon.telemetry.exported_spans"), 0u);
}

TEST(otlp_exporter, does_not_wait_for_a_silent_collector_longer_than_its_patience) {
  collector there{{{0, ""}}};
  metrics::registry registry;
  exporter_settings with = to(there.port());
  with.delivery.batch_spans = 1;
  with.timeout = 60s;
  otlp_exporter exporter{std::move(with), registry, real};
  const example_exchange example;
  exporter.start();
  exporter.offer(example.facts());
  ASSERT_TRUE(there.wait_for_calls(1));  // the POST is under way
  const mono_time before = real.mono();
  exporter.stop(20ms);
  EXPECT_LT(real.mono() - before, 3s);
  EXPECT_EQ(read(registry, "andon.telemetry.dropped_spans", "gave_up"), 3u);
}

TEST(otlp_exporter, sends_metrics_packed_and_once_more_at_the_end) {
  collector there;
  metrics::registry registry;
  registry.make_counter({"a.count", "Count", ""}).add(5);
  exporter_settings with = to(there.port());
  with.metrics = true;
  with.gzip = true;
  with.metrics_every = 1ms;
  otlp_exporter exporter{std::move(with), registry, real};
  exporter.start();
  EXPECT_TRUE(there.wait_for_calls(1));
  exporter.stop(5s);
  const auto calls = there.calls();
  ASSERT_GE(calls.size(), 2u);
  EXPECT_EQ(calls.back().path, "/v1/metrics");
  EXPECT_THAT(calls.back().head, HasSubstr("gzip"));
  EXPECT_EQ(calls.back().body.substr(0, 2), "\x1f\x8b");
}

}  // namespace
}  // namespace andon::telemetry
