// Against js-tiktoken itself, run by node on the package that the tables come from.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>

#include "andon/base/hashing.hpp"
#include "andon/llm/tokens.hpp"

namespace andon::llm {
namespace {

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  std::array<char, 65536> part;
  while (const std::size_t size = pipe ? std::fread(part.data(), 1, part.size(), pipe.get()) : 0) text.append(part.data(), size);
  return text;
}

TEST(token_vectors, equal_js_tiktoken) {
  ASSERT_FALSE(output_of("node --version 2>/dev/null").empty()) << "node is missing: ./dev setup installs it";
  constexpr int texts = 2700;
  std::istringstream lines(output_of("node " ANDON_TOKEN_VECTORS " " ANDON_TOKEN_PACKAGE " 20261122 " + std::to_string(texts)));
  const token_counter counter;
  std::string hex;
  int seen = 0;
  while (lines >> hex) {
    const std::string text = from_hex(hex).value();
    for (std::size_t id = 0; id < 4; ++id) {
      std::int64_t expected = 0;
      ASSERT_TRUE(lines >> expected);
      EXPECT_EQ(counter.count(static_cast<vocabulary_id>(id), text), tokens{expected}) << hex << " under " << to_string(static_cast<vocabulary_id>(id));
    }
    ++seen;
  }
  EXPECT_GT(seen, texts * 9 / 10);
}

}  // namespace
}  // namespace andon::llm
