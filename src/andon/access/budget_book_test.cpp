// Limits and budgets of random rule sets against a slow, obvious model on a simulated clock, and the book's totals
// against the live ones.
#include "andon/access/budget_book.hpp"

#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "andon/access/test_directory.hpp"
#include "andon/base/random.hpp"

namespace andon::access {
namespace {

using namespace std::chrono_literals;

struct call { std::string key, project, route, user; std::vector<std::string> tags; std::int64_t tokens, cost; };

struct slow_bucket {
  __int128 level = 0, cap = 0;
  bucket_time seen = 0;
};

/// Every account is a text; every rule is looked at for every call.
class model {
public:
  struct charge { std::string name; const limit_rule* limit = nullptr; const budget_rule* budget = nullptr; period in{}; };
  explicit model(const test_directory& d, const calendar& c) : d_(d), calendar_(c) {}

  std::vector<charge> charges(const call& c, wall_time wall) const {
    std::vector<charge> out;
    auto add = [&](const std::string& owner, const auto& limits, const auto& budgets) {
      for (std::size_t i = 0; i < limits.size(); ++i)
        if (limits[i].only_route.empty() || limits[i].only_route.str() == c.route) out.push_back({owner + "/l" + std::to_string(i) + split(limits[i].per, c), &limits[i]});
      for (std::size_t i = 0; i < budgets.size(); ++i) {
        const auto& b = budgets[i];
        if (!b.only_route.empty() && b.only_route.str() != c.route) continue;
        if (!b.only_tag.empty() && std::ranges::find(c.tags, b.only_tag) == c.tags.end()) continue;
        const auto in = calendar_.at(b.period, wall);
        const auto name = owner + "/b" + std::to_string(i) + split(b.per, c) + "@" + std::to_string(in.begin.time_since_epoch().count());
        if (!b.per.has(scope::tag)) out.push_back({name, nullptr, &b, in});
        else for (const auto& tag : c.tags) out.push_back({name + "/tag " + tag, nullptr, &b, in});
      }
    };
    add("gateway", d_.declared.limits, d_.declared.budgets);
    for (const auto& r : d_.declared.routes)
      if (r.name.str() == c.route) add("route " + c.route, r.limits, r.budgets);
    for (const auto& p : d_.projects)
      if (p.id.str() == c.project) add("project " + c.project, p.limits, p.budgets);
    const auto& k = const_cast<test_directory&>(d_).settings_of(c.key == "web" ? 0 : c.key == "app" ? 1 : 2);
    add("key " + c.key, k.limits, k.budgets);
    return out;
  }

  bool take(const std::vector<charge>& all, const call& c, bucket_time now) {
    for (const auto& one : all)
      if (!fits(one, c, now)) return false;
    for (const auto& one : all) {
      if (one.budget != nullptr) { committed[one.name] += c.cost; continue; }
      move(requests_[one.name], one.limit->requests_per_minute, -1);
      move(tokens_[one.name], one.limit->tokens_per_minute, -c.tokens);
      ++parallel_[one.name];
    }
    return true;
  }

  void settle(const std::vector<charge>& all, const call& c, std::int64_t used, std::int64_t cost, bucket_time now) {
    for (const auto& one : all) {
      if (one.budget != nullptr) { committed[one.name] += cost - c.cost; spent[one.name] += cost; continue; }
      refill(tokens_[one.name], one.limit->tokens_per_minute, now);
      move(tokens_[one.name], one.limit->tokens_per_minute, c.tokens - used);
      --parallel_[one.name];
    }
  }

