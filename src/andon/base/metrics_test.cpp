#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "andon/base/metrics.hpp"

namespace andon::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr double seconds[]{0.1, 0.5, 1.0};

TEST(metrics, sums_are_exact_with_many_threads_on_own_and_shared_slots) {
  registry all;
  counter& requests = all.make_counter({"requests", "Requests", ""});
  histogram& times = all.make_histogram({"times", "Times", "s"}, seconds);
  gauge& level = all.make_gauge({"level", "Level", ""});
  constexpr std::size_t threads = 8, rounds = 20'000;
  std::vector<std::jthread> running;
  for (std::size_t t = 0; t < threads; ++t)
    running.emplace_back([&, t] {
      use_slot(t / 2);  // 0, 0, 1, 1, …: the second of a pair finds its slot taken or freed
      for (std::size_t i = 0; i < rounds; ++i) {
        requests.add(3);
        times.observe(0.25);
        level.add(1);
      }
    });
  running.clear();
  EXPECT_EQ(requests.value(), threads * rounds * 3);
  EXPECT_EQ(level.value(), threads * rounds);
  const auto read = times.read();
  EXPECT_EQ(read.count, threads * rounds);
  EXPECT_EQ(read.sum, 0.25 * threads * rounds);
  EXPECT_EQ(read.buckets, (std::vector<std::uint64_t>{0, threads * rounds, 0, 0}));
}

TEST(metrics, a_taken_slot_is_shared_and_free_after_its_thread) {
  counter hits;
  std::atomic<int> phase{0};
  std::jthread owner{[&] {
    use_slot(5);
    hits.add();
    phase = 1;
    phase.notify_all();
    phase.wait(1);
    hits.add();
  }};
  phase.wait(0);
  std::jthread{[&] { use_slot(5); hits.add(10); }}.join();
  phase = 2;
  phase.notify_all();
  owner.join();
  std::jthread{[&] { use_slot(5); use_slot(99); use_slot(5); hits.add(100); }}.join();
  EXPECT_EQ(hits.value(), 112u);
}

TEST(metrics, buckets_include_their_upper_bound) {
  histogram one{seconds};
  for (double v : {0.1, 0.1000001, 0.5, 1.0, 1.5, -1.0, std::nan("")}) one.observe(v);
  EXPECT_EQ(one.read().buckets, (std::vector<std::uint64_t>{2, 2, 1, 1}));
  EXPECT_EQ(one.read().count, 6u);
}

TEST(metrics, names_follow_the_conventions_of_prometheus) {
  struct row { description about; kind what; const char* name; };
  for (const auto& [about, what, name] : {row{{"gen_ai.client.operation.duration", "", "s"}, kind::histogram, "gen_ai_client_operation_duration_seconds"},
                                          row{{"gen_ai.client.token.usage", "", "{token}"}, kind::histogram, "gen_ai_client_token_usage"},
                                          row{{"andon.requests", "", "{request}"}, kind::counter, "andon_requests_total"},
                                          row{{"andon_requests_total", "", ""}, kind::counter, "andon_requests_total"},
                                          row{{"andon.sent_total", "", "By"}, kind::counter, "andon_sent_bytes_total"},
                                          row{{"andon.sent_bytes", "", "By"}, kind::counter, "andon_sent_bytes_total"},
                                          row{{"andon.fill", "", "1"}, kind::gauge, "andon_fill_ratio"},
                                          row{{"andon.runs", "", "1"}, kind::counter, "andon_runs_total"},
                                          row{{"9-lives", "", ""}, kind::gauge, "_9_lives"}})
    EXPECT_EQ(prometheus_name(about, what), name);
}

