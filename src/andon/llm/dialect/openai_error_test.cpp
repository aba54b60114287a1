#include "andon/llm/dialect/openai_error.hpp"

#include <gtest/gtest.h>

#include "andon/base/time_text.hpp"

namespace andon::llm::openai {
namespace {

using namespace std::chrono_literals;

TEST(OpenaiError, BodyHasFourFields) {
  EXPECT_EQ(error_body(error{errc::model_not_found, "No \"x\".", "model"}),
            R"({"error":{"message":"No \"x\".","type":"invalid_request_error","param":"model","code":"model_not_found"}})");
  EXPECT_EQ(error_body(error{errc::bad_json, "Bad.", {}}), R"({"error":{"message":"Bad.","type":"invalid_request_error","param":null,"code":null}})");
  EXPECT_EQ(error_event(error{errc::idle_timeout, "Slow.", {}}),
            "data: {\"error\":{\"message\":\"Slow.\",\"type\":\"timeout_error\",\"param\":null,\"code\":\"upstream_idle_timeout\"}}\n\n");
}

TEST(OpenaiError, EveryCodeHasABody) {
  for (const auto& kind : error_table()) {
    if (kind.code == errc::none) continue;
    auto parsed = parse_error(kind.http_status, error_body(error{kind.code, "", ""}));
    EXPECT_EQ(parsed.type, kind.wire_type);
    EXPECT_EQ(parsed.code, kind.wire_code);
    EXPECT_FALSE(parsed.message.empty());
  }
}

TEST(OpenaiError, ACallersWordsInARefusalAreNoEmptyAccount) {
  constexpr std::string_view body = R"({"error":{"message":"Invalid value: 'insufficient balance'.","type":"invalid_request_error"}})";
  EXPECT_EQ(parse_error(400, body).what, failure_class::bad_request);
  EXPECT_EQ(parse_error(422, body).what, failure_class::bad_request);
  EXPECT_EQ(parse_error(402, R"({"error":{"message":"Insufficient Balance"}})").what, failure_class::quota);
}

