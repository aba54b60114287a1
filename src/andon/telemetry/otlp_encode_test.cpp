#include "andon/telemetry/otlp_encode.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <zlib.h>

#include "andon/telemetry/bounded_queue.hpp"
#include "andon/telemetry/delivery.hpp"
#include "andon/telemetry/example_exchange.hpp"

#include <thread>

namespace andon::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const resource who{{{"service.name", "andon"}}};

TEST(span, an_exchange_is_a_server_span_with_a_client_span_per_attempt) {
  const example_exchange example;
  const auto spans = spans_of(example.facts());
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[0].name, "POST /v1/chat/completions");
  EXPECT_EQ(spans[0].kind, span_kind::server);
  EXPECT_FALSE(spans[0].failed);
  EXPECT_EQ(spans[1].name, "chat gpt-4o-mini-2024-07-18");
  EXPECT_TRUE(spans[1].failed);
  EXPECT_EQ(spans[2].name, "chat llama-3.3-70b");
  for (std::size_t i : {1u, 2u}) {
    EXPECT_EQ(spans[i].kind, span_kind::client);
    EXPECT_EQ(spans[i].parent, spans[0].id);
    EXPECT_EQ(spans[i].trace, spans[0].trace);
  }
  EXPECT_EQ(spans[2].end - spans[0].start, 1'000ms);
}

TEST(span, a_callers_mistake_is_no_error_of_the_server_span) {
  const example_exchange example;
  exchange_facts f = example.facts();
  f.outcome = errc::bad_json;
  f.http_status = 400;
  EXPECT_FALSE(spans_of(f)[0].failed);
  f.outcome = errc::upstream_rate_limited;
  f.http_status = 429;
  EXPECT_TRUE(spans_of(f)[0].failed);
}

TEST(span, texts_are_clipped_between_characters) {
  const example_exchange example;
  exchange_facts f = example.facts();
  std::string path(max_span_text - 1, 'p');
  path += "é and more";
  f.path = path;
  const auto spans = spans_of(f);
  EXPECT_EQ(spans[0].name, "POST " + std::string(max_span_text - 1, 'p'));
}

TEST(otlp, traces_are_json_as_the_protocol_asks) {
  const example_exchange example;
  const std::string body = encode_traces(who, spans_of(example.facts()));
  simdjson::dom::parser parser;
  const auto root = parser.parse(body);
  ASSERT_EQ(root.error(), simdjson::SUCCESS) << body;
  const simdjson::dom::element group = root.at_pointer("/resourceSpans/0");
  EXPECT_EQ(std::string_view{group.at_pointer("/resource/attributes/0/value/stringValue")}, "andon");
  const simdjson::dom::element server = group.at_pointer("/scopeSpans/0/spans/0");
  EXPECT_EQ(std::string_view{server["traceId"]}, "aabb0000000000000000000000000000");
  EXPECT_EQ(std::string_view{server["spanId"]}, "cc00000000000000");
  EXPECT_NE(server["parentSpanId"].error(), simdjson::SUCCESS);
  EXPECT_EQ(std::int64_t{server["kind"]}, 2);
  EXPECT_EQ(std::string_view{server["startTimeUnixNano"]}, "1760000000000000000");
  EXPECT_EQ(std::string_view{server["endTimeUnixNano"]}, "1760000001000000000");
  EXPECT_EQ(std::int64_t{group.at_pointer("/scopeSpans/0/spans/1/status/code")}, 2);
  for (const char* part : {R"({"key":"gen_ai.usage.input_tokens","value":{"intValue":"100"}})", R"({"key":"gen_ai.usage.cache_read.input_tokens","value":{"intValue":"64"}})",
                           R"({"key":"gen_ai.usage.output_tokens","value":{"intValue":"21"}})", R"({"key":"gen_ai.request.temperature","value":{"doubleValue":0.5}})", R"({"key":"gen_ai.provider.name","value":{"stringValue":"groq"}})", R"({"key":"andon.provider","value":{"stringValue":"fast"}})",
                           R"({"key":"gen_ai.output.type","value":{"stringValue":"json"}})", R"({"key":"gen_ai.response.id","value":{"stringValue":"chatcmpl-1"}})",
                           R"({"key":"gen_ai.request.stream","value":{"boolValue":true}})", R"({"key":"error.type","value":{"stringValue":"upstream_error"}})",
                           R"({"key":"gen_ai.response.finish_reasons","value":{"arrayValue":{"values":[{"stringValue":"stop"}]}}})",
                           R"({"key":"gen_ai.response.time_to_first_chunk","value":{"doubleValue":0.3}})", R"({"key":"server.port","value":{"intValue":"443"}})",
                           R"({"key":"andon.cost_nano_usd","value":{"intValue":"12345"}})"})
    EXPECT_THAT(body, HasSubstr(part));
}

