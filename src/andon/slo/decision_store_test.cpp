#include "andon/slo/decision_store.hpp"

#include <sys/stat.h>

#include "andon/slo/slo_testing.hpp"

namespace andon::slo {
namespace {

using testing::at_second;

decision sample(std::int64_t at, const std::string& objective = "chat", decision_act act = decision_act::freeze) {
  decision out;
  out.at = at_second(at);
  out.who = "policy strict";
  out.act = act;
  out.subject = "objective " + objective;
  out.policy = "strict";
  out.objective = objective;
  out.step = "freeze at 25 % left";
  out.severity = "ticket";
  out.reason = "it is said";
  out.evidence = R"({"left":0.2})";
  out.settings = "{}";
  out.window_begin = at_second(at - 100);
  return out;
}

class decision_store_test : public ::testing::Test {
protected:
  void SetUp() override { open(); }
  void open() {
    store_.reset();
    auto made = decision_store::open(home_.file("decisions.db"), wall_time{});
    ASSERT_TRUE(made) << made.error().message;
    store_ = std::move(*made);
  }
  std::int64_t put_plan(const std::string& text, std::size_t keep = 20) {
    plan_entry one{.number = 0, .at = at_second(5), .who = "file", .hash = "hash of " + text, .standing = {{"chat", 0.75}}, .text = text};
    EXPECT_TRUE(store_->put(one, keep));
    return one.number;
  }
  testing::temporary_directory home_;
  std::unique_ptr<decision_store> store_;
};

TEST_F(decision_store_test, keeps_a_decision_over_a_restart_from_begin_to_end) {
  auto one = sample(1'000);
  ASSERT_TRUE(store_->begin(one));
  EXPECT_EQ(one.id(), "dec_1");
  EXPECT_EQ(decision::parse_id("dec_1"), 1);
  EXPECT_EQ(decision::parse_id("1"), 1);
  for (const auto* wrong : {"dec_", "dec_1x", "", "-1", "dec_0", "inc_1"}) EXPECT_FALSE(decision::parse_id(wrong)) << wrong;
  open();
  auto standing = *store_->standing();
  ASSERT_EQ(standing.size(), 1U);
  EXPECT_EQ(standing[0].window_begin, at_second(900));
  EXPECT_FALSE(standing[0].done);
  ASSERT_TRUE(store_->carried_out(1, at_second(1'001), "done"));
  ASSERT_TRUE(store_->end(1, at_second(2'000), "key key_1", "false alarm", true));
  standing = *store_->standing();
  ASSERT_EQ(standing.size(), 1U) << "waived: its condition is not over";
  EXPECT_TRUE(standing[0].waived);
  EXPECT_EQ(standing[0].outcome, "done");
  EXPECT_EQ(standing[0].end_reason, "false alarm");
  ASSERT_TRUE(store_->forget_waiver(1));
  EXPECT_TRUE(store_->standing()->empty());
  EXPECT_EQ((*store_->find(1))->ended_by, "key key_1");
  EXPECT_FALSE(*store_->find(2));
  struct stat about{};
  ASSERT_EQ(::stat(home_.file("decisions.db").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
}

TEST_F(decision_store_test, lists_by_page_and_filter_newest_first) {
  for (int i = 1; i <= 25; ++i) {
    auto one = sample(1'000 + i, i % 2 == 0 ? "chat" : "embed", i % 5 == 0 ? decision_act::override_ : decision_act::freeze);
    ASSERT_TRUE(store_->begin(one));
    if (i > 3) ASSERT_TRUE(store_->end(one.number, at_second(3'000), "policy strict", "over", false));
  }
  std::vector<std::int64_t> seen;
  decision_query query{.open = false, .objective = {}, .policy = {}, .act = {}, .since = {}, .until = {}, .before = {}, .limit = 10};
  std::size_t pages = 0;
  for (;; ++pages) {
    const auto page = *store_->list(query);
    for (const auto& one : page.rows) seen.push_back(one.number);
    if (!page.next) break;
    query.before = page.next;
  }
  EXPECT_EQ(pages, 2U);
  ASSERT_EQ(seen.size(), 25U);
  EXPECT_TRUE(std::ranges::is_sorted(seen, std::greater{}));
  EXPECT_EQ(store_->list({.open = true})->rows.size(), 3U);
  EXPECT_EQ(store_->list({.objective = "chat"})->rows.size(), 12U);
  EXPECT_EQ(store_->list({.policy = "other"})->rows.size(), 0U);
  EXPECT_EQ(store_->list({.act = "override"})->rows.size(), 5U);
  EXPECT_EQ(store_->list({.act = "nonsense"}).error().code, errc::invalid_argument);
  EXPECT_EQ(store_->list({.since = at_second(1'010), .until = at_second(1'012)})->rows.size(), 2U);
}

TEST_F(decision_store_test, keeps_the_last_plans_and_the_one_in_force_instead) {
  const auto first = put_plan("one");
  auto back = sample(1);
  ASSERT_TRUE(store_->begin(back, rolled_back{.plan = first, .decision = 0, .against = "bad"}));
  for (int i = 0; i < 5; ++i) put_plan(std::to_string(i), 3);
  open();
  EXPECT_EQ(*store_->instead_of_file(), (rolled_back{first, back.number, "bad"}));
  const auto all = *store_->plans();
  ASSERT_EQ(all.size(), 4U) << "three, and the one that is in force again";
  EXPECT_TRUE(all[0].text.empty());
  EXPECT_EQ((*store_->plan(first))->text, "one");
  EXPECT_EQ((*store_->plan(first))->standing, (std::vector<std::pair<std::string, double>>{{"chat", 0.75}}));
  ASSERT_TRUE(store_->file_in_force());
  EXPECT_FALSE(*store_->instead_of_file());
  put_plan("last", 3);
  EXPECT_EQ(store_->plans()->size(), 3U);
}

TEST_F(decision_store_test, a_file_that_is_no_database_is_an_error) {
  store_.reset();
  std::filesystem::remove_all(home_.path() / "decisions.db-wal");
  {
    auto* file = std::fopen(home_.file("decisions.db").c_str(), "w");
    std::fputs("this is no database, and never was one; it is long enough to be looked at", file);
    std::fclose(file);
  }
  EXPECT_EQ(decision_store::open(home_.file("decisions.db"), wall_time{}).error().code, errc::corrupt);
}

TEST_F(decision_store_test, a_text_that_cannot_be_sealed_is_not_kept) {
  store_.reset();
  store_ = decision_store::open(home_.file("decisions.db"), wall_time{}, {.seal = [](std::string_view) -> result<std::string> { return fail(errc::internal, "no cipher"); }, .open = {}}).value();
  plan_entry one{.number = 0, .at = at_second(5), .who = "file", .hash = "h", .standing = {}, .text = "routes: {}"};
  EXPECT_EQ(store_->put(one, 20).error().code, errc::internal);
  EXPECT_TRUE(store_->plans()->empty());
}

}  // namespace
}  // namespace andon::slo
