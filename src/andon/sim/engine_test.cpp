#include "andon/sim/engine.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <cmath>
#include <map>

#include "andon/llm/dialect/openai_error.hpp"
#include "andon/llm/dialect/openai_reply.hpp"
#include "andon/llm/dialect/openai_stream.hpp"
#include "andon/sim/speech.hpp"

namespace andon::sim {
namespace {

using namespace std::chrono_literals;
using llm::operation;
constexpr std::string_view chat_path = "/v1/chat/completions";
constexpr std::string_view plain = R"({"model":"m","messages":[{"role":"user","content":"Tell me of lines"}]})";

engine make(std::string_view yaml = "") { return engine{parse_script(yaml).value()}; }

std::string bytes_of(const reply_plan& plan) {
  std::string out{plan.canned};
  for (const auto& s : plan.steps) out += s.bytes;
  return out;
}

nanoseconds time_of(const reply_plan& plan) {
  nanoseconds sum{};
  for (const auto& s : plan.steps) sum += s.wait;
  return sum;
}

reply_plan ask(engine& e, std::string_view body = plain, std::string_view path = chat_path, nanoseconds age = {}, std::vector<net::header> headers = {}) {
  return e.answer({body.empty() ? "GET" : "POST", path, "", headers, body}, age);
}

std::string body_of(const reply_plan& plan) {
  auto all = bytes_of(plan);
  return all.substr(all.find("\r\n\r\n") + 4);
}

// Takes the chunked framing off; gives the data of each event.
std::vector<std::string> events_of(const reply_plan& plan) {
  std::string rest = body_of(plan), text;
  while (!rest.empty()) {
    std::size_t size = std::stoul(rest, nullptr, 16), at = rest.find("\r\n") + 2;
    if (size == 0) break;
    text += rest.substr(at, size);
    rest = rest.substr(at + size + 2);
  }
  std::vector<std::string> out;
  for (std::size_t at = 0; (at = text.find("data: ", at)) != std::string::npos; at += 6) out.push_back(text.substr(at + 6, text.find_first_of("\r\n", at) - at - 6));
  return out;
}

llm::reply_facts reply(const reply_plan& plan, operation op = operation::chat) {
  auto facts = llm::openai::scan_reply(op, body_of(plan));
  EXPECT_TRUE(facts) << bytes_of(plan);
  return facts.value_or(llm::reply_facts{});
}

std::string with(std::string_view extra) { return R"({"model":"m","messages":[{"role":"user","content":"Tell me of lines"}],)" + std::string{extra} + "}"; }

TEST(Engine, AnswersTheSameForTheSame) {
  auto a = make("seed: 3"), b = make("seed: 3"), c = make("seed: 4");
  auto first = bytes_of(ask(a));
  EXPECT_EQ(first, bytes_of(ask(b)));
  EXPECT_NE(first, bytes_of(ask(c)));
  std::string longer = with(R"("stream":true)");
  EXPECT_EQ(bytes_of(ask(a, longer)), bytes_of(ask(b, longer)));
}

TEST(Engine, ChatHasUsageAndAFinish) {
  auto e = make("defaults: { words: 12 }");
  auto f = reply(ask(e));
  EXPECT_EQ(f.finish_reason, "stop");
  EXPECT_EQ(f.model, "m");
  EXPECT_EQ(f.use->output, tokens{16});
  EXPECT_EQ(f.use->input, tokens{6 + 6});
  f = reply(ask(e, with(R"("n":3,"max_tokens":4)")));
  EXPECT_EQ(f.choices, 3u);
  EXPECT_EQ(f.finish_reason, "length");
  EXPECT_LE(f.use->output.value(), 12);
}

TEST(Engine, StreamsSayWhatRepliesSay) {
  for (std::string extra : {std::string{R"("n":2)"}, std::string{R"("logprobs":true)"}, std::string{R"("tool_choice":"required","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"string"}}}}}])"}}) {
    auto e = make();
    auto whole = ask(e, with(extra));
    auto stream = ask(e, with(extra + R"(,"stream":true,"stream_options":{"include_usage":true})"));
    llm::openai::stream_assembler s{operation::chat, {.choices = extra.find("\"n\"") == 1 ? 0u : 1u}};
    for (const auto& data : events_of(stream)) ASSERT_TRUE(s.feed(data)) << data;
    EXPECT_EQ(s.verdict(), llm::completeness::complete);
    simdjson::dom::parser one, two;
    auto a = one.parse(body_of(whole)), b = two.parse(s.assemble());
    EXPECT_EQ(simdjson::minify(a.at_pointer("/choices/0/message/content")), simdjson::minify(b.at_pointer("/choices/0/message/content")));
    EXPECT_EQ(simdjson::minify(a.at_pointer("/usage")), simdjson::minify(b.at_pointer("/usage")));
    if (extra.find("logprobs") != std::string::npos) EXPECT_EQ(simdjson::minify(a.at_pointer("/choices/0/logprobs")), simdjson::minify(b.at_pointer("/choices/0/logprobs")));
    std::string_view x, y;
    if (!a.at_pointer("/choices/0/message/tool_calls/0/function/arguments").get(x)) {
      ASSERT_FALSE(b.at_pointer("/choices/0/message/tool_calls/0/function/arguments").get(y));
      EXPECT_EQ(x, y);
    }
  }
}

