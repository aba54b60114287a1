#include "andon/llm/dialect/openai_embeddings.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "andon/base/random.hpp"
#include "andon/llm/dialect/openai_reply.hpp"
#include "andon/llm/dialect/openai_request.hpp"

namespace andon::llm::openai {
namespace {

std::optional<embedding_request> read(std::string_view body) {
  const auto facts = scan_request(operation::embeddings, body);
  EXPECT_TRUE(facts) << body;
  return read_embedding_request(*facts, body);
}

TEST(openai_embeddings, finds_the_inputs_in_every_form) {
  struct row { const char* body; std::vector<std::string_view> inputs; bool tokens; };
  for (const auto& [body, inputs, tokens] : {row{R"({"model":"m","input":"a\"b"})", {R"("a\"b")"}, false},
                                             row{R"({"model":"m","input":[ "a" , "b" ]})", {R"("a")", R"("b")"}, false},
                                             row{R"({"model":"m","input":[1, 2]})", {"[1, 2]"}, true},
                                             row{R"({"model":"m","input":[[1,2],[3]]})", {"[1,2]", "[3]"}, true}}) {
    const auto got = read(body);
    ASSERT_TRUE(got) << body;
    EXPECT_EQ(got->inputs, inputs) << body;
    EXPECT_EQ(got->tokens, tokens) << body;
    EXPECT_EQ(got->options, "");
  }
}

TEST(openai_embeddings, what_cannot_be_joined) {
  for (const char* input : {R"(["a",[1]])", R"(["a",1])", "[1,[2]]", R"([{"text":"a"}])", "[null]"}) {
    const auto body = std::string(R"({"model":"m","input":)") + input + "}";
    const auto facts = scan_request(operation::embeddings, body);
    if (facts) EXPECT_FALSE(read_embedding_request(*facts, body)) << input;
  }
  const std::string twice = R"({"model":"m","input":"a","extra":1,"extra":2})";
  const auto facts = scan_request(operation::embeddings, twice);
  ASSERT_TRUE(facts);
  EXPECT_FALSE(read_embedding_request(*facts, twice));
}

TEST(openai_embeddings, options_are_all_else_in_one_order) {
  const auto a = read(R"({"user":"u","input":"x","model":"m","dimensions":3,"encoding_format":"float","tags":["t"]})");
  const auto b = read(R"({"encoding_format":"float","dimensions":3,"model":"other","user":"u","input":["y"]})");
  const auto c = read(R"({"encoding_format":"base64","dimensions":3,"model":"m","user":"u","input":["y"]})");
  ASSERT_TRUE(a && b && c);
  EXPECT_EQ(a->options, R"("dimensions":3,"encoding_format":"float","user":"u")");
  EXPECT_EQ(a->options, b->options);
  EXPECT_NE(a->options, c->options);
  const std::vector<std::string_view> inputs{a->inputs[0], b->inputs[0]};
  const auto joined = join_embedding_requests("m", a->options, inputs);
  EXPECT_EQ(joined, R"({"model":"m","dimensions":3,"encoding_format":"float","user":"u","input":["x","y"]})");
  EXPECT_TRUE(scan_request(operation::embeddings, joined));
  EXPECT_EQ(join_embedding_requests("", "", inputs), R"({"input":["x","y"]})");
}

TEST(openai_embeddings, a_reply_is_taken_apart_by_index) {
  const std::string body = R"({"object":"list","data":[{"object":"embedding","index":2,"embedding":[3]},{"index" : 0,"embedding":[1]},{"object":"embedding","embedding":[2],"index":1}],"model":"m-1","usage":{"prompt_tokens":9,"total_tokens":9}})";
  const auto got = read_embedding_reply(body, 3);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(embedding_reply_part(*got, 0, 1, 4), R"({"object":"list","model":"m-1","data":[{"index" : 0,"embedding":[1]}],"usage":{"prompt_tokens":4,"total_tokens":4}})");
  EXPECT_EQ(embedding_reply_part(*got, 1, 2, -1), R"({"object":"list","model":"m-1","data":[{"object":"embedding","embedding":[2],"index":0},{"object":"embedding","index":1,"embedding":[3]}]})");
  const auto facts = scan_reply(operation::embeddings, embedding_reply_part(*got, 1, 2, 5));
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->use->input.value(), 5);
  EXPECT_FALSE(read_embedding_reply(body, 2));
  EXPECT_FALSE(read_embedding_reply(body, 4));
  EXPECT_FALSE(read_embedding_reply(R"({"data":[{"index":0},{"index":0}]})", 2)) << "one index twice";
  EXPECT_FALSE(read_embedding_reply(R"({"data":[{"index":0},{"index":7}]})", 2));
  EXPECT_FALSE(read_embedding_reply(R"({"data":[1]})", 1));
  const auto plain = read_embedding_reply(R"({"data":[{"embedding":[1]},{"embedding":[2]}]})", 2);
  ASSERT_TRUE(plain) << "without any index the order counts";
  EXPECT_EQ(embedding_reply_part(*plain, 1, 1, -1), R"({"data":[{"embedding":[2]}]})");
}

TEST(openai_embeddings, every_split_of_a_reply_puts_its_entries_back_together) {
  random_source random{7};
  for (int round = 0; round < 200; ++round) {
    const auto count = 1 + random.below(12);
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    std::string body = R"({"object":"list","data":[)";
    for (std::size_t i = 0; i < count; ++i) body += (i ? "," : "") + std::string(R"({"index":)") + std::to_string(order[i]) + R"(,"embedding":[)" + std::to_string(order[i] * 11) + "]}";
    body += "]}";
    const auto whole = read_embedding_reply(body, count);
    ASSERT_TRUE(whole);
    for (std::size_t first = 0; first < count;) {
      const auto size = 1 + random.below(count - first);
      const auto text = embedding_reply_part(*whole, first, size, 1);
      const auto part = read_embedding_reply(text, size);
      ASSERT_TRUE(part);
      for (std::size_t i = 0; i < size; ++i)
        EXPECT_EQ(part->entries[i].object, R"({"index":)" + std::to_string(i) + R"(,"embedding":[)" + std::to_string((first + i) * 11) + "]}");
      first += size;
    }
  }
}

TEST(openai_embeddings, shares_add_up_and_differ_by_less_than_one_from_the_proportion) {
  random_source random{9};
  for (int round = 0; round < 500; ++round) {
    std::vector<std::int64_t> weights(1 + random.below(20));
    for (auto& one : weights) one = static_cast<std::int64_t>(random.below(50));
    const auto total = static_cast<std::int64_t>(random.below(1'000'000'000'000));
    const auto got = share_out(total, weights);
    EXPECT_EQ(std::accumulate(got.begin(), got.end(), std::int64_t{0}), total);
    const auto sum = std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
    for (std::size_t i = 0; sum > 0 && i < got.size(); ++i)
      EXPECT_NEAR(static_cast<double>(got[i]), static_cast<double>(total) * static_cast<double>(weights[i]) / static_cast<double>(sum), 1.01);
  }
  EXPECT_EQ(share_out(7, std::vector<std::int64_t>{3, 4}), (std::vector<std::int64_t>{3, 4})) << "exact where it is";
  EXPECT_EQ(share_out(3, std::vector<std::int64_t>{0, 0, 0}), (std::vector<std::int64_t>{1, 1, 1}));
  EXPECT_TRUE(share_out(3, {}).empty());
}

}  // namespace
}  // namespace andon::llm::openai
