#include "andon/llm/dialect/openai_stream.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "andon/llm/dialect/openai_reply.hpp"

namespace andon::llm::openai {
namespace {

std::string chunk(std::string_view choices, std::string_view rest = "") {
  return R"({"id":"c1","object":"chat.completion.chunk","created":7,"model":"m-1","choices":[)" + std::string{choices} + "]" + std::string{rest} + "}";
}
std::string delta(std::string_view inside, std::string_view finish = "null", int index = 0) {
  return R"({"index":)" + std::to_string(index) + R"(,"delta":{)" + std::string{inside} + R"(},"finish_reason":)" + std::string{finish} + "}";
}

TEST(OpenaiStream, AssemblesAChat) {
  stream_assembler s{operation::chat};
  auto first = s.feed(chunk(delta(R"("role":"assistant","content":"","refusal":null)")));
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->has_content);
  EXPECT_EQ(first->kind, event_kind::chunk);
  EXPECT_TRUE(s.feed(chunk(delta(R"("content":"Hel\ud83d")")))->has_content);
  EXPECT_TRUE(s.feed(chunk(delta(R"("content":"\ude00lo")"), R"(,"obfuscation":"zz")"))->has_content);
  EXPECT_FALSE(s.feed(chunk(delta("", "\"stop\"")))->has_content);
  EXPECT_EQ(s.verdict(), completeness::open);
  EXPECT_TRUE(s.all_finished());
  ASSERT_TRUE(s.feed(chunk("", R"(,"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5})")));
  EXPECT_EQ(s.feed("[DONE]")->kind, event_kind::done);
  EXPECT_EQ(s.verdict(), completeness::complete);
  EXPECT_EQ(s.assemble(), R"({"object":"chat.completion","id":"c1","created":7,"model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hel\ud83d\ude00lo","refusal":null},)"
                          R"("finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})");
  EXPECT_EQ(s.use()->output, tokens{2});
  EXPECT_EQ(s.model(), "m-1");
  EXPECT_EQ(s.id(), "c1");
  EXPECT_EQ(s.finish_reason(), "stop");
  EXPECT_EQ(s.events(), 6u);
  EXPECT_TRUE(scan_reply(operation::chat, s.assemble()));
}

TEST(OpenaiStream, MergesToolCallsOfSeveralChoices) {
  stream_assembler s{operation::chat, {.choices = 2}};
  auto feed = [&](std::string text) { auto e = s.feed(text); ASSERT_TRUE(e) << e.error().message; };
  feed(chunk(delta(R"("role":"assistant","content":null,"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}])")));
  feed(chunk(delta(R"("tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":"}}])")));
  feed(chunk(delta(R"("tool_calls":[{"index":0,"function":{"name":"f","arguments":"1}"}},{"index":1,"function":{"arguments":"{}"}}])")));
  feed(chunk(delta(R"("reasoning_content":"hm","function_call":{"name":"q","arguments":"{"})", "null", 1)));
  feed(chunk(delta(R"("reasoning_content":"m","function_call":{"arguments":"}"})", "\"tool_calls\"", 1)));
  EXPECT_FALSE(s.all_finished());
  feed(chunk(delta("", "\"tool_calls\"")));
  EXPECT_TRUE(s.all_finished());
  EXPECT_EQ(s.assemble(), R"({"object":"chat.completion","id":"c1","created":7,"model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[)"
                          R"({"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"},)"
                          R"({"index":1,"message":{"reasoning_content":"hmm","function_call":{"name":"q","arguments":"{}"},"role":"assistant","content":null},"finish_reason":"tool_calls"}]})");
  std::string texts;
  s.visit_texts([&](std::string_view raw) { texts += raw; texts += '|'; });
  EXPECT_EQ(texts, R"(f|{\"x\":1}|g|{}|hmm|q|{}|)");
}

TEST(OpenaiStream, LogprobsAudioAndAnnotationsGrow) {
  stream_assembler s{operation::chat};
  auto feed = [&](std::string text) { auto e = s.feed(text); ASSERT_TRUE(e) << e.error().message; };
  feed(chunk(R"({"index":0,"delta":{"content":"a","audio":{"id":"au","data":"AA","transcript":"x"}},"logprobs":{"content":[{"token":"a","logprob":-0.5}],"refusal":null},"finish_reason":null})"));
  feed(chunk(R"({"index":0,"delta":{"content":"b","audio":{"data":"BB","transcript":"y","expires_at":5},"annotations":[{"type":"url"}]},"logprobs":{"content":[{"token":"b","logprob":-1}]},"finish_reason":"stop"})"));
  auto whole = s.assemble();
  EXPECT_NE(whole.find(R"("audio":{"id":"au","data":"AABB","transcript":"xy","expires_at":5})"), std::string::npos) << whole;
  EXPECT_NE(whole.find(R"("logprobs":{"content":[{"token":"a","logprob":-0.5},{"token":"b","logprob":-1}],"refusal":null})"), std::string::npos) << whole;
  EXPECT_NE(whole.find(R"("annotations":[{"type":"url"}])"), std::string::npos) << whole;
}