TEST(Engine, CallsTools) {
  auto e = make();
  std::string tools = R"("tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","required":["city"],"properties":{
    "city":{"type":"string","minLength":30},"unit":{"enum":["c","f"]},"days":{"type":"integer","minimum":3,"maximum":3},"tags":{"type":"array","minItems":2,"items":{"type":"boolean"}},
    "deep":{"$ref":"#/$defs/d"}},"$defs":{"d":{"type":"object","properties":{"x":{"const":5}}}}}}},{"type":"function","function":{"name":"other"}}])";
  auto call = [&](std::string body) {
    auto plan = ask(e, body);
    simdjson::dom::parser p;
    auto root = p.parse(body_of(plan));
    std::string_view name, arguments;
    if (root.at_pointer("/choices/0/message/tool_calls/0/function/name").get(name)) return std::pair<std::string, std::string>{};
    (void)root.at_pointer("/choices/0/message/tool_calls/0/function/arguments").get(arguments);
    EXPECT_EQ(reply(plan).finish_reason, "tool_calls");
    return std::pair{std::string{name}, std::string{arguments}};
  };
  auto [name, arguments] = call(with(tools + R"(,"tool_choice":"required")"));
  EXPECT_EQ(name, "get_weather");
  simdjson::dom::parser p;
  auto a = p.parse(arguments);
  std::string_view city;
  ASSERT_FALSE(a["city"].get(city)) << arguments;
  EXPECT_GE(city.size(), 30u);
  EXPECT_EQ(std::int64_t{a["days"]}, 3);
  EXPECT_EQ(simdjson::dom::array{a["tags"]}.size(), 2u);
  EXPECT_EQ(std::int64_t{a.at_pointer("/deep/x")}, 5);
  EXPECT_EQ(call(with(tools + R"(,"tool_choice":{"type":"function","function":{"name":"other"}})")).first, "other");
  EXPECT_EQ(call(with(tools + R"(,"tool_choice":"none")")).first, "");
  EXPECT_EQ(call(with(tools)).first, "");
  EXPECT_EQ(call(R"({"model":"m","messages":[{"role":"user","content":"call get_weather"}],)" + tools + "}").first, "get_weather");
  EXPECT_EQ(call(R"({"model":"m","messages":[{"role":"user","content":"call get_weather"},{"role":"tool","content":"use get_weather"}],)" + tools + "}").first, "");
}

TEST(Engine, AnswersToASchema) {
  auto e = make();
  auto text = [&](std::string format) {
    auto plan = ask(e, with("\"response_format\":" + format));
    simdjson::dom::parser p;
    auto root = p.parse(body_of(plan));
    std::string_view out;
    EXPECT_FALSE(root.at_pointer("/choices/0/message/content").get(out));
    return std::string{out};
  };
  simdjson::dom::parser p;
  auto a = p.parse(text(R"({"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","properties":{"n":{"type":"number","minimum":1000},"w":{"anyOf":[{"type":"null"},{"type":"string"}]}}}}})"));
  EXPECT_GE(double{a["n"]}, 1000);
  EXPECT_TRUE(simdjson::dom::element{a["w"]}.is_null());
  EXPECT_FALSE(p.parse(text(R"({"type":"json_object"})"))["answer"].error());
}

