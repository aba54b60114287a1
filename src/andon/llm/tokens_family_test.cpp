// Scaled counts against the families' own tokenizers. The truths were printed by the packages named in tokens_profile.cpp.
#include <gtest/gtest.h>

#include <string>

#include "andon/llm/tokens.hpp"
#include "andon/llm/tokens_passages.hpp"

namespace andon::llm {
namespace {

struct truth { std::string_view model; std::int64_t english, code, chinese; };
constexpr truth truths[] = {{"claude-sonnet-4-5", 99, 157, 116}, {"gemini-2.5-pro", 101, 173, 78}, {"llama-3.3-70b", 97, 147, 90},
                            {"mistral-7b-instruct", 105, 179, 129}, {"qwen2.5-72b", 99, 147, 71}, {"deepseek-chat", 98, 150, 70}};

TEST(token_family, counts_within_a_tenth_on_english_code_and_chinese) {
  const token_counter counter;
  for (const truth& each : truths) {
    const token_profile& profile = token_profile_of(each.model);
    const auto within = [&](std::string_view text, std::int64_t real) {
      const auto found = static_cast<double>(counter.count(profile, text).value()), wanted = static_cast<double>(real);
      EXPECT_NEAR(found, wanted, 0.1 * wanted) << each.model << " on " << text.substr(0, 20);
      EXPECT_GE(upper_bound(profile, {.text = counter.count(profile, text)}).input.value(), real) << each.model;
    };
    within(passages::english, each.english);
    within(passages::code, each.code);
    within(passages::chinese, each.chinese);
  }
}

}  // namespace
}  // namespace andon::llm
