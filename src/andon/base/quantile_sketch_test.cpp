#include "andon/base/quantile_sketch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "andon/base/random.hpp"

namespace andon {
namespace {

double exact(std::vector<double> values, double q) {
  std::ranges::sort(values);
  const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size()))));
  return values[rank - 1];
}

TEST(quantile_sketch, every_quantile_is_within_its_error) {
  random_source random{3};
  for (int round = 0; round < 20; ++round) {
    quantile_sketch sketch;
    std::vector<double> values;
    for (int i = 0; i < 3000; ++i) values.push_back(std::exp(random.unit() * 20 - 4));
    for (const double v : values) sketch.add(v);
    for (const double q : {0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0}) {
      const double want = exact(values, q);
      EXPECT_LE(std::abs(*sketch.quantile(q) - want), want * quantile_sketch::relative_error * 1.0001) << q;
    }
    for (const double bound : {0.1, 1.0, 30.0, 1e5}) {
      const auto at_most = [&](double b) { return static_cast<std::uint64_t>(std::ranges::count_if(values, [b](double v) { return v <= b; })); };
      EXPECT_GE(sketch.count_at_most(bound), at_most(bound * 0.98));
      EXPECT_LE(sketch.count_at_most(bound), at_most(bound * 1.02));
    }
  }
}

TEST(quantile_sketch, merging_is_adding_in_any_order) {
  random_source random{5};
  quantile_sketch whole, a, b, c;
  for (int i = 0; i < 5000; ++i) {
    const double v = i % 17 == 0 ? 0 : std::exp(random.unit() * 10);
    whole.add(v);
    (i % 3 == 0 ? a : i % 3 == 1 ? b : c).add(v);
  }
  quantile_sketch left = a, right = c;
  left.merge(b);
  left.merge(c);
  right.merge(a);
  right.merge(b);
  EXPECT_EQ(left, whole);
  EXPECT_EQ(right, whole);
}

TEST(quantile_sketch, odd_numbers_do_no_harm) {
  quantile_sketch sketch;
  EXPECT_FALSE(sketch.quantile(0.5));
  for (const double v : {-1.0, 0.0, std::nan(""), static_cast<double>(INFINITY), 1e-300, 1e300}) sketch.add(v);
  EXPECT_EQ(sketch.count(), 6U);
  EXPECT_EQ(*sketch.quantile(0.5), 0.0);
  EXPECT_GT(*sketch.quantile(1), 1e17);
}

TEST(quantile_sketch, stays_small_and_keeps_high_quantiles) {
  quantile_sketch sketch;
  std::vector<double> values;
  for (int i = 0; i < 4000; ++i) values.push_back(std::pow(1.0137, i - 2000));
  for (const double v : values) sketch.add(v);
  std::string bytes;
  sketch.encode(bytes);
  EXPECT_LT(bytes.size(), quantile_sketch::max_buckets * 4);
  EXPECT_NEAR(*sketch.quantile(0.99) / exact(values, 0.99), 1, 0.0101);
}

TEST(quantile_sketch, bytes_come_back_or_are_refused) {
  random_source random{9};
  for (int round = 0; round < 200; ++round) {
    quantile_sketch sketch;
    for (auto i = random.below(200); i > 0; --i) sketch.add(random.below(5) == 0 ? 0 : std::exp(random.unit() * 30 - 10), 1 + random.below(1000));
    std::string bytes;
    sketch.encode(bytes);
    std::string_view rest = bytes;
    EXPECT_EQ(quantile_sketch::decode(rest).value(), sketch);
    EXPECT_TRUE(rest.empty());
    std::string broken = bytes.substr(0, bytes.size() - 1);
    rest = broken;
    EXPECT_FALSE(quantile_sketch::decode(rest));
    for (auto& c : broken) c = static_cast<char>(random());
    rest = broken;
    (void)quantile_sketch::decode(rest);
  }
}

}  // namespace
}  // namespace andon
