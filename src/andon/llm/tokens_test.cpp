#include "andon/llm/tokens.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <ctime>

#include "andon/base/hashing.hpp"
#include "andon/base/random.hpp"
#include "andon/llm/tokens_reference.hpp"

namespace andon::llm {
namespace {

struct vector { std::string_view hex; std::int64_t counts[4]; };
constexpr vector vectors[] = {
#include "andon/llm/token_vectors.inc"
};

std::int64_t count(vocabulary_id id, std::string_view text) { return token_counter().count(id, text).value(); }

/// Fragments that meet every alternative of the patterns, in random order.
std::string random_text(random_source& random, std::size_t parts) {
  static constexpr std::string_view pieces[] = {"hello", " World", "HTTP", "don't", "'LL", "'re", "'S", "'", "\xc5\xbf", " ", "  ", "\n", "\r\n", "\t", "12345", "3.14",
                                                "//", "/", "-->", "{}", "é", "É", "\u0301", "你好世界", "。", "привет", "ДОМ", "ǅ", "ʰ", "\u00a0", "\u2028", "\u0085", "\xff", "\xe4\xbd",
                                                "😀", "½", "٣", "한국어", "a", "A", "1", "aaaaaaaaaaaaaaaaaaaaaaaa", "foo_bar", ";\n\n", "</", "İstanbul"};
  std::string text;
  while (parts-- > 0) text += pieces[random.below(std::size(pieces))];
  return text;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

TEST(vocabulary, finds_every_token_by_its_bytes_and_nothing_else) {
  for (std::size_t id = 0; id < static_cast<std::size_t>(vocabulary_id::count_); ++id) {
    const vocabulary table = vocabulary::embedded(static_cast<vocabulary_id>(id));
    std::uint32_t found = 0;
    for (std::uint32_t rank = 0; rank < table.rank_limit(); ++rank) {
      const std::string_view token = table.token(rank);
      if (token.empty()) continue;
      ASSERT_EQ(table.rank(token), rank);
      ++found;
      if (rank % 64 == 0) { EXPECT_EQ(table.rank(std::string(token) + "\x01\x02\x03\x04"), vocabulary::no_rank); }
    }
    EXPECT_EQ(found, table.size());
  }
  EXPECT_EQ(vocabulary::embedded(vocabulary_id::o200k_base).size(), 199998U);
  EXPECT_EQ(vocabulary::embedded(vocabulary_id::cl100k_base).size(), 100256U);
  EXPECT_EQ(vocabulary::embedded(vocabulary_id::o200k_base).rank(""), vocabulary::no_rank);
}

TEST(token_counter, equals_the_recorded_vectors) {
  for (const vector& each : vectors) {
    const std::string text = from_hex(each.hex).value();
    for (std::size_t id = 0; id < 4; ++id) EXPECT_EQ(count(static_cast<vocabulary_id>(id), text), each.counts[id]) << each.hex << " under " << id;
  }
}

TEST(token_counter, counts_known_sentences) {
  EXPECT_EQ(count(vocabulary_id::cl100k_base, "tiktoken is great!"), 6);
  EXPECT_EQ(count(vocabulary_id::cl100k_base, "antidisestablishmentarianism"), 6);
  EXPECT_EQ(count(vocabulary_id::o200k_base, "hello world"), 2);
  EXPECT_EQ(count(vocabulary_id::o200k_base, ""), 0);
  EXPECT_GT(count(vocabulary_id::o200k_base, "<|endoftext|>"), 1);
}

TEST(pretokenizer, cuts_as_plain_backtracking_does) {
  random_source random(7);
  for (int round = 0; round < 3000; ++round) {
    const std::string text = random_text(random, 1 + random.below(14));
    for (const piece_rule rule : {piece_rule::gpt2, piece_rule::cl100k, piece_rule::o200k}) {
      std::vector<std::size_t> ends;
      for (std::size_t at = 0; at < text.size(); ends.push_back(at)) at = next_piece(rule, text, at);
      ASSERT_EQ(ends, reference::piece_ends(rule, text)) << to_hex(text) << " rule " << static_cast<int>(rule);
    }
  }
}

TEST(merge, equals_the_obvious_merge_for_short_and_long_pieces) {
  random_source random(11);
  const vocabulary table = vocabulary::embedded(vocabulary_id::o200k_base);
  for (int round = 0; round < 300; ++round) {
    std::string piece;
    const std::size_t size = 1 + random.below(round % 3 == 0 ? 400 : 40);
    const std::uint64_t alphabet = round % 2 == 0 ? 2 : 26;
    while (piece.size() < size) piece += static_cast<char>('a' + random.below(alphabet));
    ASSERT_EQ(merged_count(table, piece), reference::merged_count(table, piece)) << piece;
  }
  for (const std::size_t size : {127U, 128U, 129U, 130U}) EXPECT_EQ(merged_count(table, std::string(size, 'q')), reference::merged_count(table, std::string(size, 'q')));
}

TEST(merge, long_pieces_are_not_quadratic) {
  for (const char c : {'a', ' ', '\n', '='}) {
    const std::string once(200'000, c), much(1'000'000, c);
    const double begin = cpu_seconds();
    EXPECT_GT(count(vocabulary_id::o200k_base, once), 1000);
    const double middle = cpu_seconds();
    EXPECT_GT(count(vocabulary_id::o200k_base, much), 5000);
    EXPECT_LT(cpu_seconds() - middle, 12 * (middle - begin) + 0.05) << "for " << static_cast<int>(c);
  }
}

TEST(stream_token_counter, equals_the_whole_text_at_every_split) {
  random_source random(3);
  const token_counter counter;
  for (int round = 0; round < 60; ++round) {
    const std::string text = random_text(random, 20 + random.below(600));
    for (const std::string_view model : {"gpt-4o", "gpt-4", "davinci", "claude-sonnet-4-5"}) {
      const token_profile& profile = token_profile_of(model);
      stream_token_counter stream(counter, profile);
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = 1 + random.below(9);
        stream.feed(std::string_view(text).substr(at, size));
        at += size;
      }
      ASSERT_EQ(stream.count(), counter.count(profile, text)) << to_hex(text) << model;
    }
  }
}

TEST(token_profile, follows_the_model_name) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"gpt-4o-mini-2024-07-18", "o200k"}, {"gpt-4.1-nano", "o200k"}, {"gpt-5-mini", "o200k"}, {"o3-mini", "o200k"}, {"o4-mini", "o200k"}, {"chatgpt-4o-latest", "o200k"},
      {"openai/gpt-4o", "o200k"}, {"ft:gpt-4o-mini:acme::x", "o200k"}, {"openai/gpt-oss-120b", "o200k"}, {"gpt-4", "cl100k"}, {"gpt-4-turbo", "cl100k"}, {"GPT-3.5-Turbo", "cl100k"},
      {"gpt-35-turbo", "cl100k"}, {"text-embedding-3-small", "cl100k"}, {"text-davinci-003", "p50k"}, {"davinci", "r50k"}, {"davinci-002", "cl100k"}, {"claude-3-5-haiku-20241022", "claude"},
      {"us.anthropic.claude-sonnet-4-v1:0", "claude"}, {"gemini-2.5-pro", "gemini"}, {"google/gemma-3-27b-it", "gemini"}, {"meta-llama/Llama-3.3-70B-Instruct", "llama3"}, {"llama-2-7b", "mistral_32k"},
      {"mistral-large-latest", "tekken"}, {"open-mixtral-8x7b", "mistral_32k"}, {"deepseek-chat", "deepseek"}, {"deepseek-r1-distill-qwen-32b", "qwen"}, {"Qwen/Qwen2.5-72B", "qwen"},
      {"something-else", "unknown"}, {"", "unknown"}};
  for (const auto& [model, family] : cases) EXPECT_EQ(token_profile_of(model).family, family) << model;
  EXPECT_TRUE(token_profile_of("gpt-4o").exact);
  EXPECT_FALSE(token_profile_of("claude-3-opus").exact);
  EXPECT_FALSE(token_profile_of("claude-3-opus").source.empty());
}