TEST(OpenaiError, Headers) {
  auto has = [](const header_list& list, std::string_view name) {
    for (const auto& [n, v] : list)
      if (n == name) return v;
    return std::string{};
  };
  EXPECT_EQ(has(error_headers(error{errc::budget_exceeded, "", ""}), "x-should-retry"), "false");
  auto limited = error_headers(error{errc::requests_limited, "", ""}, 1'200ms);
  EXPECT_EQ(has(limited, "x-should-retry"), "");
  EXPECT_EQ(has(limited, "retry-after"), "2");
  EXPECT_EQ(has(limited, "retry-after-ms"), "1200");
}

struct upstream_case { int status; std::string_view body, message, type, code; failure_class what; };

TEST(OpenaiError, ReadsWhatProvidersSend) {
  using enum failure_class;
  const upstream_case cases[] = {
      {400, R"({"error":{"message":"too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})", "too long", "invalid_request_error", "context_length_exceeded", context_length},
      {404, R"({"error":{"message":"no","type":"invalid_request_error","param":null,"code":"model_not_found"}})", "no", "invalid_request_error", "model_not_found", not_found},
      {429, R"({"error":{"message":"m","type":"tokens","param":null,"code":"rate_limit_exceeded"}})", "m", "tokens", "rate_limit_exceeded", rate_limited},
      {429, R"({"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}})", "m", "insufficient_quota", "insufficient_quota", quota},
      {401, R"({"error":{"message":"m","type":"invalid_request_error","code":"invalid_api_key"}})", "m", "invalid_request_error", "invalid_api_key", authentication},
      {400, R"({"error":{"message":"filtered","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{}}}})", "filtered", "", "ResponsibleAIPolicyViolation", content_filter},
      {401, R"({"statusCode":401,"message":"Unauthorized. Access token is missing"})", "Unauthorized. Access token is missing", "", "", authentication},
      {400, R"({"object":"error","message":"This model's maximum context length is 4096 tokens","type":"BadRequestError","param":null,"code":400})", "This model's maximum context length is 4096 tokens", "BadRequestError", "400", context_length},
      {404, R"({"error":"model 'x' not found"})", "model 'x' not found", "", "", not_found},
      {422, R"({"detail":[{"loc":["body"],"msg":"field required","type":"value_error"}]})", "field required", "value_error", "", bad_request},
      {500, R"({"detail":"boom"})", "boom", "", "", server_error},
      {400, R"([{"error":{"code":400,"message":"bad key","status":"INVALID_ARGUMENT"}}])", "bad key", "INVALID_ARGUMENT", "400", bad_request},
      {502, "<html><head><title>502 Bad Gateway</title></head><body>x</body></html>", "502 Bad Gateway", "", "", server_error},
      {503, "<!DOCTYPE html><p>over  capacity</p>", "over capacity", "", "", overloaded},
      {500, "plain\r\ntext\x01", "plain text", "", "", server_error},
      {500, "", "The provider answered with status 500 and no text.", "", "", server_error},
      {500, "\xff\xfe", "\xEF\xBF\xBD\xEF\xBF\xBD", "", "", server_error},
      {0, R"({"error":{"message":"m","code":529}})", "m", "", "529", overloaded},
      {0, R"({"error":{"message":"m","type":"server_error"}})", "m", "server_error", "", server_error},
      {504, "upstream request timeout", "upstream request timeout", "", "", timeout},
      {403, R"({"error":{"message":"no","type":"x"}})", "no", "x", "", permission},
  };
  for (const auto& c : cases) {
    auto e = parse_error(c.status, c.body);
    EXPECT_EQ(e.message, c.message) << c.body;
    EXPECT_EQ(e.type, c.type) << c.body;
    EXPECT_EQ(e.code, c.code) << c.body;
    EXPECT_EQ(e.what, c.what) << c.body << to_string(e.what);
  }
  EXPECT_LE(parse_error(500, std::string(100'000, 'x')).message.size(), 2'004u);
  EXPECT_NE(parse_error(500, std::string(100'000, '[')).message, "");
}

TEST(OpenaiError, RetryAfter) {
  auto now = parse_rfc3339("2026-11-22T17:00:00Z").value();
  EXPECT_EQ(parse_retry_after("2", "", now), 2s);
  EXPECT_EQ(parse_retry_after("0.5", "", now), 500ms);
  EXPECT_EQ(parse_retry_after("2", "150", now), 150ms);
  EXPECT_EQ(parse_retry_after("Sun, 22 Nov 2026 17:00:30 GMT", "", now), 30s);
  EXPECT_EQ(parse_retry_after("Sun, 22 Nov 2026 16:00:30 GMT", "", now), 0s);
  EXPECT_EQ(parse_retry_after("999999999999", "", now), 24h);
  for (auto text : {"", "soon", "-1", "1e9x", "Sun, 99 Nov 2026 17:00:30 GMT", "nan", "inf"}) EXPECT_EQ(parse_retry_after(text, "", now), std::nullopt) << text;
}

TEST(OpenaiError, Resets) {
  EXPECT_EQ(parse_reset("120ms"), 120ms);
  EXPECT_EQ(parse_reset("0s"), 0s);
  EXPECT_EQ(parse_reset("6m0s"), 6min);
  EXPECT_EQ(parse_reset("1h2m3.5s"), 1h + 2min + 3500ms);
  EXPECT_EQ(parse_reset("17"), 17s);
  for (auto text : {"", "x", "5x", "1m5", "-1s", "s"}) EXPECT_EQ(parse_reset(text), std::nullopt) << text;
  provider_limits limits;
  EXPECT_TRUE(read_limit(limits, "X-RateLimit-Remaining-Tokens", " 199999 "));
  EXPECT_TRUE(read_limit(limits, "x-ratelimit-reset-requests", "120ms"));
  EXPECT_FALSE(read_limit(limits, "x-request-id", "5"));
  EXPECT_EQ(limits.remaining_tokens, 199'999);
  EXPECT_EQ(limits.reset_requests, 120ms);
  EXPECT_EQ(limits.limit_requests, -1);
}

}  // namespace
}  // namespace andon::llm::openai
