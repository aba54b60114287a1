#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "andon/access/credential.hpp"
#include "andon/access/key_hasher.hpp"
#include "andon/access/key_text.hpp"
#include "andon/access/test_directory.hpp"

namespace andon::access {
namespace {

TEST(key_text, is_random_and_well_formed) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto key = make_key_text();
    EXPECT_EQ(key.reveal().size(), key_text_size);
    EXPECT_TRUE(well_formed(key.reveal()));
    EXPECT_TRUE(seen.insert(std::string(key.reveal())).second);
    const auto id = make_key_id();
    EXPECT_TRUE(id.view().starts_with("key_") && id.view().size() == 24);
    EXPECT_EQ(masked(key.reveal()).size(), key_prefix.size() + 2 + std::string("…").size() + 4);
  }
  EXPECT_EQ(masked("sk-andon-short"), "…");
}

std::vector<std::string> damaged(const std::string& key) {
  std::vector<std::string> out{"", key + "0", key + " ", " " + key, "Bearer " + key, std::string(key_prefix)};
  for (std::size_t n = 0; n < key.size(); ++n) out.push_back(key.substr(0, n));
  for (std::size_t i = 0; i < key.size(); ++i) {
    for (const char c : std::string("0az9-Z\0\xff'\"%", 11)) {
      auto copy = key;
      if (copy[i] == c) continue;
      copy[i] = c;
      out.push_back(copy);
    }
    if (key[i] >= 'a' && key[i] <= 'z') {
      auto copy = key;
      copy[i] = static_cast<char>(key[i] - 32);
      out.push_back(copy);
    }
    if (i + 1 < key.size() && key[i] != key[i + 1]) {
      auto copy = key;
      std::swap(copy[i], copy[i + 1]);
      out.push_back(copy);
    }
  }
  return out;
}

TEST(directory, knows_a_key_and_nothing_like_it) {
  test_directory d;
  d.project("shop");
  const auto key = d.key("web", "shop");
  const auto in = d.build();
  const auto now = wall_time{std::chrono::seconds{1'760'000'000}};
  const auto who = directory::identify(in, key, now);
  ASSERT_TRUE(who);
  EXPECT_EQ((*who)->key.str(), "key_web");
  EXPECT_EQ((*who)->project.str(), "shop");
  for (const auto& text : damaged(key)) {
    const auto refused = directory::identify(in, text, now);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, errc::invalid_key);
    EXPECT_FALSE(text.size() > 12 && refused.error().message.contains(text)) << "an error must not repeat the key";
  }
  EXPECT_EQ(directory::identify(in, make_key_text().reveal(), now).error().code, errc::invalid_key) << "well formed but unknown";
}

TEST(directory, finds_each_of_many_keys) {
  test_directory d;
  d.project("shop");
  std::vector<std::string> keys;
  for (int i = 0; i < 2000; ++i) keys.push_back(d.key(std::to_string(i), "shop"));
  const auto in = d.build();
  for (int i = 0; i < 2000; ++i) EXPECT_EQ((*directory::identify(in, keys[static_cast<std::size_t>(i)], {}))->name, std::to_string(i));
}

TEST(key_hasher, equals_hmac_sha256) {
  for (std::size_t pepper : {0U, 1U, 32U, 63U, 64U, 65U, 200U}) {
    const std::string secret_text(pepper, 'p');
    const key_hasher hasher{secret{secret_text}};
    for (std::size_t n : {0U, 1U, 47U, 55U, 56U, 64U, 1000U}) {
      const std::string text(n, 'k');
      EXPECT_EQ(to_hex(hasher.hash(text)), to_hex(hmac_sha256(secret_text, text))) << pepper << ' ' << n;
    }
  }
}

struct pair { std::string_view name, value; };
struct credential_case { std::vector<pair> headers; std::string_view key; errc code; };

TEST(credential, is_found_in_every_header_clients_use) {
  using enum errc;
  const std::vector<credential_case> cases{
      {{{"Authorization", "Bearer k1"}}, "k1", none},
      {{{"authorization", "bearer \t k1 "}}, "k1", none},
      {{{"X-Api-Key", "k1"}}, "k1", none},
      {{{"api-key", " k1"}}, "k1", none},
      {{{"x-goog-api-key", "k1"}}, "k1", none},
      {{{"Authorization", "Bearer k1"}, {"x-api-key", "k1"}}, "k1", none},
      {{{"Authorization", "Basic abc"}, {"x-api-key", "k1"}}, "k1", none},
      {{{"x-api-key", ""}, {"api-key", "k1"}}, "k1", none},
      {{{"Authorization", "Bearer k1"}, {"x-api-key", "k2"}}, "", invalid_key},
      {{{"Authorization", "Bearer k1"}, {"Authorization", "Bearer k2"}}, "", invalid_key},
      {{{"x-api-key", "k1"}, {"x-api-key", "k10"}}, "", invalid_key},
      {{{"Authorization", "Basic abc"}}, "", invalid_key},
      {{{"Authorization", "k1"}}, "", invalid_key},
      {{{"Authorization", "Bearerk1"}}, "", invalid_key},
      {{{"Authorization", "Bearer"}}, "", missing_key},
      {{{"Authorization", "Bearer  "}}, "", missing_key},
      {{{"Authorization", ""}}, "", missing_key},
      {{{"x-api-keys", "k1"}, {"xapi-key", "k1"}, {"host", "k1"}}, "", missing_key},
      {{}, "", missing_key}};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto found = find_credential(cases[i].headers);
    ASSERT_EQ(found.has_value(), cases[i].code == none) << i;
    if (found) EXPECT_EQ(*found, cases[i].key) << i;
    else EXPECT_EQ(found.error().code, cases[i].code) << i;
  }
}

class secret_file : public testing::Test {
protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("andon-secret-" + std::to_string(::getpid()));
};

TEST_F(secret_file, is_private_and_stays_the_same) {
  const auto file = folder_ / "pepper";
  const auto first = load_or_make_pepper(file);
  ASSERT_TRUE(first);
  struct stat about {};
  ASSERT_EQ(::stat(file.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
  EXPECT_EQ(load_or_make_pepper(file)->reveal(), first->reveal());
  EXPECT_NE(load_or_make_pepper(folder_ / "other")->reveal(), first->reveal());
  ::chmod(file.c_str(), 0640);
  EXPECT_EQ(load_or_make_pepper(file).error().code, errc::forbidden);
  ::chmod(file.c_str(), 0600);
  std::ofstream(file) << "short";
  EXPECT_EQ(load_or_make_pepper(file).error().code, errc::corrupt);
  EXPECT_EQ(read_secret_file(folder_ / "absent").error().code, errc::not_found);
}

}  // namespace
}  // namespace andon::access