TEST(Engine, Embeds) {
  auto e = make();
  auto plan = ask(e, R"({"model":"e","input":["red car","the red car","quantum soup"],"dimensions":64})", "/v1/embeddings");
  EXPECT_EQ(reply(plan, operation::embeddings).choices, 3u);
  auto dot = [](const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
  };
  auto a = embed(1, "red car", 64), b = embed(1, "The RED car", 64), c = embed(1, "quantum soup", 64);
  EXPECT_NEAR(dot(a, a), 1, 1e-5);
  EXPECT_GT(dot(a, b), dot(a, c) + 0.2);
  auto base64 = body_of(ask(e, R"({"model":"e","input":[1,2],"dimensions":3,"encoding_format":"base64"})", "/v1/embeddings"));
  auto at = base64.find("\"embedding\":\"") + 13;
  EXPECT_EQ(base64.find('"', at) - at, 16u) << base64;
  EXPECT_EQ(to_base64("M"), "TQ==");
  EXPECT_EQ(to_base64("Ma"), "TWE=");
  EXPECT_EQ(to_base64("Man"), "TWFu");
}

TEST(Engine, OtherPathsKeysAndModels) {
  auto e = make("keys: [sk-a]\nmodels: [m, n]");
  net::header key{"Authorization", "Bearer sk-a"};
  EXPECT_EQ(ask(e).status, 401);
  EXPECT_EQ(ask(e, plain, chat_path, {}, {key}).status, 200);
  EXPECT_EQ(ask(e, plain, chat_path, {}, {{"api-key", "sk-a"}}).status, 200);
  EXPECT_EQ(ask(e, R"({"model":"zzz","messages":[{"role":"user","content":"x"}]})", chat_path, {}, {key}).status, 404);
  EXPECT_EQ(ask(e, "", "/v1/models", {}, {key}).status, 200);
  EXPECT_EQ(reply(ask(e, "", "/v1/models", {}, {key}), operation::models).choices, 2u);
  EXPECT_EQ(ask(e, "", "/v1/models/n", {}, {key}).status, 200);
  EXPECT_EQ(ask(e, "", "/v1/models/q", {}, {key}).status, 404);
  EXPECT_EQ(ask(e, "", chat_path, {}, {key}).status, 405);
  EXPECT_EQ(ask(e, plain, "/v1/other", {}, {key}).status, 404);
  EXPECT_EQ(ask(e, "{", chat_path, {}, {key}).status, 400);
  EXPECT_EQ(ask(e, R"({"model":"m","messages":[]})", chat_path, {}, {key}).status, 400);
  EXPECT_EQ(reply(ask(e, R"({"model":"m","prompt":"abc"})", "/v1/completions", {}, {key}), operation::completion).finish_reason, "stop");
  EXPECT_EQ(ask(e, plain, "/openai/deployments/n/chat/completions", {}, {key}).status, 200);
}

