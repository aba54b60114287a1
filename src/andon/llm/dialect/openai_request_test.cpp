#include "andon/llm/dialect/openai_request.hpp"

#include <gtest/gtest.h>

#include "andon/llm/json_cursor.hpp"

namespace andon::llm::openai {
namespace {

constexpr std::string_view small = R"({"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hi"}]})";

request_facts good(operation op, std::string_view body) {
  auto facts = scan_request(op, body);
  EXPECT_TRUE(facts) << (facts ? "" : facts.error().message) << body;
  return facts.value_or(request_facts{});
}

TEST(OpenaiRequest, LeavesOddSamplingParametersToTheProvider) {
  const auto f = good(operation::chat, R"({"model":"m","messages":[],"temperature":1e999,"top_p":"high","frequency_penalty":null,"presence_penalty":[1],"seed":{}})");
  EXPECT_FALSE(f.temperature || f.top_p || f.frequency_penalty || f.presence_penalty || f.seed);
}

TEST(OpenaiRequest, ReadsAFullChat) {
  std::string_view body = R"({"messages":[{"role":"system","content":"Be \"brief\""},{"role":"user","name":"ann","content":[{"type":"text","text":"What?"},
    {"type":"image_url","image_url":{"url":"data:x"}},{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}},{"type":"file","file":{"file_id":"f"}}]},
    {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}],
    "model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"n":3,"max_tokens":10,"max_completion_tokens":20,"user":"u1","safety_identifier":"s1",
    "metadata":{"team":"a","k":5},"tags":["x","y"],"service_tier":"flex","tools":[{"type":"function","function":{"name":"f"}}],
    "response_format":{"type":"json_schema","json_schema":{"name":"q"}},"temperature":0.25,"top_p":1,"frequency_penalty":-0.5,"presence_penalty":2,"seed":7,"unknown":[{"deep":[1]}]})";
  auto f = good(operation::chat, body);
  EXPECT_EQ(f.model, "gpt-4o");
  EXPECT_TRUE(f.stream && f.include_usage && f.has_tools && f.has_response_format);
  EXPECT_EQ(f.choices, 3u);
  EXPECT_EQ(f.max_output, tokens{20});
  EXPECT_EQ(f.user, "s1");
  EXPECT_EQ(f.service_tier, "flex");
  EXPECT_EQ(f.temperature, 0.25);
  EXPECT_EQ(f.top_p, 1.0);
  EXPECT_EQ(f.frequency_penalty, -0.5);
  EXPECT_EQ(f.presence_penalty, 2.0);
  EXPECT_EQ(f.seed, 7);
  EXPECT_EQ(f.messages, 3u);
  EXPECT_EQ(f.image_parts, 1u);
  EXPECT_EQ(f.audio_parts, 1u);
  EXPECT_EQ(f.file_parts, 1u);
  EXPECT_EQ(f.metadata, (std::vector<std::pair<std::string, std::string>>{{"team", "a"}, {"k", "5"}}));
  EXPECT_EQ(f.tags, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(f.model_value.of(body), "\"gpt-4o\"");
  EXPECT_EQ(f.stream_options_value.of(body), R"({"include_usage":true})");
  EXPECT_EQ(f.gateway_members[0].of(body), R"("tags":["x","y"])");
  ASSERT_EQ(f.texts.size(), 6u);
  EXPECT_EQ(f.texts[0].raw, R"(Be \"brief\")");
  EXPECT_TRUE(f.texts[0].escaped);
  EXPECT_EQ(f.texts[1].raw, "ann");
  EXPECT_EQ(f.texts[1].kind, text_kind::name);
  EXPECT_EQ(f.texts[2].raw, "What?");
  EXPECT_EQ(f.texts[3].kind, text_kind::tool_call);
  EXPECT_EQ(f.texts[4].kind, text_kind::tool_definition);
  EXPECT_EQ(f.texts[5].kind, text_kind::schema);
}

