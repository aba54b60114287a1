#include "andon/app/serve/file_watch.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "andon/base/random.hpp"

namespace andon::app {
namespace {

TEST(file_watch, says_each_change_once) {
  const auto path = std::filesystem::temp_directory_path() / ("andon-watch-" + std::to_string(secure_seed()));
  const auto write = [&](const std::string& text) { std::ofstream(path, std::ios::trunc) << text; };
  write("a: 1");
  file_watch watch(path);
  EXPECT_EQ(watch.look(), file_change::none);
  write("a: 12");
  EXPECT_EQ(watch.look(), file_change::changed);
  EXPECT_EQ(watch.look(), file_change::none);
  write("");
  EXPECT_EQ(watch.look(), file_change::none) << "an editor has emptied it and is about to write";
  write("b: 123");
  EXPECT_EQ(watch.look(), file_change::changed);
  std::filesystem::remove(path);
  EXPECT_EQ(watch.look(), file_change::gone);
  EXPECT_EQ(watch.look(), file_change::none);
  write("b: 1234567");
  EXPECT_EQ(watch.look(), file_change::changed);
  std::filesystem::remove(path);
}

TEST(file_watch, without_a_file_there_is_nothing_to_say) {
  file_watch watch("");
  EXPECT_EQ(watch.look(), file_change::none);
}

}  // namespace
}  // namespace andon::app