TEST(OpenaiStream, AssemblesCompletions) {
  stream_assembler s{operation::completion};
  ASSERT_TRUE(s.feed(R"({"id":"x","object":"text_completion","choices":[{"text":" a","index":0,"logprobs":null,"finish_reason":null}],"model":"b","usage":null})")->has_content);
  ASSERT_TRUE(s.feed(R"({"id":"x","object":"text_completion","choices":[{"text":"b","index":0,"logprobs":null,"finish_reason":"length"}],"model":"b","usage":null})"));
  EXPECT_EQ(s.assemble(), R"({"object":"text_completion","id":"x","model":"b","choices":[{"index":0,"text":" ab","logprobs":null,"finish_reason":"length"}]})");
  EXPECT_EQ(s.content_bytes(), 3u);
}

TEST(OpenaiStream, WithholdsUsageNobodyAskedFor) {
  stream_assembler s{operation::chat, {.client_wants_usage = false}};
  std::string storage;
  for (std::string text : {chunk(delta(R"("content":"a")"), R"(,"usage":null)"), chunk(delta(R"("content":"a")"), R"(,"usage":null)"),
                           std::string{R"({"usage":null,"id":"c1","choices":[]})"}, std::string{R"({"usage":null,"id":"c1","choices":[]})"}}) {
    auto e = s.feed(text);
    ASSERT_TRUE(e);
    EXPECT_EQ(e->action, event_action::edit) << text;
    auto sent = stream_assembler::without_usage(text, *e, storage);
    EXPECT_EQ(sent.find("usage"), std::string::npos);
    EXPECT_TRUE(stream_assembler(operation::chat).feed(sent)) << sent;
  }
  EXPECT_EQ(s.feed(chunk("", R"(,"usage":{"prompt_tokens":3,"completion_tokens":2})"))->action, event_action::withhold);
  EXPECT_EQ(s.feed(chunk(delta(R"("content":"a")"), R"(,"usage":{"prompt_tokens":3,"completion_tokens":9})"))->action, event_action::forward);
  EXPECT_EQ(s.use()->output, tokens{9});
  stream_assembler asked{operation::chat};
  EXPECT_EQ(asked.feed(chunk(delta(""), R"(,"usage":null)"))->action, event_action::forward);
  EXPECT_EQ(asked.feed(chunk("", R"(,"usage":{"prompt_tokens":3})"))->action, event_action::forward);
}

TEST(OpenaiStream, FailuresAndBrokenEvents) {
  stream_assembler s{operation::chat};
  ASSERT_TRUE(s.feed(chunk(delta(R"("content":"a")"))));
  for (std::string_view bad : {"{", "[]", "5", R"({"choices":{}})", R"({"choices":[1]})", "{\"choices\":[],\"x\":\"\xff\"}", "{}x", "<html>"}) {
    auto e = s.feed(bad);
    ASSERT_FALSE(e) << bad;
    EXPECT_EQ(e.error().code, errc::upstream_bad_reply);
  }
  EXPECT_FALSE(s.feed(R"({"choices":[{"delta":{"content":"b","x":[{"index":0,"y":me}]}}]})"));
  EXPECT_TRUE(scan_reply(operation::chat, s.assemble())) << s.assemble();
  for (auto part : {R"("z":"c")", R"("z":[1])", R"("z":{"k":[]})", R"("z":"d")", R"("z":null)", R"("z":5)"}) {
    EXPECT_TRUE(s.feed(chunk(delta(part)))) << part;
    EXPECT_TRUE(scan_reply(operation::chat, s.assemble())) << s.assemble();
  }
  EXPECT_EQ(s.feed("")->kind, event_kind::other);
  EXPECT_EQ(s.feed(R"({"type":"ping"})")->kind, event_kind::other);
  auto e = s.feed(R"({"error":{"message":"overloaded","type":"server_error"}})");
  ASSERT_TRUE(e);
  EXPECT_EQ(e->kind, event_kind::failure);
  EXPECT_EQ(s.verdict(), completeness::failed);
  EXPECT_EQ(s.failure()->message, "overloaded");
  EXPECT_NE(s.assemble().find(R"("error":{"message":"overloaded")"), std::string::npos);
  stream_assembler named{operation::chat};
  EXPECT_EQ(named.feed("out of memory", "error")->kind, event_kind::failure);
  EXPECT_EQ(named.failure()->message, "out of memory");
}

TEST(OpenaiStream, NothingCountsAfterTheEnd) {
  stream_assembler s{operation::chat};
  ASSERT_TRUE(s.feed(" [DONE] "));
  EXPECT_EQ(s.feed("[DONE]")->action, event_action::withhold);
  EXPECT_EQ(s.feed(chunk(delta(R"("content":"late")")))->action, event_action::withhold);
  EXPECT_EQ(s.assemble().find("late"), std::string::npos);
}