  std::map<std::string, std::int64_t> committed, spent;

private:
  static std::string split(scope_set per, const call& c) {
    std::string s;
    if (per.has(scope::project)) s += "/project " + c.project;
    if (per.has(scope::key)) s += "/key " + c.key;
    if (per.has(scope::route)) s += "/route " + c.route;
    if (per.has(scope::user)) s += "/user " + c.user;
    return s;
  }
  static void refill(slow_bucket& b, std::optional<std::int64_t> limit, bucket_time now) {
    if (!limit) return;
    const auto rate = bucket_rate::per_minute(*limit);
    if (b.cap == 0) b.level = rate.burst();
    else b.level = std::min<__int128>(rate.burst(), b.level + (now - b.seen));
    b.cap = rate.burst();
    b.seen = now;
  }
  static void move(slow_bucket& b, std::optional<std::int64_t> limit, std::int64_t units) {
    if (limit) b.level = std::min<__int128>(b.cap, b.level + static_cast<__int128>(units) * bucket_rate::per_minute(*limit).cost);
  }
  static bool holds(const slow_bucket& b, std::optional<std::int64_t> limit, std::int64_t units) {
    return !limit || (units <= *limit && *limit > 0 && b.level >= 0 && b.level >= static_cast<__int128>(units) * bucket_rate::per_minute(*limit).cost);
  }
  bool fits(const charge& one, const call& c, bucket_time now) {
    if (one.budget != nullptr) {
      const auto before = committed[one.name];
      return c.cost == 0 || (before < one.budget->limit.value() && before + c.cost <= one.budget->limit.value());
    }
    refill(requests_[one.name], one.limit->requests_per_minute, now);
    refill(tokens_[one.name], one.limit->tokens_per_minute, now);
    return holds(requests_[one.name], one.limit->requests_per_minute, 1) && holds(tokens_[one.name], one.limit->tokens_per_minute, c.tokens) &&
           (!one.limit->parallel || parallel_[one.name] < *one.limit->parallel);
  }

