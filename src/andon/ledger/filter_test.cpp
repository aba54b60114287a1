#include <gtest/gtest.h>

#include "andon/base/random.hpp"
#include "andon/base/time_text.hpp"
#include "andon/ledger/filter.hpp"

namespace andon::ledger {
namespace {

const wall_time now = *parse_rfc3339("2026-11-22T12:00:00Z");

struct meaning { std::string_view text, canonical; };

TEST(filter, means_what_the_table_says) {
  const std::vector<meaning> cases{
      {"", ""},
      {"refund", "\"refund\""},
      {"\"exact phrase\"", "\"exact phrase\""},
      {"pre*", "\"pre\"*"},
      {"~fund", "~\"fund\""},
      {"-refund", "-\"refund\""},
      {"NOT refund", "-\"refund\""},
      {"--refund", "\"refund\""},
      {"a b", "(\"a\" \"b\")"},
      {"a AND b", "(\"a\" \"b\")"},
      {"a OR b c", "(\"a\" OR (\"b\" \"c\"))"},
      {"(a OR b) c", "((\"a\" OR \"b\") \"c\")"},
      {"model:gpt-4o", "model:\"gpt-4o\""},
      {"MODEL:GPT-4o*", "model:\"gpt-4o\"*"},
      {"model:a,b", "(model:\"a\" OR model:\"b\")"},
      {"model:*", "model:*"},
      {"model:~4o", "model:~\"4o\""},
      {"model!=a", "-model:\"a\""},
      {"status>=500", "status>=500"},
      {"status:500..599", "status:500..599"},
      {"status>500", "status>=501"},
      {"status<500", "status<=499"},
      {"cost>0.01", "cost>=0.010000001"},
      {"cost<=$5", "cost<=5"},
      {"latency>=2s", "latency>=2s"},
      {"latency>=1.5s", "latency>=1s500ms"},
      {"latency>=1h30m", "latency>=1h30m"},
      {"tokens>=2k", "tokens>=2000"},
      {"request_bytes>=1MiB", "request_bytes>=1048576"},
      {"since:1h", "started>=2026-11-22T11:00:00.000000000Z"},
      {"until:2026-11-01", "started<=2026-11-01T00:00:00.000000000Z"},
      {"stream:true", "stream:true"},
      {"outcome:idle_timeout", "outcome:idle_timeout"},
      {"outcome:none", "outcome:none"},
      {"error:tim*", "outcome:client_timeout,connect_timeout,first_token_timeout,idle_timeout,total_timeout"},
      {"origin:provider", "origin:provider"},
      {"price:unknown", "price:unknown"},
      {"http:2", "http:2"},
      {"http:1.0,1.1", "http:1.0,1.1"},
      {"upstream_http:none", "upstream_http:none"},
      {"tag:x", "tag:\"x\""},
      {"meta.team:a", "meta.team:\"a\""},
      {"meta.team:*", "meta.team:*"},
      {"meta:team", "meta:\"team\""},
      {"project:none", "project:\"\""},
      {"in:prompt word", "(in:prompt \"word\")"},
      {"(in:reply a b) c", "(((in:reply \"a\") (in:reply \"b\")) \"c\")"},
      {"id:req_00000000000000000000000001", "id:req_00000000000000000000000001"},
      {"status>=500 user:u1 -x", "(status>=500 user:\"u1\" -\"x\")"},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_filter(c.text, now);
    ASSERT_TRUE(parsed) << c.text << ": " << to_error(parsed.error(), c.text).message;
    EXPECT_EQ(to_text(*parsed), c.canonical) << c.text;
    const auto again = parse_filter(to_text(*parsed), now);
    ASSERT_TRUE(again) << to_text(*parsed);
    EXPECT_EQ(to_text(*again), c.canonical);
  }
}

struct refusal { std::string_view text; std::size_t at; std::string_view part_of_message; };

TEST(filter, points_at_what_is_wrong) {
  const std::vector<refusal> cases{
      {"\"open", 0, "not closed"},        {"a \"open", 2, "not closed"},   {"(a", 0, "not closed"},
      {"a )", 2, "without an opening"},   {"a OR", 2, "both sides"},       {"OR a", 0, "both sides"},
      {"a OR in:reply", 2, "both sides"},
      {"colour:red", 0, "no field"},      {"a status>=x", 10, "no value"}, {"status:", 7, "missing"},
      {"model>3", 0, "no order"},         {"latency>2", 8, "no value"},    {"cost>1e3", 5, "no value"},
      {"outcome:nonsense", 8, "no value"}, {"stream:maybe", 7, "no value"}, {"since:yesterday", 6, "not a time"},
      {"id:req_1", 3, "request id"},      {"in:middle x", 3, "takes"},     {"- a", 0, "negation"},
      {"!!", 0, "no letter"},             {"()", 0, "empty"},              {"status:~5", 7, "no value"},
      {"meta:a=b", 5, "alone"},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_filter(c.text, now);
    ASSERT_FALSE(parsed) << c.text;
    EXPECT_EQ(parsed.error().at, c.at) << c.text << ": " << parsed.error().message;
    EXPECT_NE(parsed.error().message.find(c.part_of_message), std::string::npos) << c.text << ": " << parsed.error().message;
  }
}

TEST(filter, bounds_depth_terms_and_size) {
  EXPECT_FALSE(parse_filter(std::string(100'000, '('), now));
  EXPECT_FALSE(parse_filter(std::string(200, '(') + "a" + std::string(200, ')'), now));
  EXPECT_TRUE(parse_filter(std::string(60, '(') + "a" + std::string(60, ')'), now));
  std::string many;
  for (int i = 0; i < 600; ++i) many += "a ";
  EXPECT_FALSE(parse_filter(many, now));
  EXPECT_TRUE(parse_filter(std::string(9001, '-') + "a", now));
}

TEST(filter, every_example_of_the_reference_parses) {
  for (const auto& f : field_table()) {
    if (f.type == field_type::identity) continue;
    EXPECT_TRUE(parse_filter(f.example, now)) << f.example;
  }
  for (const auto& s : syntax_table()) EXPECT_TRUE(parse_filter(s.example, now)) << s.example;
  EXPECT_NE(filter_reference().find("`latency`"), std::string::npos);
}

TEST(filter, survives_any_bytes) {
  random_source random(3);
  constexpr std::string_view pieces[]{"a", "\"", "(", ")", " OR ", "-", "status>=5", "model:", "in:reply ", "~", "*", ",", "meta.x:y", "\\", "since:1h", "\xff", "中文", " ", "NOT ", "cost:1..2"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::uint64_t n = random.below(8); n != 0; --n) text += pieces[random.below(std::size(pieces))];
    const auto parsed = parse_filter(text, now);
    if (!parsed) { EXPECT_LE(parsed.error().at, text.size()); continue; }
    const auto again = parse_filter(to_text(*parsed), now);
    ASSERT_TRUE(again) << text << " -> " << to_text(*parsed);
    EXPECT_EQ(to_text(*again), to_text(*parsed)) << text;
  }
}

}  // namespace
}  // namespace andon::ledger