TEST(OpenaiStream, AnEndMarkerBeforeTheFinishEndsNothing) {
  stream_assembler s{operation::chat};
  EXPECT_FALSE(s.whole());
  ASSERT_TRUE(s.feed(chunk(delta(R"("role":"assistant","content":"Hel")"))));
  EXPECT_FALSE(s.whole());
  EXPECT_TRUE(s.continuable());
  const auto last = s.feed(chunk(delta("", "\"stop\"")));
  EXPECT_TRUE(last->finishes);
  EXPECT_TRUE(s.whole());
  EXPECT_FALSE(s.continuable());
  const auto again = s.feed(chunk(delta("", "\"stop\"")));
  EXPECT_EQ(again->action, event_action::withhold);
  EXPECT_EQ(s.feed(chunk(delta("", "\"stop\""), R"(,"usage":{"prompt_tokens":3})"))->action, event_action::forward);
}

TEST(OpenaiStream, AnEmptyFinishReasonFinishesNothing) {
  stream_assembler s{operation::chat};
  EXPECT_FALSE(s.feed(chunk(delta(R"("content":"a")", "\"\"")))->finishes);
  EXPECT_FALSE(s.whole());
  EXPECT_TRUE(s.feed(chunk(delta(R"("content":"b")", "\"stop\"")))->finishes);
  EXPECT_EQ(s.feed(chunk(delta("", "\"\"")))->action, event_action::forward);
  EXPECT_TRUE(s.whole());
  EXPECT_EQ(s.finish_reason(), "stop");
}

TEST(OpenaiStream, OnlyPlainTextOfOneChoiceIsContinuable) {
  const auto continuable = [](std::initializer_list<std::string> chunks) {
    stream_assembler s{operation::chat};
    for (const auto& one : chunks) EXPECT_TRUE(s.feed(one));
    return s.continuable();
  };
  EXPECT_TRUE(continuable({chunk(delta(R"("role":"assistant","content":"","refusal":null)")), chunk(delta(R"("content":"a")"))}));
  EXPECT_TRUE(continuable({chunk(delta(R"("reasoning_content":"hm")")), chunk(delta(R"("content":"a")"))}));
  EXPECT_FALSE(continuable({chunk(delta(R"("role":"assistant","content":"")"))}));
  EXPECT_FALSE(continuable({chunk(delta(R"("reasoning_content":"hm")"))}));
  EXPECT_FALSE(continuable({chunk(delta(R"("content":"a","refusal":"no")"))}));
  EXPECT_FALSE(continuable({chunk(delta(R"("content":"a","tool_calls":[{"index":0,"id":"t"}])"))}));
  EXPECT_FALSE(continuable({chunk(delta(R"("content":"a")")), chunk(delta(R"("content":"b")", "null", 1))}));
  EXPECT_FALSE(continuable({chunk(R"({"index":0,"delta":{"content":"a"},"logprobs":{"content":[]},"finish_reason":null})")}));
}

TEST(OpenaiStream, ResumesWithWhatWasGood) {
  stream_assembler s{operation::chat};
  ASSERT_TRUE(s.feed(chunk(delta(R"("role":"assistant","content":"Hel")"))));
  const auto good = s.content().size();
  EXPECT_FALSE(s.feed(R"({"choices":[{"index":0,"delta":{"content":"garbage"}}],"x":)"));
  ASSERT_TRUE(s.feed(R"({"error":{"message":"overloaded"}})"));
  s.resume(good);
  EXPECT_EQ(s.content(), "Hel");
  EXPECT_FALSE(s.failure());
  ASSERT_TRUE(s.feed(chunk(delta(R"("content":"lo")", "\"stop\""))));
  ASSERT_TRUE(s.feed("[DONE]"));
  EXPECT_EQ(s.verdict(), completeness::complete);
  EXPECT_NE(s.assemble().find(R"("content":"Hello")"), std::string::npos);
  EXPECT_EQ(s.assemble().find("overloaded"), std::string::npos);
  EXPECT_EQ(s.head("id"), "\"c1\"");
}

TEST(OpenaiStream, MemoryIsBounded) {
  stream_assembler s{operation::chat, {.max_assembled = 10'000}};
  std::string big = chunk(delta(R"("content":")" + std::string(1'000, 'x') + "\""));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(s.feed(big)->has_content);
  EXPECT_TRUE(s.assembled_truncated());
  EXPECT_LT(s.assemble().size(), 11'000u);
  stream_assembler many{operation::chat, {.max_assembled = 100'000}};
  for (int i = 0; i < 5'000; ++i) ASSERT_TRUE(many.feed(chunk(delta(R"("content":"y")", "null", i))));
  EXPECT_LT(many.assemble().size(), 300'000u);
}

}  // namespace
}  // namespace andon::llm::openai
