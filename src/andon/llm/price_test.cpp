#include "andon/llm/price.hpp"

#include <gtest/gtest.h>

#include <string>

#include "andon/base/random.hpp"
#include "andon/base/time_text.hpp"

namespace andon::llm {
namespace {

const price_table& shipped() {
  static const price_table table = price_table::make().value();
  return table;
}

wall_time at(std::string_view text) { return parse_rfc3339(text).value(); }
const wall_time today = at("2026-11-22");

std::int64_t nanos(const price* p, const usage& use) {
  const cost_answer answer = cost(p, use);
  EXPECT_EQ(answer.state, price_state::known);
  return answer.amount.value();
}

usage chat(std::int64_t input, std::int64_t output) { return {.input = tokens{input}, .output = tokens{output}}; }

TEST(price_table, every_row_of_the_shipped_table_parses) {
  EXPECT_EQ(shipped().models(), 1442U);
  EXPECT_TRUE(price_table::shipped_text().starts_with("# Prices of models"));
  EXPECT_TRUE(price_table::shipped_text().contains("MIT"));
}

TEST(price_table, finds_by_provider_alias_and_model_pattern) {
  EXPECT_EQ(nanos(shipped().find("openai", "gpt-4o-mini-2024-07-18", today), chat(1000, 0)), 150'000);
  EXPECT_EQ(nanos(shipped().find("OpenAI", "GPT-4o-Mini", today), chat(0, 1000)), 600'000);
  EXPECT_EQ(nanos(shipped().find("azure", "gpt-4o-mini", today), chat(1000, 0)), 150'000);  // by what Azure also serves
  EXPECT_EQ(nanos(shipped().find("anthropic", "claude-3-5-haiku-20241022", today), chat(1'000'000, 0)), 800'000'000);
  EXPECT_EQ(nanos(shipped().find("", "claude-3-5-haiku-20241022", today), chat(1'000'000, 0)), 800'000'000);
  EXPECT_NE(shipped().find("bedrock", "us.anthropic.claude-3-haiku-20240307-v1:0", today), nullptr);
  EXPECT_NE(shipped().find("google-vertex", "gemini-2.5-pro", today), nullptr);
}

TEST(price_table, what_it_does_not_know_is_unknown_and_never_zero) {
  EXPECT_EQ(shipped().find("openai", "no-such-model", today), nullptr);
  EXPECT_EQ(shipped().find("my-own-server", "gpt-4o", today), nullptr);
  EXPECT_EQ(shipped().find("openai", "", today), nullptr);
  EXPECT_EQ(cost(nullptr, chat(10, 10)).state, price_state::unknown);
  const price* listed = shipped().find("cerebras", "qwen-3-coder-480b", today);
  ASSERT_NE(listed, nullptr);
  EXPECT_EQ(cost(listed, chat(10, 10)).state, price_state::unknown);
  const price* embeddings = shipped().find("openai", "text-embedding-3-small", today);
  EXPECT_EQ(nanos(embeddings, chat(1000, 0)), 20'000);
  EXPECT_EQ(cost(embeddings, chat(1000, 1)).state, price_state::unknown);  // it has no price of output
}

TEST(price_table, free_is_not_unknown) {
  const cost_answer answer = cost(shipped().find("openrouter", "deepseek/deepseek-r1:free", today), chat(1000, 1000));
  EXPECT_EQ(answer.state, price_state::free);
  EXPECT_EQ(answer.amount, nano_usd{});
}

TEST(price_table, prices_change_on_their_date) {
  EXPECT_EQ(nanos(shipped().find("openai", "o3", at("2025-06-09T23:59:59Z")), chat(1000, 1000)), 50'000'000);
  EXPECT_EQ(nanos(shipped().find("openai", "o3", at("2025-06-10")), chat(1000, 1000)), 10'000'000);
  EXPECT_EQ(nanos(shipped().find("anthropic", "claude-sonnet-5", at("2026-08-31")), chat(1000, 0)), 2'000'000);
  EXPECT_EQ(nanos(shipped().find("anthropic", "claude-sonnet-5", at("2026-09-01")), chat(1000, 0)), 3'000'000);
}

TEST(price_table, prices_change_with_the_hour) {
  const auto input = [](std::string_view when) { return nanos(shipped().find("deepseek", "deepseek-chat", at(when)), chat(1'000'000, 0)); };
  EXPECT_EQ(input("2025-05-01T00:29:59Z"), 135'000'000);
  EXPECT_EQ(input("2025-05-01T00:30:00Z"), 270'000'000);
  EXPECT_EQ(input("2025-05-01T16:29:59Z"), 270'000'000);
  EXPECT_EQ(input("2025-05-01T16:30:00Z"), 135'000'000);
}

TEST(cost, a_tier_holds_for_all_tokens_above_its_size) {
  const price* sonnet = shipped().find("anthropic", "claude-sonnet-4-5", today);
  EXPECT_EQ(nanos(sonnet, chat(200'000, 1000)), 600'000'000 + 15'000'000);
  EXPECT_EQ(nanos(sonnet, chat(200'001, 1000)), 1'200'006'000 + 22'500'000);
}

TEST(cost, cached_tokens_are_part_of_input_and_billed_once) {
  const price* mini = shipped().find("openai", "gpt-4o-mini", today);
  // 1,000 plain × 0.15 + 9,000 cached × 0.075 + 100 output × 0.60 dollars per million
  EXPECT_EQ(nanos(mini, {.input = tokens{10'000}, .cached_read = tokens{9'000}, .output = tokens{100}}), 150'000 + 675'000 + 60'000);
  const price* haiku = shipped().find("anthropic", "claude-3-5-haiku-latest", today);
  // 1,000 × 0.80 + 2,000 × 0.08 + 3,000 × 1.00 + 4,000 × 1.60
  EXPECT_EQ(nanos(haiku, {.input = tokens{10'000}, .cached_read = tokens{2'000}, .cache_write_5m = tokens{3'000}, .cache_write_1h = tokens{4'000}}),
            800'000 + 160'000 + 3'000'000 + 6'400'000);
}

TEST(cost, reasoning_is_part_of_output_and_billed_once) {
  const price* o3 = shipped().find("openai", "o3", today);
  EXPECT_EQ(nanos(o3, {.input = tokens{0}, .output = tokens{1000}, .reasoning = tokens{900}}), 8'000'000);
  price own{price_state::known, {rate_card{.per_million = {1'000'000'000, -1, -1, -1, 2'000'000'000, 3'000'000'000, 5'000'000'000, 7'000'000'000}}}, nano_usd{11}};
  EXPECT_EQ(nanos(&own, {.input = tokens{10}, .input_audio = tokens{4}, .output = tokens{100}, .reasoning = tokens{30}, .output_audio = tokens{20}}),
            11 + 6 * 1000 + 4 * 5000 + 50 * 2000 + 30 * 3000 + 20 * 7000);
}

TEST(cost, rounds_half_up_once_per_class) {
  const price odd{price_state::known, {rate_card{.per_million = {500'000, -1, -1, -1, 499'999, -1, -1, -1}}}, {}};
  EXPECT_EQ(nanos(&odd, chat(1, 0)), 1);
  EXPECT_EQ(nanos(&odd, chat(0, 1)), 0);
  EXPECT_EQ(nanos(&odd, chat(3, 0)), 2);
  EXPECT_EQ(nanos(&odd, chat(1, 1)), 1);
}

TEST(cost, survives_impossible_usage) {
  const price* mini = shipped().find("openai", "gpt-4o-mini", today);
  EXPECT_EQ(nanos(mini, {.input = tokens{-5}, .output = tokens{-7}}), 0);
  EXPECT_EQ(nanos(mini, {.input = tokens{100}, .cached_read = tokens{1000}}), 75'000);
  EXPECT_EQ(cost(mini, chat(tokens::max().value(), tokens::max().value())).amount.value() > 1'000'000'000'000'000, true);
  const price dear{price_state::known, {rate_card{.per_million = {nano_usd::max().value(), -1, -1, -1, 1, -1, -1, -1}}}, {}};
  EXPECT_EQ(cost(&dear, chat(tokens::max().value(), 0)).amount, nano_usd::max());
}

TEST(cost, grows_with_usage_adds_up_and_stays_below_its_bound) {
  random_source random(5);
  for (const std::string_view model : {"gpt-4o-mini", "o3", "gpt-4o-audio-preview", "gpt-4.1"}) {
    const price* p = shipped().find("openai", model, today);
    ASSERT_NE(p, nullptr) << model;
    for (int round = 0; round < 2000; ++round) {
      const auto part = [&](std::int64_t limit) { return tokens{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(limit) + 1))}; };
      const tokens input = part(100'000), output = part(10'000);
      const usage a{.input = input, .cached_read = part(input.value() / 2), .input_audio = part(input.value() / 2), .output = output, .reasoning = part(output.value())};
      usage more = a;
      more.input += tokens{1 + static_cast<std::int64_t>(random.below(1000))};
      EXPECT_LE(nanos(p, a), nanos(p, more));
      const usage b = chat(part(1000).value(), part(1000).value());
      usage sum = a;
      sum.input += b.input;
      sum.output += b.output;
      EXPECT_NEAR(static_cast<double>(nanos(p, sum)), static_cast<double>(nanos(p, a) + nanos(p, b)), 8);
      EXPECT_LE(nanos(p, a), cost_bound(p, a.input, a.output).amount.value());
    }
  }
}

TEST(price_override, replaces_the_shipped_price_from_its_date) {
  const price_override overrides[] = {
      {.model = "GPT-4o-mini", .from = "2026-12-01", .input = "1", .output = "2 USD"},
      {.provider = "my-server", .model = "llama", .free = true, .context_window = 8192, .max_output = 1024},
      {.provider = "openai", .model = "o3", .input = "0.5", .cached_read = "0.05", .output = "1", .per_request = "0.001"}};
  const auto table = price_table::make(overrides);
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(nanos(table->find("openai", "gpt-4o-mini", at("2026-11-30")), chat(1000, 0)), 150'000);
  EXPECT_EQ(nanos(table->find("openai", "gpt-4o-mini", at("2026-12-01")), chat(1000, 0)), 1'000'000);
  EXPECT_EQ(nanos(table->find("anywhere", "gpt-4o-mini", at("2026-12-01")), chat(0, 1000)), 2'000'000);
  EXPECT_EQ(cost(table->find("my-server", "llama", today), chat(5, 5)).state, price_state::free);
  EXPECT_EQ(table->limits("my-server", "llama").context_window, 8192);
  EXPECT_EQ(table->limits("my-server", "llama").max_output, 1024);
  EXPECT_EQ(nanos(table->find("openai", "o3", today), {.input = tokens{1000}, .cached_read = tokens{500}}), 1'000'000 + 250'000 + 25'000);
}

TEST(price_override, a_malformed_one_is_refused_with_its_place) {
  const std::pair<price_override, std::string_view> cases[] = {
      {{.input = "1"}, "prices[0].model"},
      {{.model = "m"}, "prices[0].input"},
      {{.model = "m", .input = "1e3"}, "prices[0].input"},
      {{.model = "m", .input = "-1"}, "prices[0].input"},
      {{.model = "m", .input = "1", .output = "cheap"}, "prices[0].output"},
      {{.model = "m", .free = true, .input = "1"}, "prices[0].input"},
      {{.model = "m", .free = true, .per_request = "1"}, "prices[0].per_request"},
      {{.model = "m", .input = "1", .per_request = "x"}, "prices[0].per_request"},
      {{.model = "m", .from = "tomorrow", .input = "1"}, "prices[0].from"},
      {{.model = "m", .input = "1", .context_window = -1}, "prices[0].context_window"},
      {{.model = "m", .input = "1", .max_output = -1}, "prices[0].max_output"}};
  for (const auto& [given, place] : cases) {
    const auto table = price_table::make({&given, 1});
    ASSERT_FALSE(table.has_value()) << place;
    EXPECT_EQ(table.error().param, place);
    EXPECT_FALSE(table.error().message.empty());
  }
  const price_override twice[] = {{.model = "m", .input = "1"}, {.model = "M", .input = "2"}};
  const auto table = price_table::make(twice);
  ASSERT_FALSE(table.has_value());
  EXPECT_EQ(table.error().param, "prices[1]");
}

TEST(price_table, a_broken_text_is_refused_with_its_line) {
  const std::string good = "P\tp\t=h\t-\t-\t-\nM\t10\t5\t=a|^b|~x&$z\nR\t*\t0\t1\t-\t-\t-\t2\t-\t-\t-\t0\n";
  EXPECT_TRUE(price_table::parse(good).has_value());
  EXPECT_NE(price_table::parse(good)->find("p", "axyz", today), nullptr);
  for (const std::string_view broken : {"", "M\t1\t1\t=a", "X", "P\tp\t-\t-\t-\t-\nM\t1\t1\ta", "P\tp\t-\t-\t-\t-\nM\t1\t1\t=a\nM\t1\t1\t=b",
                                        "P\tp\t-\t-\t-\t-\nM\t1\t1\t=a\nR\t*\t5\t1\t-\t-\t-\t2\t-\t-\t-\t0", "P\tp\t-\t-\t-\t-\nM\t1\t1\t=a\nR\t*\t0\tx\t-\t-\t-\t2\t-\t-\t-\t0",
                                        "P\tp\t-\t-\t-\t-\nM\t1\t1\t=a\nR\t9-9\t0\t1\t-\t-\t-\t2\t-\t-\t-\t0", "P\tp\t-\t-\t-\t-\nM\t1\t1\t=a"}) {
    const auto table = price_table::parse(broken);
    ASSERT_FALSE(table.has_value()) << broken;
    EXPECT_TRUE(table.error().message.starts_with("price table, line ")) << table.error().message;
  }
}

TEST(price_table, exact_names_win_over_patterns_and_longer_patterns_over_shorter) {
  const std::string line = "\nR\t*\t0\t%\t-\t-\t-\t2\t-\t-\t-\t0\n";
  const auto priced = [&](std::string_view names, char rate) { std::string l = line; l[l.find('%')] = rate; return "M\t0\t0\t" + std::string(names) + l; };
  const auto table = price_table::parse("P\tp\t-\t-\t-\t-\n" + priced("~pt", '1') + priced("^gpt-4", '2') + priced("^gpt-4-turbo", '3') + priced("=gpt-4-turbo-x", '4'));
  ASSERT_TRUE(table.has_value());
  const std::pair<std::string_view, std::int64_t> cases[] = {{"gpt-3", 1000}, {"gpt-4-0613", 2000}, {"gpt-4-turbo-y", 3000}, {"gpt-4-turbo-x", 4000}};
  for (const auto& [model, expected] : cases) EXPECT_EQ(nanos(table->find("p", model, today), chat(1, 0)), expected) << model;
}

TEST(price_table, knows_limits_and_hosts) {
  EXPECT_EQ(shipped().limits("openai", "gpt-4o-mini").max_output, 16384);
  EXPECT_EQ(shipped().limits("anthropic", "claude-3-5-haiku-latest").context_window, 200'000);
  EXPECT_EQ(shipped().limits("openai", "nothing").context_window, 0);
  const std::pair<std::string_view, std::string_view> hosts[] = {
      {"api.openai.com", "openai"}, {"API.Anthropic.com", "anthropic"}, {"acme.openai.azure.com", "azure"}, {"bedrock-runtime.us-east-1.amazonaws.com", "aws"},
      {"generativelanguage.googleapis.com", "google"}, {"api.groq.com", "groq"}, {"openrouter.ai", "openrouter"}, {"api.x.ai", "x-ai"}, {"evil-api.openai.com.example", ""}, {"localhost", ""}};
  for (const auto& [host, provider] : hosts) EXPECT_EQ(shipped().provider_of_host(host), provider) << host;
}

TEST(price_table, another_service_tier_never_costs_the_standard_price) {
  const price_override flex{.provider = "openai", .model = "gpt-4o-mini", .tier = "Flex", .input = "0.07", .output = "0.30"};
  const auto table = price_table::make({{flex}});
  ASSERT_TRUE(table);
  const wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1}};
  const auto* standard = table->find("openai", "gpt-4o-mini", now);
  ASSERT_NE(standard, nullptr);
  for (const auto* name : {"", "default", "standard", "auto", "Default", "on_demand"}) EXPECT_EQ(table->find("openai", "gpt-4o-mini", now, name), standard) << name;
  const auto* other = table->find("openai", "gpt-4o-mini", now, "flex");
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->cards[0].rate(token_class::input), 70'000'000);
  for (const auto* name : {"batch", "priority", "scale", "flexible", "made-up"}) EXPECT_EQ(table->find("openai", "gpt-4o-mini", now, name), nullptr) << name;
  EXPECT_EQ(table->find("openai", "gpt-4o", now, "flex"), nullptr) << "of another model";
  EXPECT_FALSE(price_table::make({{flex, flex}})) << "twice the same tier";
}

TEST(price_table, the_standard_price_stands_in_for_a_tier_without_one) {
  const price_override flex{.provider = "openai", .model = "gpt-4o-mini", .tier = "flex", .input = "0.07", .output = "0.30"};
  const auto table = price_table::make({{flex}});
  ASSERT_TRUE(table);
  const wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1}};
  const auto* standard = table->find("openai", "gpt-4o-mini", now);
  const auto own = table->find_tier("openai", "gpt-4o-mini", now, "flex");
  EXPECT_TRUE(own.what != nullptr && own.what != standard && !own.stands_in);
  const auto usual = table->find_tier("openai", "gpt-4o-mini", now, "auto");
  EXPECT_TRUE(usual.what == standard && !usual.stands_in);
  const auto other = table->find_tier("openai", "gpt-4o-mini", now, "priority");
  EXPECT_TRUE(other.what == standard && other.stands_in);
  EXPECT_EQ(table->find_tier("openai", "no-such", now, "priority").what, nullptr);
  const auto told = as_stand_in(cost(other.what, {.input = tokens{1'000'000}}));
  EXPECT_EQ(told.state, price_state::unknown_tier);
  EXPECT_GT(told.amount, nano_usd{});
  EXPECT_EQ(as_stand_in({}).state, price_state::unknown);
}

}  // namespace
}  // namespace andon::llm
