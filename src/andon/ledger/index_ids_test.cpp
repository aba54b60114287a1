#include "andon/ledger/index_ids.hpp"

#include <gtest/gtest.h>

namespace andon::ledger {
namespace {

request_id id(std::uint64_t high, std::uint64_t low) { return request_id::from_words(high, low); }

TEST(id_table, knows_each_id_by_its_row) {
  id_table table;
  EXPECT_FALSE(table.contains(id(1, 1)));
  for (std::uint32_t n = 0; n < 20'000; ++n) table.push_back(id(n / 100, n * 0x9E3779B97F4A7C15));
  for (std::uint32_t n = 0; n < 20'000; ++n) ASSERT_EQ(table.row_of(id(n / 100, n * 0x9E3779B97F4A7C15)), n);
  for (std::uint32_t n = 20'000; n < 40'000; ++n) ASSERT_FALSE(table.contains(id(n / 100, n * 0x9E3779B97F4A7C15)));
  id_table other;
  other.swap(table);
  EXPECT_TRUE(other.contains(id(0, 0)));
  EXPECT_FALSE(table.contains(id(0, 0)));
  other.clear();
  EXPECT_FALSE(other.contains(id(0, 0)));
}

TEST(id_table, ids_of_one_hash_are_told_apart) {
  constexpr std::uint64_t phi = 0x9e3779b97f4a7c15;  // as std::hash<request_id> mixes
  id_table table;
  for (std::uint64_t n = 0; n < 100; ++n) table.push_back(id(n, n * phi));
  for (std::uint64_t n = 0; n < 100; ++n) ASSERT_EQ(table.row_of(id(n, n * phi)), n);
  EXPECT_FALSE(table.contains(id(100, 100 * phi)));
}

}  // namespace
}  // namespace andon::ledger