TEST(OpenaiRequest, LimitsAreReadLeniently) {
  auto limit = [](std::string value) { return good(operation::chat, R"({"model":"m","messages":[],"max_tokens":)" + value + "}").max_output; };
  EXPECT_EQ(limit("7"), tokens{7});
  EXPECT_EQ(limit("0"), tokens{0});
  EXPECT_EQ(limit("1e400"), tokens::max());
  EXPECT_EQ(limit("99999999999999999999999"), tokens::max());
  EXPECT_EQ(limit("7.2"), tokens{8});
  for (auto value : {"null", "-1", "\"7\"", "{}", "-1e400"}) EXPECT_EQ(limit(value), std::nullopt) << value;
}

struct refusal { operation op; std::string body; errc code; std::string param; };

TEST(OpenaiRequest, Refuses) {
  using enum operation;
  const refusal cases[] = {
      {chat, "", errc::bad_json, ""},
      {chat, "[]", errc::bad_request, ""},
      {chat, "\"x\"", errc::bad_request, ""},
      {chat, R"({"messages":[]})", errc::bad_request, "model"},
      {chat, R"({"model":null,"messages":[]})", errc::bad_request, "model"},
      {chat, R"({"model":"","messages":[]})", errc::bad_request, "model"},
      {chat, R"({"model":5,"messages":[]})", errc::bad_request, "model"},
      {chat, R"({"model":"m"})", errc::bad_request, "messages"},
      {chat, R"({"model":"m","messages":null})", errc::bad_request, "messages"},
      {chat, R"({"model":"m","messages":"hi"})", errc::bad_request, "messages"},
      {chat, R"({"model":"m","messages":{}})", errc::bad_request, "messages"},
      {chat, R"({"model":"m","messages":[{}, 5]})", errc::bad_request, "messages[1]"},
      {chat, R"({"model":"m","messages":[],"stream":"yes"})", errc::bad_request, "stream"},
      {chat, R"({"model":"m","messages":[],"stream_options":[]})", errc::bad_request, "stream_options"},
      {chat, R"({"model":"m","messages":[],"stream_options":{"include_usage":1}})", errc::bad_request, "stream_options.include_usage"},
      {chat, R"({"model":"m","messages":[],"n":"3"})", errc::bad_request, "n"},
      {chat, R"({"model":"m","messages":[],"model":"x"})", errc::bad_request, "model"},
      {chat, R"({"model":"m","messages":[],"m\u006fdel":"x"})", errc::bad_request, "model"},
      {chat, R"({"model":"m","messages":[],"stream":false,"stream":true})", errc::bad_request, "stream"},
      {chat, R"({"model":"m","messages":[],"max_tokens":1,"max_tokens":99})", errc::bad_request, "max_tokens"},
      {chat, R"({"model":"m","messages":[]}x)", errc::bad_json, ""},
      {chat, R"({"model":"m","messages":[],"x":01})", errc::bad_json, ""},
      {chat, R"({"model":"m","messages":[],"x":[1,})", errc::bad_json, ""},
      {chat, "{\"model\":\"m\",\"messages\":[],\"x\":\"\xff\"}", errc::bad_json, ""},
      {chat, R"({"model":"m","messages":)" + std::string(100'000, '['), errc::bad_json, ""},
      {chat, R"({"model":"m","x":)" + std::string(100'000, '['), errc::bad_json, ""},
      {embeddings, R"({"model":"m"})", errc::bad_request, "input"},
      {embeddings, R"({"model":"m","input":5})", errc::bad_request, "input"},
      {completion, R"({"model":"m","prompt":{}})", errc::bad_request, "prompt"},
  };
  for (const auto& c : cases) {
    auto facts = scan_request(c.op, c.body);
    ASSERT_FALSE(facts) << c.body.substr(0, 100);
    EXPECT_EQ(facts.error().code, c.code) << c.body.substr(0, 100) << facts.error().message;
    EXPECT_EQ(facts.error().param, c.param) << c.body.substr(0, 100);
  }
}

TEST(OpenaiRequest, EveryCutAndEveryNulIsRefused) {
  for (std::size_t i = 0; i < small.size(); ++i) {
    EXPECT_FALSE(scan_request(operation::chat, small.substr(0, i))) << i;
    std::string text{small};
    text[i] = '\0';
    EXPECT_FALSE(scan_request(operation::chat, text)) << i;
  }
}

TEST(OpenaiRequest, Inputs) {
  auto f = good(operation::embeddings, R"({"model":"m","input":["a","",[1,2,3],"b"]})");
  EXPECT_EQ(f.messages, 4u);
  EXPECT_EQ(f.texts.size(), 2u);
  EXPECT_EQ(f.given_tokens, 3u);
  f = good(operation::embeddings, R"({"model":"m","input":[5,6]})");
  EXPECT_EQ(f.messages, 1u);
  EXPECT_EQ(f.given_tokens, 2u);
  f = good(operation::completion, R"({"model":"m","prompt":"p","suffix":"s","best_of":4,"n":2})");
  EXPECT_EQ(f.texts.size(), 2u);
  EXPECT_EQ(f.choices, 4u);
  EXPECT_EQ(good(operation::completion, R"({"model":"m"})").messages, 0u);
}

TEST(OpenaiRequest, TextsAreBounded) {
  std::string body = R"({"model":"m","input":[)";
  for (int i = 0; i < 100'000; ++i) body += i ? ",\"ab\"" : "\"ab\"";
  body += "]}";
  auto f = good(operation::embeddings, body);
  ASSERT_EQ(f.texts.size(), request_facts::max_texts);
  EXPECT_TRUE(f.texts.back().json);
  EXPECT_EQ(f.texts.back().raw.data() + f.texts.back().raw.size(), body.data() + body.size() - 3);
}

std::string prepared(std::string_view body, std::string_view model) {
  auto f = good(operation::chat, body);
  json_edit edit{body};
  set_model(edit, f, model);
  if (lacks_usage_option(f)) ask_for_usage(edit, f);
  remove_gateway_fields(edit, f);
  std::string storage;
  return std::string{edit.apply(storage)};
}

TEST(OpenaiRequest, EditsChangeNothingElse) {
  EXPECT_EQ(prepared(small, "gpt-4o-mini"), small);
  EXPECT_EQ(prepared(R"({ "model" : "a" , "messages":[], "seed":1e999})", "b"), R"({ "model" : "b" , "messages":[], "seed":1e999})");
  EXPECT_EQ(prepared(R"({"model":"a","messages":[],"stream":true})", "b"), R"({"model":"b","stream_options":{"include_usage":true},"messages":[],"stream":true})");
  EXPECT_EQ(prepared(R"({"model":"a","messages":[],"stream":true,"stream_options":null})", "a"), R"({"model":"a","messages":[],"stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_EQ(prepared(R"({"model":"a","messages":[],"stream":true,"stream_options":{}})", "a"), R"({"model":"a","messages":[],"stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_EQ(prepared(R"({"model":"a","messages":[],"stream":true,"stream_options":{"x":1}})", "a"), R"({"model":"a","messages":[],"stream":true,"stream_options":{"include_usage":true,"x":1}})");
  EXPECT_EQ(prepared(R"({"model":"a","messages":[],"stream":true,"stream_options":{"include_usage":false}})", "a"), R"({"model":"a","messages":[],"stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_EQ(prepared(R"({"tags":[],"model":"a","messages":[],"cache":{},"fallbacks":[],"guardrails":["x"]})", "b"), R"({"model":"b","messages":[]})");
}

TEST(OpenaiRequest, AModelThatThePathNamesGoesIntoAnyBody) {
  const auto with_model = [](std::string_view body) {
    auto f = scan_request(operation::completion, body, model_from::path);
    EXPECT_TRUE(f.has_value()) << body;
    json_edit edit{body};
    set_model(edit, *f, "m");
    remove_gateway_fields(edit, *f);
    std::string storage;
    return std::string{edit.apply(storage)};
  };
  EXPECT_EQ(with_model("{}"), R"({"model":"m"})");
  EXPECT_EQ(with_model(" { } "), R"( {"model":"m" } )");
  EXPECT_EQ(with_model(R"({"tags":["a"]})"), R"({"model":"m"})");
  EXPECT_EQ(with_model(R"({"tags":["a"],"cache":{}})"), R"({"model":"m"})");
  EXPECT_EQ(with_model(R"({"tags":["a"],"prompt":"p"})"), R"({"model":"m","prompt":"p"})");
  EXPECT_EQ(with_model(R"({"prompt":"p","tags":["a"]})"), R"({"model":"m","prompt":"p"})");
}

}  // namespace
}  // namespace andon::llm::openai