TEST(metrics, renders_the_text_format) {
  registry all;
  all.make_counter({"b.requests", "How many\nand \\ why", ""}, {{"route.name", "a\"b\\c\nd"}}).add(7);
  all.make_gauge({"a.level", "Level", ""}).set(0.25);
  histogram& times = all.make_histogram({"c.times", "Times", "s"}, seconds, {{"op", "chat"}});
  times.observe(0.05);
  times.observe(0.7);
  times.observe(9);
  EXPECT_EQ(all.render_prometheus(),
            "# HELP a_level Level\n# TYPE a_level gauge\na_level 0.25\n"
            "# HELP andon_metrics_overflow_total Series not made because their family has too many label sets\n"
            "# TYPE andon_metrics_overflow_total counter\nandon_metrics_overflow_total 0\n"
            "# HELP b_requests_total How many\\nand \\\\ why\n# TYPE b_requests_total counter\n"
            "b_requests_total{route_name=\"a\\\"b\\\\c\\nd\"} 7\n"
            "# HELP c_times_seconds Times\n# TYPE c_times_seconds histogram\n"
            "c_times_seconds_bucket{op=\"chat\",le=\"0.1\"} 1\n"
            "c_times_seconds_bucket{op=\"chat\",le=\"0.5\"} 1\n"
            "c_times_seconds_bucket{op=\"chat\",le=\"1\"} 2\n"
            "c_times_seconds_bucket{op=\"chat\",le=\"+Inf\"} 3\n"
            "c_times_seconds_sum{op=\"chat\"} 9.75\n"
            "c_times_seconds_count{op=\"chat\"} 3\n");
}

TEST(metrics, the_same_labels_in_any_order_are_one_series) {
  registry all;
  counter& one = all.make_counter({"x", "", ""}, {{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(&one, &all.make_counter({"x", "", ""}, {{"b", "2"}, {"a", "1"}}));
  EXPECT_NE(&one, &all.make_counter({"x", "", ""}, {{"a", "1"}, {"b", "3"}}));
  EXPECT_THROW(all.make_gauge({"x_total", "", ""}), std::logic_error);
}

TEST(metrics, label_sets_are_bounded) {
  registry all{3};
  for (int i = 0; i < 10; ++i) all.make_counter({"x", "", ""}, {{"user", std::to_string(i)}}).add();
  const std::string text = all.render_prometheus();
  EXPECT_THAT(text, HasSubstr("x_total{user=\"2\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("x_total{user=\"3\"}")));
  EXPECT_THAT(text, HasSubstr("x_total{user=\"other\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("andon_metrics_overflow_total 7\n"));
}

TEST(metrics, series_may_be_made_while_others_are_read) {
  registry all;
  all.make_counter({"x", "", ""}, {{"n", "0"}}).add(1);
  int seen = 0;
  all.visit([&](const registry::series& one) {
    if (one.about.name != "x") return;
    ++seen;
    all.make_counter({"x", "", ""}, {{"n", "1"}}).add(1);  // would wait for ever if the lock were held
  });
  EXPECT_EQ(seen, 1);
  std::jthread maker{[&] {
    for (int i = 0; i < 2'000; ++i) all.make_counter({"y", "", ""}, {{"n", std::to_string(i)}}).add();
  }};
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(all.render_prometheus().empty());
  maker.join();
  EXPECT_THAT(all.render_prometheus(), HasSubstr("y_total{n=\"1999\"} 1\n"));
}

TEST(metrics, a_reader_may_make_a_series_while_another_begins_to_be_observed) {
  registry all{1};
  counter& overflow = all.make_counter({"andon.metrics.overflow", "", ""});
  std::shared_ptr<void> second;
  std::jthread other;
  bool begun = false;
  const auto first = all.observe({"depth", "", ""}, kind::gauge, {{"of", "a"}}, [&] {
    if (std::exchange(begun, true)) return 1.0;
    other = std::jthread([&] { second = all.observe({"depth", "", ""}, kind::gauge, {{"of", "b"}}, [] { return 2.0; }); });
    while (overflow.value() == 0) std::this_thread::yield();  // it has found its series, and waits until readers may be added
    all.make_counter({"x", "", ""}).add();                     // would wait for ever if it held the lock meanwhile
    return 1.0;
  });
  EXPECT_THAT(all.render_prometheus(), HasSubstr("depth{of=\"a\"} 1\n"));
  other.join();
  EXPECT_THAT(all.render_prometheus(), HasSubstr("depth{of=\"other\"} 2\n"));
}

TEST(metrics, observed_values_add_up_and_end_with_their_token) {
  std::optional<registry> all{std::in_place};
  auto one = all->observe({"depth", "", ""}, kind::gauge, {}, [] { return 2.0; });
  auto two = all->observe({"depth", "", ""}, kind::gauge, {}, [] { return 40.0; });
  EXPECT_THAT(all->render_prometheus(), HasSubstr("depth 42\n"));
  one.reset();
  EXPECT_THAT(all->render_prometheus(), HasSubstr("depth 40\n"));
  all.reset();
  two.reset();
}

}  // namespace
}  // namespace andon::metrics
