#include "andon/telemetry/exchange_meter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "andon/telemetry/example_exchange.hpp"
#include "andon/telemetry/metric_names.hpp"

namespace andon::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

struct world {
  metrics::registry registry;
  exchange_meter meter{registry};
  example_exchange example;
  exchange_facts facts = example.facts();
  std::string text() { return registry.render_prometheus(); }
};

TEST(exchange_meter, counts_one_exchange_in_every_family) {
  world w;
  w.meter.observe(w.facts);
  const std::string text = w.text();
  const std::string who = "{project=\"shop\",route=\"chat\",model=\"llama\"";
  const std::string groq = "{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"groq\",gen_ai_request_model=\"llama-3.3-70b\",server_address=\"api.groq.com\",server_port=\"443\"";
  const std::string openai = "{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"openai\",gen_ai_request_model=\"gpt-4o-mini-2024-07-18\",server_address=\"api.openai.com\",server_port=\"443\"";
  const std::string served = groq + ",gen_ai_response_model=\"llama-3.3-70b-versatile\"";
  const std::string server = "{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"groq\",gen_ai_request_model=\"chat\"";
  for (const std::string& line : {
           "andon_requests_total" + who + ",status=\"200\",origin=\"none\"} 1\n", "andon_tokens_total" + who + ",class=\"input\"} 100\n",
           "andon_tokens_total" + who + ",class=\"cached_read\"} 64\n", "andon_tokens_total" + who + ",class=\"output\"} 21\n",
           "andon_tokens_total" + who + ",class=\"reasoning\"} 5\n", "andon_cost_nano_usd_total" + who + "} 12345\n",
           "andon_unknown_price_total" + who + "} 0\n", "andon_failovers_total" + who + "} 1\n",
           "andon_request_size_bytes_total" + who + "} 420\n", "andon_reply_size_bytes_total" + who + "} 1500\n", "andon_stream_events_total" + who + "} 22\n",
           std::string{"andon_attempts_total{model=\"gpt-4o-mini\",provider=\"main\",outcome=\"upstream_error\"} 1\n"},
           std::string{"andon_attempts_total{model=\"llama\",provider=\"fast\",outcome=\"none\"} 1\n"},
           std::string{"andon_overhead_seconds_bucket{route=\"chat\",le=\"0.0001\"} 1\n"}, std::string{"andon_overhead_seconds_bucket{route=\"chat\",le=\"5e-05\"} 0\n"},
           "gen_ai_client_operation_duration_seconds_sum" + served + "} 0.9\n",
           "gen_ai_client_operation_duration_seconds_count" + openai + ",error_type=\"upstream_error\"} 1\n",
           "gen_ai_client_operation_time_to_first_chunk_seconds_sum" + served + "} 0.3\n",
           "gen_ai_client_token_usage_sum" + served + ",gen_ai_token_type=\"input\"} 100\n", "gen_ai_client_token_usage_bucket" + served + ",gen_ai_token_type=\"output\",le=\"64\"} 1\n",
           "gen_ai_server_request_duration_seconds_count" + server + "} 1\n", "gen_ai_server_time_to_first_token_seconds_sum" + server + "} 0.4\n",
           "gen_ai_server_time_per_output_token_seconds_sum" + server + "} 0.03\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(exchange_meter, failures_count_by_origin_and_error_and_not_as_speed) {
  world w;
  w.facts.outcome = errc::budget_exceeded;
  w.facts.http_status = 429;
  w.facts.attempts = {};
  w.facts.used = {};
  w.facts.price = price_fact::unknown;
  w.meter.observe(w.facts);
  const std::string text = w.text();
  EXPECT_THAT(text, HasSubstr("andon_errors_total{project=\"shop\",route=\"chat\",model=\"llama\",origin=\"limit\",error=\"budget_exceeded\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("status=\"429\",origin=\"limit\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("andon_unknown_price_total{project=\"shop\",route=\"chat\",model=\"llama\"} 0\n"));  // nothing was used
  EXPECT_THAT(text, Not(HasSubstr("gen_ai_server_time_to_first_token")));
  EXPECT_THAT(text, Not(HasSubstr("gen_ai_client_token_usage")));
}

TEST(exchange_meter, an_unknown_price_is_counted_and_costs_nothing) {
  world w;
  w.facts.price = price_fact::unknown;
  w.facts.used.estimated = true;
  w.facts.cut = true;
  w.meter.observe(w.facts);
  const std::string text = w.text();
  for (const char* line : {"andon_unknown_price_total{project=\"shop\",route=\"chat\",model=\"llama\"} 1\n", "andon_cost_nano_usd_total{project=\"shop\",route=\"chat\",model=\"llama\"} 0\n",
                           "andon_estimated_usage_total{project=\"shop\",route=\"chat\",model=\"llama\"} 1\n", "andon_cut_replies_total{project=\"shop\",route=\"chat\",model=\"llama\"} 1\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(exchange_meter, what_failed_calls_cost_is_counted) {
  world w;
  w.facts.outcome = errc::upstream_reset;
  w.facts.used.known = false;
  w.meter.observe(w.facts);
  EXPECT_THAT(w.text(), HasSubstr("andon_cost_nano_usd_total{project=\"shop\",route=\"chat\",model=\"llama\"} 12345\n"));
  EXPECT_THAT(w.text(), HasSubstr("class=\"input\"} 0\n"));
  w.facts.used.failed = true;
  w.meter.observe(w.facts);
  EXPECT_THAT(w.text(), HasSubstr("andon_cost_nano_usd_total{project=\"shop\",route=\"chat\",model=\"llama\"} 24690\n"));
  EXPECT_THAT(w.text(), HasSubstr("class=\"input\"} 100\n"));
}

TEST(exchange_meter, several_cores_add_up) {
  world w;
  exchange_meter other{w.registry};
  for (int i = 0; i < 3; ++i) w.meter.began(), w.meter.stream_opened();
  other.began();
  w.meter.ended();
  other.observe(w.facts);
  w.meter.observe(w.facts);
  EXPECT_THAT(w.text(), HasSubstr("andon_in_flight 3\n"));
  EXPECT_THAT(w.text(), HasSubstr("andon_open_streams 3\n"));
  EXPECT_THAT(w.text(), HasSubstr("status=\"200\",origin=\"none\"} 2\n"));
}

TEST(exchange_meter, events_have_families_of_their_own) {
  world w;
  w.meter.cooled("llama");
  w.meter.cooled("llama");
  w.meter.credential_refused("llama");
  w.meter.refused("key", errc::requests_limited);
  w.meter.rejected(errc::bad_http);
  EXPECT_THAT(w.text(), HasSubstr("andon_unrecorded_total 0\n"));
  w.meter.unrecorded(3);
  w.meter.chunk_seconds("chat", w.facts.attempts[1]).observe(0.02);
  for (const char* line : {"andon_cooldowns_total{model=\"llama\"} 2\n", "andon_credential_refusals_total{model=\"llama\"} 1\n",
                           "andon_refusals_total{scope=\"key\",reason=\"requests_limited\"} 1\n", "andon_rejected_requests_total{reason=\"bad_http\"} 1\n", "andon_unrecorded_total 3\n"})
    EXPECT_THAT(w.text(), HasSubstr(line));
  EXPECT_THAT(w.text(), HasSubstr("gen_ai_client_operation_time_per_output_chunk_seconds_count{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"groq\""));
}

TEST(exchange_meter, counters_of_known_labels_are_there_before_their_first_event) {
  world w;
  w.meter.cooled("llama", 0);
  w.meter.hedge_ended("chat", "won", 0);
  w.meter.batched("chat", 0, 0);
  for (const char* line : {"andon_refusals_total{scope=\"key\",reason=\"budget_exceeded\"} 0\n", "andon_refusals_total{scope=\"tag\",reason=\"requests_limited\"} 0\n",
                           "andon_refusals_total{scope=\"load\",reason=\"overloaded\"} 0\n", "andon_rejected_requests_total{reason=\"missing_key\"} 0\n",
                           "andon_rejected_requests_total{reason=\"bad_http\"} 0\n", "andon_cooldowns_total{model=\"llama\"} 0\n",
                           "andon_hedges_ended_total{route=\"chat\",outcome=\"won\"} 0\n", "andon_batches_total{route=\"chat\"} 0\n", "andon_batched_calls_total{route=\"chat\"} 0\n"})
    EXPECT_THAT(w.text(), HasSubstr(line));
  w.meter.cooled("llama");
  w.meter.cooled("llama", 0);
  w.meter.batched("chat", 3);
  EXPECT_THAT(w.text(), HasSubstr("andon_cooldowns_total{model=\"llama\"} 1\n"));
  EXPECT_THAT(w.text(), HasSubstr("andon_batches_total{route=\"chat\"} 1\n"));
  EXPECT_THAT(w.text(), HasSubstr("andon_batched_calls_total{route=\"chat\"} 3\n"));
}

TEST(exchange_meter, a_flood_of_label_values_is_bounded_and_still_counted) {
  world w;
  const std::size_t flood = exchange_meter::max_sets + 500;
  std::vector<std::string> names(flood);
  for (std::size_t i = 0; i < flood; ++i) {
    names[i] = "m" + std::to_string(i);
    w.facts.response_model = names[i];
    w.meter.observe(w.facts);
  }
  std::uint64_t calls = 0, series = 0;
  w.registry.visit([&](const metrics::registry::series& one) {
    if (one.about.name != families::client_first_chunk.name) return;
    ++series;
    calls += one.buckets.count;
  });
  EXPECT_EQ(calls, flood);
  EXPECT_LE(series, metrics::registry::default_max_series + 2);
}

TEST(exchange_meter, families_are_those_of_the_conventions) {
  world w;
  w.meter.observe(w.facts);
  w.meter.cooled("m");
  w.meter.credential_refused("m");
  w.meter.refused("key", errc::tokens_limited);
  w.meter.rejected(errc::bad_http);
  w.meter.continued("r");
  w.meter.hedge_started("r");
  w.meter.hedge_ended("r", "won");
  w.meter.hedge_denied("r", "budget");
  w.meter.batched("r", 3);
  w.meter.batched("r", 4);
  w.meter.batch_split("r");
  EXPECT_THAT(w.text(), HasSubstr("andon_batched_calls_total{route=\"r\"} 7"));
  EXPECT_THAT(w.text(), HasSubstr("andon_batches_total{route=\"r\"} 2"));
  w.meter.chunk_seconds("chat", w.facts.attempts[1]);
  w.facts.outcome = errc::cancelled;
  w.facts.retries = 1;
  w.facts.cut = w.facts.used.estimated = true;
  w.meter.observe(w.facts);
  std::set<std::string_view> seen, listed;
  w.registry.visit([&](const metrics::registry::series& one) {
    EXPECT_FALSE(one.about.help.empty()) << one.about.name;
    if (one.about.name != "andon.metrics.overflow") seen.insert(one.about.name);
  });
  for (const family* one : path_families) EXPECT_TRUE(listed.insert(one->name).second) << one->name;
  EXPECT_EQ(seen, listed);
  EXPECT_EQ(boundaries::duration.size(), 14u);
  EXPECT_EQ(boundaries::duration.back(), 81.92);
  EXPECT_EQ(boundaries::token_usage.back(), 67'108'864);
  EXPECT_EQ(boundaries::first_token.size(), 16u);
  EXPECT_EQ(boundaries::per_output_token.size(), 13u);
}

}  // namespace
}  // namespace andon::telemetry