TEST(otlp, metrics_are_json_as_the_protocol_asks) {
  metrics::registry all;
  all.make_counter({"a.count", "Count", "{x}"}, {{"k", "v\"1"}}).add(7);
  all.make_counter({"a.count", "Count", "{x}"}, {{"k", "2"}}).add(8);
  all.make_gauge({"b.level", "Level", "1"}).set(0.5);
  constexpr double bounds[]{1, 2};
  all.make_histogram({"c.times", "Times", "s"}, bounds).observe(1.5);
  const wall_time start{5s};
  const std::string body = encode_metrics(who, all, start, start + 1s);
  simdjson::dom::parser parser;
  ASSERT_EQ(parser.parse(body).error(), simdjson::SUCCESS) << body;
  for (const char* part : {R"({"name":"a.count","description":"Count","unit":"{x}","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"attributes":[{"key":"k","value":{"stringValue":"v\"1"}}],"startTimeUnixNano":"5000000000","timeUnixNano":"6000000000","asInt":"7"},{)",
                           R"({"name":"b.level","description":"Level","unit":"1","gauge":{"dataPoints":[{"attributes":[],"startTimeUnixNano":"5000000000","timeUnixNano":"6000000000","asDouble":0.5}]}})",
                           R"("count":"1","sum":1.5,"bucketCounts":["0","1","0"],"explicitBounds":[1,2])"})
    EXPECT_THAT(body, HasSubstr(part));
}

TEST(otlp, texts_of_outsiders_cannot_break_the_json) {
  example_exchange example;
  example.attempts[1].upstream_model = "m\"\\\n\xff\xc3";
  simdjson::dom::parser parser;
  EXPECT_EQ(parser.parse(encode_traces(who, spans_of(example.facts()))).error(), simdjson::SUCCESS);
}

TEST(otlp, gzip_unpacks_to_the_same) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += std::to_string(i);
  const std::string packed = gzip(text);
  EXPECT_LT(packed.size(), text.size());
  std::string back(text.size(), '\0');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<unsigned>(packed.size());
  stream.next_out = reinterpret_cast<unsigned char*>(back.data());
  stream.avail_out = static_cast<unsigned>(back.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  inflateEnd(&stream);
  EXPECT_EQ(back, text);
}

TEST(otlp, reads_what_a_collector_rejected) {
  struct row { const char* reply; std::int64_t count; };
  for (const auto& [reply, count] : {row{"", 0}, row{"{}", 0}, row{"nonsense", 0}, row{R"({"partialSuccess":{}})", 0}, row{R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"x"}})", 3},
                                     row{R"({"partialSuccess":{"rejectedDataPoints":4}})", 4}, row{R"({"partialSuccess":{"rejectedSpans":[]}})", 0}})
    EXPECT_EQ(rejected_items(reply), count) << reply;
}

TEST(delivery, judges_by_status) {
  for (int status : {200, 202}) EXPECT_EQ(judge(status), verdict::accepted);
  for (int status : {0, 429, 502, 503, 504}) EXPECT_EQ(judge(status), verdict::retry);
  for (int status : {301, 400, 401, 404, 413, 500}) EXPECT_EQ(judge(status), verdict::refused);
}

TEST(delivery, backs_off_within_bounds_and_gives_up) {
  random_source random{4};
  const mono_time made{1h};
  delivery one{{}, made};
  mono_time now = made;
  nanoseconds longest{};
  int tries = 0;
  while (one.again(0ns, now, random)) {
    const nanoseconds wait = one.next_try() - now;
    EXPECT_LE(wait, std::min<nanoseconds>(1s * (1 << std::min(tries, 10)), 30s));
    longest = std::max(longest, wait);
    now = one.next_try();
    ASSERT_LT(++tries, 1'000);
  }
  EXPECT_GT(longest, 10s);
  EXPECT_LE(now, made + 2min);
  delivery asked{{}, made};
  EXPECT_TRUE(asked.again(45s, made, random));
  EXPECT_EQ(asked.next_try(), made + 45s);
  EXPECT_FALSE(asked.again(10min, made, random));
}

TEST(bounded_queue, loses_and_doubles_nothing_and_refuses_when_full) {
  bounded_queue<std::vector<int>> small{3};  // rounded up to 4
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(small.push({i}));
  EXPECT_FALSE(small.push({9}));
  EXPECT_EQ(small.pop(), std::vector{0});
  EXPECT_TRUE(small.push({4}));
  for (int i = 1; i < 5; ++i) EXPECT_EQ(small.pop(), std::vector{i});
  EXPECT_FALSE(small.pop());

  bounded_queue<std::vector<int>> shared{64};
  constexpr int producers = 3, each = 20'000;
  std::vector<std::jthread> running;
  for (int p = 0; p < producers; ++p)
    running.emplace_back([&, p] {
      for (int i = 0; i < each; ++i)
        while (!shared.push({p, i})) std::this_thread::yield();
    });
  std::array<int, producers> next{};
  for (int got = 0; got < producers * each;) {
    const auto item = shared.pop();
    if (!item) { std::this_thread::yield(); continue; }
    ASSERT_EQ((*item)[1], next[static_cast<std::size_t>((*item)[0])]++);
    ++got;
  }
  EXPECT_FALSE(shared.pop());
}

}  // namespace
}  // namespace andon::telemetry