TEST(Engine, RulesMatch) {
  auto statuses = [](std::string_view match, auto&&... asks) {
    auto e = make("rules:\n  - match: { " + std::string{match} + " }\n    status: 503\n");
    return std::vector<int>{asks(e)...};
  };
  auto normal = [](engine& e) { return ask(e).status; };
  auto at = [](nanoseconds age) { return [age](engine& e) { return ask(e, plain, chat_path, age).status; }; };
  EXPECT_EQ(statuses("nth: 2", normal, normal, normal), (std::vector{200, 503, 200}));
  EXPECT_EQ(statuses("every: 2", normal, normal, normal, normal), (std::vector{200, 503, 200, 503}));
  EXPECT_EQ(statuses("first: 1", normal, normal), (std::vector{503, 200}));
  EXPECT_EQ(statuses("model: other", normal), (std::vector{200}));
  EXPECT_EQ(statuses("model: m, path: /v1/chat/completions, stream: false", normal), (std::vector{503}));
  EXPECT_EQ(statuses("stream: true", normal), (std::vector{200}));
  EXPECT_EQ(statuses("header: { x-t: a }", normal, [](engine& e) { return ask(e, plain, chat_path, {}, {{"X-T", "a"}}).status; }), (std::vector{200, 503}));
  EXPECT_EQ(statuses("from: 1s, until: 2s", normal, at(1s), at(2s)), (std::vector{200, 503, 200}));
  EXPECT_EQ(statuses("until: 1s, period: 3s", at(500ms), at(1500ms), at(3500ms)), (std::vector{503, 200, 503}));
  auto e = make("rules: [{ match: { probability: 0.3 }, status: 503 }]");
  int hit = 0;
  for (int i = 0; i < 1'000; ++i) hit += ask(e).status == 503;
  EXPECT_NEAR(hit, 300, 60);
}

TEST(Engine, ErrorsAsProvidersWriteThem) {
  const std::map<std::string, std::pair<int, llm::failure_class>> cases{
      {"rate_limit", {429, llm::failure_class::rate_limited}}, {"quota", {429, llm::failure_class::quota}}, {"context_length", {400, llm::failure_class::context_length}},
      {"content_filter", {400, llm::failure_class::content_filter}}, {"overloaded", {503, llm::failure_class::overloaded}}, {"server_error", {500, llm::failure_class::server_error}},
      {"auth", {401, llm::failure_class::authentication}}, {"permission", {403, llm::failure_class::permission}}, {"not_found", {404, llm::failure_class::not_found}}, {"timeout", {408, llm::failure_class::timeout}}};
  for (const auto& [name, expected] : cases) {
    auto e = make("defaults: { error: " + name + ", headers: { retry-after: '2' } }");
    auto plan = ask(e);
    EXPECT_EQ(plan.status, expected.first) << name;
    EXPECT_EQ(llm::openai::parse_error(plan.status, body_of(plan)).what, expected.second) << name;
    EXPECT_NE(bytes_of(plan).find("\r\nretry-after: 2\r\n"), std::string::npos);
  }
}

TEST(Engine, TimesAddUp) {
  auto e = make("defaults: { words: 10, delay: 5ms, first_token: 20ms, between: 1ms }");
  EXPECT_EQ(time_of(ask(e)), 35ms);
  auto stream = ask(e, with(R"("stream":true)"));
  EXPECT_EQ(time_of(stream), 5ms + 20ms + 12ms);
  EXPECT_EQ(stream.steps.front().wait, 5ms);
}

TEST(Engine, Behaviours) {
  auto one = [](std::string yaml, std::string body = std::string{plain}) { auto e = make("defaults: { " + yaml + " }"); return body_of(ask(e, body)); };
  EXPECT_NE(one("echo: true").find("\"content\":\"Tell me of lines\""), std::string::npos);
  EXPECT_NE(one("text: a  b").find("\"content\":\"a  b\""), std::string::npos);
  EXPECT_NE(one("finish_reason: content_filter").find("\"finish_reason\":\"content_filter\""), std::string::npos);
  EXPECT_EQ(one("usage: missing").find("usage"), std::string::npos);
  EXPECT_NE(one("usage: { prompt_tokens: 77, cached_tokens: 5 }").find("\"prompt_tokens\":77"), std::string::npos);
  EXPECT_NE(one("fault: wrong_model").find("another-model"), std::string::npos);
  EXPECT_EQ(one("status: 418, body: teapot"), "teapot");
}

TEST(Engine, CannedRepliesAreWholeAndOfTheAskedSize) {
  auto e = make("canned: { events: 64, bytes: 900 }");
  auto whole = ask(e);
  EXPECT_EQ(reply(whole).finish_reason, "stop");
  EXPECT_EQ(body_of(whole).size(), 900u);
  EXPECT_TRUE(whole.steps.empty());
  auto stream = ask(e, with(R"("stream": true)"));
  EXPECT_EQ(events_of(stream).size(), 65u);
  EXPECT_EQ(stream.canned.data(), ask(e, with(R"("stream":true)")).canned.data());
  auto failing = make("canned: {}\nrules: [{ match: { nth: 2 }, status: 503 }]");
  EXPECT_FALSE(ask(failing).canned.empty());
  EXPECT_EQ(ask(failing).status, 503);
  EXPECT_FALSE(ask(failing).canned.empty());
  auto paced = make("canned: { events: 64, between: 2ms }");
  EXPECT_EQ(time_of(ask(paced, with(R"("stream":true)"))), 128ms);
}

}  // namespace
}  // namespace andon::sim
