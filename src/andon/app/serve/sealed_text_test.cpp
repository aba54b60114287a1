#include "andon/app/serve/sealed_text.hpp"

#include <gtest/gtest.h>

namespace andon::app {
namespace {

const secret pepper{"a pepper of thirty-two bytes or so"};

TEST(sealed_text, opens_as_it_was_and_shows_nothing) {
  const auto texts = text_keeper_of(std::nullopt, pepper).value();
  const std::string plain = "providers: { a: { key: sk-secret-in-clear } }\n";
  const auto sealed = texts.seal(plain).value();
  EXPECT_EQ(sealed.find("secret"), std::string::npos);
  EXPECT_NE(sealed, texts.seal(plain).value()) << "the same text twice is not seen";
  EXPECT_EQ(texts.open(sealed).value(), plain);
  EXPECT_EQ(texts.open(texts.seal("").value()).value(), "");
}

TEST(sealed_text, does_not_open_when_changed_or_under_another_key) {
  const auto texts = text_keeper_of(std::nullopt, pepper).value(), others = text_keeper_of(secret{std::string(64, 'a')}, pepper).value();
  auto sealed = texts.seal("routes: {}\n").value();
  EXPECT_EQ(others.open(sealed).error().code, errc::corrupt);
  EXPECT_EQ(others.open(others.seal("x").value()).value(), "x");
  sealed[40] = sealed[40] == '0' ? '1' : '0';
  EXPECT_EQ(texts.open(sealed).error().code, errc::corrupt);
  EXPECT_EQ(texts.open("routes: {}").error().code, errc::corrupt);
  EXPECT_FALSE(text_keeper_of(secret{"no key"}, pepper));
}

}  // namespace
}  // namespace andon::app
