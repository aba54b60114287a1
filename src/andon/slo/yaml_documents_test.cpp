#include "andon/slo/yaml_documents.hpp"

#include <gtest/gtest.h>

namespace andon::slo {
namespace {

TEST(yaml_documents, are_read_one_after_the_other) {
  EXPECT_EQ(yaml_documents("").size(), 0U);
  EXPECT_EQ(yaml_documents("a: 1\n").size(), 1U);
  EXPECT_EQ(yaml_documents("# only a comment\n").size(), 0U);
  const auto three = yaml_documents("---\na: 1\n---\nb: 2\n---\n[ 3 ]\n");
  ASSERT_EQ(three.size(), 3U);
  EXPECT_EQ(three[1]["b"].as<int>(), 2);
  EXPECT_EQ(yaml_documents("---\n---\n---\n").size(), 3U);
}

TEST(yaml_documents, text_that_leads_nowhere_is_an_error) {
  for (const char* text : {",ei", ",", "]", "}", "---\n,"}) EXPECT_THROW((void)yaml_documents(text), YAML::Exception) << text;
}

}  // namespace
}  // namespace andon::slo