  const test_directory& d_;
  const calendar& calendar_;
  std::map<std::string, slow_bucket> requests_, tokens_;
  std::map<std::string, std::int64_t> parallel_;
};

scope_set random_per(random_source& random, std::initializer_list<scope> from) {
  scope_set set;
  for (auto s : from)
    if (random.below(4) == 0) set.add(s);
  return set;
}

void add_rules(random_source& random, std::initializer_list<scope> limit_per, std::initializer_list<scope> budget_per, std::vector<limit_rule>& limits, std::vector<budget_rule>& budgets) {
  auto amount = [&](std::uint64_t below) { return random.below(2) == 0 ? std::optional{static_cast<std::int64_t>(1 + random.below(below))} : std::nullopt; };
  auto route = [&] { return random.below(4) == 0 ? route_name{"chat"} : route_name{}; };
  const auto has = [](const auto& rules, const auto& rule) {
    return std::ranges::any_of(rules, [&](const auto& r) { return r.per == rule.per && r.only_route == rule.only_route; });
  };
  for (std::uint64_t n = random.below(3); n > 0; --n) {
    limit_rule rule{random_per(random, limit_per), route(), amount(60), amount(4000), amount(12)};
    if (!rule.requests_per_minute && !rule.tokens_per_minute) rule.parallel = 9;
    if (!has(limits, rule)) limits.push_back(rule);
  }
  for (std::uint64_t n = random.below(3); n > 0; --n) {
    budget_rule rule{random_per(random, budget_per), route(), random.below(4) == 0 ? "red" : "", static_cast<window>(random.below(3)), nano_usd{static_cast<std::int64_t>(100 + random.below(20'000))}};
    if (!has(budgets, rule)) budgets.push_back(rule);
  }
}

void make_world(random_source& random, test_directory& d) {
  using enum scope;
  d.declared.zone = "America/Santiago";
  add_rules(random, {project, key, route, user}, {project, key, route, user, tag}, d.declared.limits, d.declared.budgets);
  for (auto& r : d.declared.routes) {
    add_rules(random, {project, key, user}, {project, key, user, tag}, r.limits, r.budgets);
    for (auto& l : r.limits) l.only_route = {};
    for (auto& b : r.budgets) b.only_route = {};
    if (r.limits.size() > 1) r.limits.resize(1);
    if (r.budgets.size() > 1) r.budgets.resize(1);
  }
  for (const char* name : {"shop", "bank"}) {
    auto& p = d.project(name);
    add_rules(random, {key, route, user}, {key, route, user, tag}, p.limits, p.budgets);
  }
  for (const auto& [name, owner] : {std::pair{"web", "shop"}, {"app", "shop"}, {"job", "bank"}}) {
    key_settings s;
    add_rules(random, {route, user}, {route, user, tag}, s.limits, s.budgets);
    d.key(name, owner, s);
  }
}

call random_call(random_source& random) {
  const auto key = random.below(3);
  call c{key == 0 ? "web" : key == 1 ? "app" : "job", key == 2 ? "bank" : "shop", random.below(2) == 0 ? "chat" : "code", std::string(1, static_cast<char>('a' + random.below(4))), {},
         static_cast<std::int64_t>(random.below(800)), static_cast<std::int64_t>(random.below(400))};
  for (const char* tag : {"red", "blue", "green"})
    if (random.below(3) == 0) c.tags.emplace_back(tag);
  return c;
}

struct flight { ticket held; call what; std::vector<model::charge> charges; wall_time started; };

class world : public testing::TestWithParam<int> {
protected:
  world() : random_(static_cast<std::uint64_t>(GetParam())) {
    make_world(random_, d_);
    in_ = d_.build();
  }

  void move_time() {
    const auto dice = random_.below(100);
    if (dice < 70) time_.advance(nanoseconds{static_cast<std::int64_t>(random_.below(8'000'000'000))});
    else if (dice < 72) time_.advance(std::chrono::hours{random_.below(20)});
    else if (dice == 72) jump(static_cast<std::int64_t>(random_.below(48)) - 24);
  }
  /// Steps of the wall clock alone, never more than a day behind or ahead of true time.
  void jump(std::int64_t hours) {
    if (std::abs(jumped_ + hours) > 24) return;
    jumped_ += hours;
    time_.jump_wall(std::chrono::hours{hours});
  }

  void admit() {
    const auto c = random_call(random_);
    const caller from{in_, in_->find(key_id{"key_" + c.key})};
    auto got = gate_.admit({from, in_->find_route(c.route), c.user, c.tags, tokens{c.tokens}, nano_usd{c.cost}}, time_.mono(), time_.wall());
    auto charges = slow_.charges(c, time_.wall());
    const bool expected = slow_.take(charges, c, to_ticks(time_.mono()));
    ASSERT_EQ(got.has_value(), expected) << (got ? "admitted" : got.error().to_error().message);
    if (got) flights_.push_back({std::move(*got), c, std::move(charges), time_.wall()});
    ++(got ? admitted_ : refused_);
  }
  void land() {
    if (flights_.empty()) return;
    const auto i = random_.below(flights_.size());
    auto& f = flights_[i];
    const auto used = static_cast<std::int64_t>(random_.below(1000));
    const auto cost = static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(f.what.cost) + 1));
    f.held.settle(tokens{used}, nano_usd{cost}, time_.mono());
    slow_.settle(f.charges, f.what, used, cost, to_ticks(time_.mono()));
    book_.charge(*in_, {f.started, project_id{f.what.project}, key_id{"key_" + f.what.key}, f.what.route, f.what.user, f.what.tags, nano_usd{cost}});
    flights_.erase(flights_.begin() + static_cast<std::ptrdiff_t>(i));
  }

  std::int64_t live_total(const budget_book& book) {
    std::int64_t sum = 0;
    for (const auto& row : book.take_checkpoint({}).rows) sum += row.spent.value();
    return sum;
  }

  random_source random_;
  test_directory d_;
  std::shared_ptr<const directory> in_;
  simulated_clock time_{wall_time{std::chrono::sys_days{std::chrono::year{2026} / 8 / 20}}};  // a day is 23 hours on 5 September
  admission gate_{nullptr, {1U << 14, 1U << 14}};
  calendar calendar_{"America/Santiago", time_zone::load("America/Santiago").value()};
  model slow_{d_, calendar_};
  budget_book book_;
  std::vector<flight> flights_;
  std::int64_t jumped_ = 0;
  int admitted_ = 0, refused_ = 0;
};

TEST_P(world, equals_the_obvious_computation) {
  for (int i = 0; i < 3000 && !HasFatalFailure(); ++i) {
    move_time();
    if (random_.below(5) < 3) admit();
    else land();
  }
  while (!flights_.empty()) land();
  EXPECT_EQ(gate_.open_tickets(), 0);
  EXPECT_GT(admitted_, 0);
  std::int64_t expected = 0;
  for (const auto& [name, amount] : slow_.spent) expected += amount;
  EXPECT_EQ(live_total(book_), expected) << "the book, charged from the facts, holds what the model spent";
  for (const auto& r : read_budgets(*in_, time_.wall())) {
    EXPECT_EQ(r.spent, book_.spent(r.rule->id, r.in)) << r.rule->name;
    EXPECT_EQ(r.reserved.value(), 0) << r.rule->name;
  }
}

TEST_P(world, a_restart_finds_every_amount_again) {
  for (int i = 0; i < 1500 && !HasFatalFailure(); ++i) {
    time_.advance(1s);
    if (random_.below(5) < 3) admit();
    else land();
  }
  while (!flights_.empty()) land();
  const auto saved = book_.take_checkpoint({{"core-0", 9}});

  meter_pool fresh{test_directory::seed};
  std::swap(d_.pool, fresh);
  const auto restarted = d_.build();
  admission gate{nullptr, {1U << 14, 1U << 14}};
  budget_book book;
  book.load(saved);
  book.seed(*restarted, gate, time_.wall());
  book.seed(*restarted, gate, time_.wall());  // again: nothing is counted twice
  const auto before = read_budgets(*in_, time_.wall());
  const auto after = read_budgets(*restarted, time_.wall());
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_EQ(before[i].spent, after[i].spent) << before[i].rule->name;
  for (const auto& row : saved.rows) {
    const period in{wall_seconds{std::chrono::seconds{row.period_begin}}, wall_seconds{std::chrono::seconds{row.period_end}}};
    if (const auto live = gate_.read_user(row.id, in); live.spent > nano_usd{0}) EXPECT_EQ(gate.read_user(row.id, in).spent, live.spent);
  }
}

INSTANTIATE_TEST_SUITE_P(seeds, world, testing::Range(1, 41));

TEST(budget_book, a_restart_in_the_next_period_begins_it_at_nothing) {
  test_directory d;
  d.project("shop").budgets = {{.period = window::day, .limit = nano_usd{100}}, {.period = window::month, .limit = nano_usd{1000}}};
  const auto web = d.key("web", "shop");
  const auto in = d.build();
  const wall_time evening{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 23h};
  budget_book before;
  before.charge(*in, {evening, project_id{"shop"}, key_id{"key_web"}, "chat", "", {}, nano_usd{90}});
  budget_book after;
  after.load(before.take_checkpoint({}));
  admission gate{nullptr, {16, 16}};
  const auto morning = evening + 2h;
  after.prune(morning);
  after.seed(*in, gate, morning);
  for (const auto& one : read_budgets(*in, morning)) EXPECT_EQ(one.spent.value(), one.in.end - one.in.begin < 25h ? 0 : 90) << one.rule->name;
}

TEST(budget_book, charges_what_a_deleted_key_still_owes_its_project) {
  test_directory d;
  d.project("shop").budgets = {{.period = window::day, .limit = nano_usd{100}}};
  d.key("web", "shop", {.budgets = {{.period = window::day, .limit = nano_usd{50}}}});
  d.without_key("web");
  const auto in = d.build();
  budget_book book;
  const wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};
  book.charge(*in, {now, project_id{"shop"}, key_id{"key_web"}, "chat", "", {}, nano_usd{30}});
  admission gate{nullptr, {16, 16}};
  book.seed(*in, gate, now);
  ASSERT_EQ(read_budgets(*in, now).size(), 1U);
  EXPECT_EQ(read_budgets(*in, now)[0].spent.value(), 30);
  EXPECT_FALSE(read_budgets(*in, now)[0].alarm);
  book.charge(*in, {now, project_id{"shop"}, key_id{"key_web"}, "chat", "", {}, nano_usd{50}});
  book.charge(*in, {now - 48h, project_id{"shop"}, key_id{"key_web"}, "chat", "", {}, nano_usd{999}});
  book.seed(*in, gate, now);
  EXPECT_TRUE(read_budgets(*in, now)[0].alarm) << "80 of 100 is the soft threshold";
  EXPECT_EQ(book.rows(), 2U);
  book.prune(now + std::chrono::days{33} - 24h);
  EXPECT_EQ(book.rows(), 1U) << "what ended 32 days ago goes";
}

class full_book : public testing::Test {
protected:
  static constexpr wall_time start{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};  // a Monday
  void spend(int user, wall_time at) { book_.charge(*in_, {at, project_id{"shop"}, key_id{"key_web"}, "chat", "u" + std::to_string(user), {}, nano_usd{10}}); }
  std::uint64_t rule(window length, bool each_user) const {
    for (const auto& one : in_->budgets())
      if (one->length == length && (one->account == nullptr) == each_user) return one->id;
    return 0;
  }
  nano_usd of_user(int user, wall_time at) const { return book_.spent(member_id(rule(window::day, true), "u" + std::to_string(user)), in_->budgets()[0]->periods->at(window::day, at)); }

  full_book() {
    d_.project("shop").budgets = {{.per = {scope::user}, .period = window::day, .limit = nano_usd{100}}, {.period = window::week, .limit = nano_usd{100'000}}};
    d_.key("web", "shop");
    in_ = d_.build();
  }
  metrics::registry metrics_;
  test_directory d_;
  std::shared_ptr<const directory> in_;
  budget_book book_{100, &metrics_};
};

TEST_F(full_book, keeps_periods_under_way_and_counts_what_it_cannot_keep) {
  for (int user = 0; user < 150; ++user) spend(user, start);
  EXPECT_EQ(book_.rows(), 100U);
  EXPECT_EQ(book_.forgotten(), 51U) << "150 users and the project have 100 rows";
  for (int user = 0; user < 99; ++user) EXPECT_EQ(of_user(user, start).value(), 10) << user;
  EXPECT_EQ(of_user(120, start).value(), 0);
  EXPECT_NE(metrics_.render_prometheus().find("andon_budget_book_forgotten_total 51"), std::string::npos) << metrics_.render_prometheus();
  EXPECT_NE(metrics_.render_prometheus().find("andon_budget_book_rows 100"), std::string::npos);
}

TEST_F(full_book, the_single_account_of_a_rule_always_has_a_row) {
  for (int user = 0; user < 150; ++user) spend(user, start);
  for (int user = 0; user < 99; ++user) spend(user, start + std::chrono::days{7});
  const auto next_week = in_->budgets()[0]->periods->at(window::week, start + std::chrono::days{7});
  EXPECT_EQ(book_.spent(rule(window::week, false), next_week).value(), 990);
}

TEST_F(full_book, periods_that_are_over_make_place) {
  for (int user = 0; user < 150; ++user) spend(user, start);
  const auto before = book_.forgotten();
  const auto tomorrow = start + std::chrono::days{1};
  for (int user = 200; user < 290; ++user) spend(user, tomorrow);
  EXPECT_EQ(book_.forgotten(), before) << "the rows of the day before went";
  EXPECT_EQ(of_user(289, tomorrow).value(), 10);
  EXPECT_EQ(book_.spent(rule(window::week, false), in_->budgets()[0]->periods->at(window::week, tomorrow)).value(), 150 * 10 + 90 * 10) << "a week under way stays";
  EXPECT_LE(book_.rows(), 100U);
}

}  // namespace
}  // namespace andon::access
