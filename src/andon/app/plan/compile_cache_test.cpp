#include <gmock/gmock.h>

#include "andon/app/plan/compile_testing.hpp"

namespace andon::app {
namespace {

using testing_support::compilation;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string models = R"(
providers: { p: { url: "http://127.0.0.1:1/v1" } }
models:
  m: { provider: p, price: { free: true } }
  n: { provider: p, name: other, price: { free: true } }
  e: { provider: p, price: { free: true } }
)";

TEST(compile_cache, off_unless_asked_for) {
  compilation c(testing_support::smallest);
  ASSERT_TRUE(c.made);
  EXPECT_FALSE(c.plan().find("r")->cache.on());
  EXPECT_EQ(c.plan().find("r")->embedder, nullptr);
}

TEST(compile_cache, takes_all_settings_over) {
  compilation c(models + R"(
cache: { memory: 10MiB, max_entry: 100KiB, max_questions: 50 }
routes:
  r: { targets: [ m, n ], cache: { ttl: 10m, coalesce: false, semantic: { model: e, threshold: 0.9, timeout: 200ms } } }
)");
  ASSERT_TRUE(c.made) << ::testing::PrintToString(c.errors());
  EXPECT_THAT(c.warnings(), IsEmpty());
  const auto& route = *c.plan().find("r");
  EXPECT_EQ(route.cache.keep, std::chrono::minutes{10});
  EXPECT_TRUE(route.cache.exact);
  EXPECT_FALSE(route.cache.coalesce);
  EXPECT_EQ(route.batch.window, nanoseconds{}) << "off by default";
  EXPECT_FALSE(route.cache.by_caller);
  EXPECT_FLOAT_EQ(route.cache.threshold, 0.9f);
  EXPECT_EQ(route.cache.embedding_limit, std::chrono::milliseconds{200});
  ASSERT_NE(route.embedder, nullptr);
  EXPECT_EQ(route.embedder->name.str(), "e");
  EXPECT_EQ(c.read.cache.max_entry, byte_count{100 << 10});
}

TEST(compile_cache, batches_are_compiled) {
  compilation c(models + R"(
routes:
  r: { targets: [ { model: m, when: [ { field: user, op: eq, value: [ x ] } ] } ], batch: { window: 3ms, max_inputs: 9, max_bytes: 10KiB } }
  s: { targets: [ m ], batch: { window: 1ms } }
)");
  ASSERT_TRUE(c.made) << ::testing::PrintToString(c.errors());
  const auto &r = c.plan().find("r")->batch, &s = c.plan().find("s")->batch;
  EXPECT_EQ(r.window, std::chrono::milliseconds{3});
  EXPECT_EQ(r.max_inputs, 9u);
  EXPECT_EQ(r.max_bytes, 10u << 10);
  EXPECT_TRUE(r.by_caller);
  EXPECT_FALSE(s.by_caller);
}

TEST(compile_cache, other_targets_are_another_route) {
  const auto served = [](const std::string& targets) {
    compilation c(models + "routes: { r: { targets: [ " + targets + " ], cache: { ttl: 1m } } }");
    return c.plan().find("r")->cache.served;
  };
  EXPECT_EQ(served("m, n"), served("m, n"));
  EXPECT_NE(served("m, n"), served("n, m"));
  EXPECT_NE(served("m"), served("n"));
}

TEST(compile_cache, other_fallbacks_are_another_route) {
  const auto served = [](const std::string& of_fallback) {
    compilation c(models + "routes: { r: { targets: [ m ], cache: { ttl: 1m }, fallbacks: { rate_limit: spare } }, spare: { targets: [ " + of_fallback + " ] } }");
    return c.plan().find("r")->cache.served;
  };
  EXPECT_EQ(served("n"), served("n"));
  EXPECT_NE(served("n"), served("e"));
}

TEST(compile_cache, conditions_on_callers_keep_their_replies_apart) {
  const auto apart = [](const std::string& field) {
    compilation c(models + "routes: { r: { targets: [ { model: m, when: [ { field: " + field + ", op: eq, value: [ x ] } ] }, n ], cache: { ttl: 1m } } }");
    EXPECT_TRUE(c.made) << field;
    return c.made && c.plan().find("r")->cache.by_caller;
  };
  EXPECT_TRUE(apart("user"));
  EXPECT_TRUE(apart("tag"));
  EXPECT_TRUE(apart("metadata.team"));
  EXPECT_FALSE(apart("model"));
}

TEST(compile_cache, mistakes_are_pointed_at) {
  compilation c(models + R"(
routes:
  a: { targets: [ m ], cache: { ttl: 10m, semantic: { model: x } } }
  b: { targets: [ m ], cache: { semantic: { model: e } } }
  c: { targets: [ m ], cache: { ttl: 10m, semantic: { model: e, threshold: 0.1 } } }
)");
  EXPECT_FALSE(c.made);
  const auto all = ::testing::PrintToString(c.errors());
  EXPECT_THAT(all, HasSubstr("threshold"));
  compilation d(models + R"(
routes:
  a: { targets: [ m ], cache: { ttl: 10m, semantic: { model: x } } }
  b: { targets: [ m ], cache: { semantic: { model: e } } }
)");
  EXPECT_THAT(d.errors(), ElementsAre(HasSubstr("routes.a.cache.semantic.model: there is no model 'x'"), HasSubstr("routes.b.cache.semantic.model: has no effect without a cache")));
}

}  // namespace
}  // namespace andon::app