TEST(token_profile, scales_by_kind_and_rounds_to_the_nearest) {
  const token_profile& claude = token_profile_of("claude-3-opus");
  EXPECT_EQ(token_counter::scaled(claude, {10, 0, 0, 0, 0, 0}), tokens{11});
  EXPECT_EQ(token_counter::scaled(claude, {0, 10, 0, 0, 0, 0}), tokens{6});
  EXPECT_EQ(token_counter().count_by_kind(vocabulary_id::o200k_base, "word 1 ++ \u4f60\u597d \u043f\u0440\n\n   \n"), (token_counter::kinds{1, 1, 1, 3, 2, 1}));
}

TEST(media, images_follow_the_documented_rules) {
  EXPECT_EQ(image_tokens("gpt-4o", {1024, 1024, false}), tokens{765});     // OpenAI's guide: 85 + 4 × 170
  EXPECT_EQ(image_tokens("gpt-4o", {2048, 4096, false}), tokens{1105});    // OpenAI's guide: 85 + 6 × 170
  EXPECT_EQ(image_tokens("gpt-4o", {4096, 8192, true}), tokens{85});
  EXPECT_EQ(image_tokens("gpt-4.1-mini", {1024, 1024, false}), tokens{1659});  // 1024 patches × 1.62
  EXPECT_EQ(image_tokens("claude-sonnet-4", {1000, 1000, false}), tokens{1334});
  EXPECT_EQ(image_tokens("gemini-2.5-flash", {300, 300, false}), tokens{258});
  for (const std::string_view model : {"gpt-4o", "gpt-4o-mini", "o4-mini", "claude-3", "gemini-2.0", "gpt-5", "x"})
    for (const std::uint32_t width : {1U, 100U, 768U, 2000U, 9000U, 4'000'000'000U})
      for (const std::uint32_t height : {1U, 500U, 3000U, 4'000'000'000U})
        EXPECT_LE(image_tokens(model, {width, height, false}), image_tokens(model, {})) << model << width << 'x' << height;
}

TEST(media, audio_is_counted_by_time) {
  EXPECT_EQ(audio_tokens("gpt-4o-audio-preview", 2500), tokens{25});
  EXPECT_EQ(audio_tokens("gemini-2.5-pro", 1000), tokens{32});
  EXPECT_EQ(longest_audio_ms("wav", 48'000), 1000U);
  EXPECT_EQ(longest_audio_ms("mp3", 3'000), 1000U);
}

TEST(file_tokens, grow_with_the_bytes_and_never_are_nothing) {
  EXPECT_EQ(file_tokens(0, 0, 0), tokens{});
  EXPECT_GE(file_tokens(1, 0, 0), tokens{1'600});
  EXPECT_GE(file_tokens(1, 4'000'000, 0), tokens{1'500'000 + 1'600});
  EXPECT_LE(file_tokens(1, 4'000'000, 0), tokens{1'500'000 + 1'610});
  EXPECT_EQ(file_tokens(2, 0, 2), tokens{2 * 32'768});
  EXPECT_GT(file_tokens(std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max(), 5), tokens{});
}

TEST(upper_bound, takes_the_lowest_known_output_limit_times_choices) {
  const token_profile& exact = token_profile_of("gpt-4o");
  reservation_input in{.text = tokens{1000}, .messages = 2, .names = 1, .max_output = 500, .choices = 3, .model_max_output = 400};
  reservation out = upper_bound(exact, in);
  EXPECT_EQ(out.input, tokens{1000 + 2 * 4 + 1 + 3});
  EXPECT_EQ(out.output, tokens{1200});
  EXPECT_TRUE(out.input_is_bound && out.output_is_bound);
  in.media = image_tokens("gpt-4o", {});
  EXPECT_FALSE(upper_bound(exact, in).input_is_bound) << "what images cost is the provider's rule";
  in.media = {};
  in.tools = true;
  EXPECT_FALSE(upper_bound(exact, in).input_is_bound) << "providers rewrite tool definitions";
  in.tools = false;
  in.max_output.reset();
  in.model_max_output = 0;
  out = upper_bound(exact, in);
  EXPECT_EQ(out.output, tokens{3 * 4096});
  EXPECT_FALSE(out.output_is_bound);
  out = upper_bound(token_profile_of("claude-3"), {.text = tokens{10}, .produces_output = false});
  EXPECT_EQ(out.input, tokens{14});
  EXPECT_EQ(out.output, tokens{});
  in.max_output = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(upper_bound(exact, in).output, tokens::max());
}

}  // namespace
}  // namespace andon::llm
