// Simulated months against a slow, obvious computation over the same Records: every alert's second, every budget.
#include <cmath>

#include "andon/base/random.hpp"
#include "andon/slo/slo_testing.hpp"

namespace andon::slo {
namespace {

using namespace std::chrono_literals;
using testing::slow_sums;

constexpr instant start{seconds{1'772'323'200}};  // 2026-03-01T00:00:00Z, four weeks before Europe's clocks change

/// What an alert did, for comparison.
struct event {
  std::string objective, severity;
  std::int64_t at;
  bool began;
  auto operator<=>(const event&) const = default;
};
std::ostream& operator<<(std::ostream& out, const event& e) { return out << e.objective << ' ' << e.severity << (e.began ? " fires " : " ends ") << e.at; }

/// The obvious computation of one objective: sums over all Records for each window at each second.
class obvious {
public:
  obvious(std::string name, double target, seconds length, seconds slice, double slice_target, instant end)
      : name_(std::move(name)),
        target_(target),
        length_(length),
        slice_(slice),
        slice_target_(slice_target),
        raw_(start - 1h, end + 1h),
        slices_(start - 1h, end + 1h, 60s) {}

  void add(instant at, bool good) { raw_.add(at, good ? 1 : 0, 1); }
  void set_target(double target) { target_ = target; }
  std::function<instant(instant)> calendar_begin;  ///< set: a calendar window
  std::optional<std::pair<instant, instant>> without;

  [[nodiscard]] counts in(instant begin, instant now) const {
    if (slice_ > 0s) return slices_.between(begin, now);
    auto out = raw_.between(begin, now);
    if (without) {
      const auto from = std::max(without->first, begin), to = std::min(without->second, now);
      if (from < to) out -= raw_.between(from, to);
    }
    return out;
  }
  [[nodiscard]] instant begin_of(seconds length, instant now) const {
    const auto exact = now - length;
    return slice_ == 0s && length <= 1h ? exact : floor_to(exact, 60s);
  }
  [[nodiscard]] std::optional<double> spent(instant now) const {
    const auto sum = in(calendar_begin ? calendar_begin(now) : begin_of(length_, now), now);
    if (sum.total == 0) return std::nullopt;
    return (static_cast<double>(sum.bad()) / static_cast<double>(sum.total)) / (1 - target_);
  }
  [[nodiscard]] std::optional<double> rate(seconds length, instant now) const {
    const auto sum = in(begin_of(length, now), now);
    if (sum.total == 0) return std::nullopt;
    return static_cast<double>(sum.bad()) / static_cast<double>(sum.total) / (1 - target_);
  }
  void evaluate(instant now, std::vector<event>& out) {
    close_slices(now);
    struct row { const char* severity; seconds wide, brief; double factor; };
    const double days = static_cast<double>(length_.count()) / 86'400;
    const std::array<double, 4> shares = days >= 14 ? std::array{0.02, 0.05, 0.1, 0.1} : std::array{0.08, 0.125, 0.2, 0.42};
    const std::array rows{row{"page", 1h, 5min, shares[0] * days * 24}, row{"page", 6h, 30min, shares[1] * days * 4}, row{"ticket", 24h, 2h, shares[2] * days},
                          row{"ticket", 72h, 6h, shares[3] * days / 3}};
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto wide = rate(rows[i].wide, now), brief = rate(rows[i].brief, now);
      if (!wide || *wide <= rows[i].factor) burning_[i] = false;
      else if (brief) burning_[i] = *brief > rows[i].factor;
    }
    for (const int page : {1, 0}) {
      const bool fires = page == 1 ? burning_[0] || burning_[1] : burning_[2] || burning_[3];
      auto& is = page == 1 ? page_ : ticket_;
      if (fires != is) out.push_back({name_, page == 1 ? "page" : "ticket", now.time_since_epoch().count(), fires});
      is = fires;
    }
  }
  [[nodiscard]] const std::string& name() const { return name_; }

private:
  void close_slices(instant now) {
    if (slice_ == 0s) return;
    closed_ = std::min(closed_, floor_to(now, slice_));
    for (auto one = by_slice_.lower_bound(closed_); one != by_slice_.end(); one = by_slice_.erase(one))  // the clock was set back
      slices_.add(one->first, -one->second.good, -one->second.total);
    for (; closed_ + slice_ <= now; closed_ += slice_) {
      const auto sum = raw_.between(closed_, closed_ + slice_);
      if (sum.total == 0) continue;
      const double ratio = static_cast<double>(sum.good) / static_cast<double>(sum.total);
      const counts is{slice_target_ == 0 ? std::llround(ratio * 1e6) : ratio >= slice_target_ ? 1'000'000 : 0, 1'000'000};
      slices_.add(closed_, is.good, is.total);
      by_slice_[closed_] = is;
    }
  }
  std::string name_;
  double target_;
  seconds length_, slice_;
  double slice_target_;
  slow_sums raw_, slices_;
  std::map<instant, counts> by_slice_;
  instant closed_ = start;
  std::array<bool, 4> burning_{};
  bool page_ = false, ticket_ = false;
};

struct traffic {
  double per_second;   ///< calls
  double failing;      ///< share
};

/// The watch under test with a journal in memory, and the obvious computations beside it.
class world {
public:
  explicit world(instant end) : end_(end) { open(); }

  void objective(objective_spec what, std::unique_ptr<obvious> beside) {
    what.members[0].target = what.target;
    plan_.objectives.push_back(std::move(what));
    beside_.push_back(std::move(beside));
  }
  void adopt() {
    ASSERT_TRUE(watch_->adopt(plan_));
    if (!watch_->is_filling()) return;
    for (std::uint64_t i = 0; i < fed_; ++i) ASSERT_TRUE(watch_->count_past(view_of(journal_[i])));
    watch_->past_is_complete();
  }
  watch_plan& plan() { return plan_; }
  obvious& beside(std::size_t i) { return *beside_[i]; }

  void second(instant now, const traffic& is) { pass(now, 1s, is); }
  /// So many seconds of calls, judged at their end.
  void pass(instant now, seconds span, const traffic& is) {
    for (const auto end = now + span; now < end; now += 1s) call(now, is);
    time_ = now;
    if (time_ < watch_->now()) watch_->step_back(time_);
    feed();
    ASSERT_TRUE(watch_->tick(time_, reached()));
    for (auto& one : beside_) one->evaluate(time_, expected);
  }
  void call(instant now, const traffic& is) {
    auto calls = static_cast<int>(is.per_second);
    if (random_.unit() < is.per_second - calls) ++calls;
    for (int i = 0; i < calls; ++i) {
      const bool good = random_.unit() >= is.failing;
      journal_.push_back({now, good});
      for (auto& one : beside_) one->add(now, good);
    }
  }
  /// Everything that was not saved is gone.
  void crash() {
    watch_.reset();
    open();
    adopt();
  }
  void compare_budgets(const char* when) {
    for (auto& one : beside_) {
      const auto status = watch_->objective(one->name());
      ASSERT_TRUE(status);
      const auto expected_spent = one->spent(time_);
      ASSERT_EQ(status->budget.spent.has_value(), expected_spent.has_value())
          << one->name() << ' ' << when << " at " << time_.time_since_epoch().count() << " begins " << status->budget.begin.time_since_epoch().count()
          << " total " << status->budget.events.total;
      for (const auto& [length, rate] : status->budget.burns) {
        const auto expected_rate = one->rate(length, time_);
        ASSERT_EQ(rate.has_value(), expected_rate.has_value()) << one->name() << ' ' << length_text(length) << ' ' << when;
        if (rate)
          EXPECT_NEAR(*rate, *expected_rate, 1e-9) << one->name() << ' ' << length_text(length) << ' ' << when << " at " << time_.time_since_epoch().count();
      }
      if (expected_spent) EXPECT_NEAR(*status->budget.spent, *expected_spent, 1e-9) << one->name() << ' ' << when << " at " << time_.time_since_epoch().count();
    }
  }
  std::vector<event> seen, expected;

private:
  void open() {
    auto made = watch::open(home_.file("watch.db"), clock_, [this](std::span<const signal> all) {
      for (const auto& one : all) {
        const auto name = std::ranges::find(one.labels, "objective", &std::pair<std::string, std::string>::first)->second;
        seen.push_back({name, one.severity, (one.resolved ? *one.resolved : one.since).time_since_epoch().count(), !one.resolved});
      }
    });
    ASSERT_TRUE(made) << (made ? "" : made.error().message);
    watch_ = std::move(*made);
    const auto saved = watch_->saved_positions();
    ASSERT_TRUE(saved);
    fed_ = saved->empty() ? 0 : saved->front().next.offset;
  }
  void feed() {
    for (; fed_ < journal_.size(); ++fed_) ASSERT_TRUE(watch_->count(view_of(journal_[fed_])));
  }
  ledger::record_view view_of(const std::pair<instant, bool>& entry) { return entry.second ? view(entry.first, good_bytes_) : view(entry.first, bad_bytes_); }
  ledger::record_view view(instant at, std::unique_ptr<testing::viewed>& kept) {
    if (at != kept_at_ || !kept) {
      good_bytes_ = std::make_unique<testing::viewed>(testing::record_at(at));
      bad_bytes_ = std::make_unique<testing::viewed>(testing::record_at(at, errc::upstream_error));
      kept_at_ = at;
    }
    return kept->view();
  }
  std::vector<ledger::checkpoint> reached() { return {{.next = {.stream = 0, .segment = 1, .offset = fed_}}}; }

  testing::temporary_directory home_;
  simulated_clock clock_{wall_time{start}};
  instant end_, time_ = start;
  random_source random_{7};
  watch_plan plan_;
  std::unique_ptr<watch> watch_;
  std::vector<std::unique_ptr<obvious>> beside_;
  std::vector<std::pair<instant, bool>> journal_;
  std::uint64_t fed_ = 0;
  std::unique_ptr<testing::viewed> good_bytes_, bad_bytes_;
  instant kept_at_{};
};

bool within(instant now, seconds from, seconds length) { return now >= start + from && now < start + from + length; }

/// Good days with an outage, brown-outs, silence and a quiet weekend.
traffic weather(instant now) {
  if (within(now, 30h, 20min)) return {1, 1};               // outage
  if (within(now, 50h, 5h)) return {1, 0.05};               // brown-out
  if (within(now, 80h, 30h)) return {0, 0};                 // nobody calls
  if (within(now, 120h, 3min)) return {1, 1};               // outage, then silence
  if (within(now, 120h + 3min, 2h)) return {0, 0};
  if (within(now, 140h, 48h)) return {0.01, 0.02};          // hardly anybody calls
  if (within(now, 200h, 40h)) return {0.2, 0.004};          // slow leak
  return {0.2, 0.0003};
}

std::unique_ptr<obvious> beside(const objective_spec& what, double slice_target, instant end) {
  const bool slices = what.method != budgeting::occurrences;
  return std::make_unique<obvious>(what.name, what.target, what.over.length, slices ? what.slice : 0s, slice_target, end);
}

TEST(simulation, weeks_of_weather_with_crashes_and_changes) {
  const instant end = start + 16 * 24h;
  world w(end);
  auto a = testing::availability("a", 0.999, rolling(7 * 24h));
  auto b = testing::availability("b", 0.99, rolling(14 * 24h));
  auto slices = testing::availability("slices", 0.99, rolling(7 * 24h));
  slices.method = budgeting::timeslices;
  slices.members[0].slice_target = 0.95;
  auto ratios = testing::availability("ratios", 0.99, rolling(7 * 24h));
  ratios.method = budgeting::ratio_timeslices;
  ratios.slice = 5min;
  auto maintained = testing::availability("maintained", 0.999, rolling(7 * 24h));
  maintained.maintenance = {{start + 30h, start + 30h + 15min}};
  for (const auto& [what, slice_target] : {std::pair{&a, 0.0}, {&b, 0.0}, {&slices, 0.95}, {&ratios, 0.0}, {&maintained, 0.0}})
    w.objective(*what, beside(*what, slice_target, end));
  w.beside(4).without = {start + 30h, start + 30h + 15min};
  w.adopt();
  instant now = start;
  for (std::int64_t n = 0; now < end; now += 1s, ++n) {
    w.second(now, weather(now));
    if (n % 7'919 == 0) w.compare_budgets("on the way");
    if (n % 100'003 == 100'002) {                             // a crash, and a while until somebody starts it again
      w.crash();
      now += seconds{n % 977};
    }
    if (n == 700'000) {                                       // an objective changes: the new target holds for the whole window
      w.plan().objectives[0].target = w.plan().objectives[0].members[0].target = 0.995;
      w.beside(0).set_target(0.995);
      w.adopt();
    }
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_EQ(w.seen, w.expected);
  EXPECT_GE(w.seen.size(), 20U) << "the weather has to be bad enough to tell of";
}

TEST(simulation, a_month_and_a_half_of_thirty_days) {
  const instant end = start + 45 * 24h;
  world w(end);
  const auto a = testing::availability("a", 0.999, rolling(30 * 24h));
  auto slices = testing::availability("slices", 0.99, rolling(28 * 24h));
  slices.method = budgeting::timeslices;
  slices.members[0].slice_target = 0.9;
  for (const auto& [what, slice_target] : {std::pair{&a, 0.0}, {&slices, 0.9}}) w.objective(*what, beside(*what, slice_target, end));
  w.adopt();
  std::int64_t n = 0;
  for (auto now = start; now < end; now += 30s, ++n) {
    const auto hour = (now - start) / 1h;
    w.pass(now, 30s, {hour % 24 < 8 ? 0.005 : 0.05, hour == 301 ? 1.0 : hour % 97 == 5 ? 0.05 : 0.0004});  // quiet nights, an outage, a bad hour now and then
    if (n % 997 == 0) w.compare_budgets("on the way");
    if (n % 20'011 == 20'010) w.crash();
    if (::testing::Test::HasFailure()) break;
  }
  w.compare_budgets("in the end");
  EXPECT_EQ(w.seen, w.expected);
  EXPECT_GE(w.seen.size(), 6U);
}

TEST(simulation, clocks_that_jump) {
  const instant end = start + 5 * 24h;
  world w(end);
  const auto a = testing::availability("a", 0.999, rolling(7 * 24h));
  auto slices = testing::availability("slices", 0.99, rolling(7 * 24h));
  slices.method = budgeting::timeslices;
  slices.members[0].slice_target = 0.95;
  auto ratios = testing::availability("ratios", 0.99, rolling(7 * 24h));
  ratios.method = budgeting::ratio_timeslices;
  ratios.slice = 5min;
  for (const auto& [what, slice_target] : {std::pair{&a, 0.0}, {&slices, 0.95}, {&ratios, 0.0}}) w.objective(*what, beside(*what, slice_target, end));
  w.adopt();
  const auto run = [&](instant from, instant to, traffic is) { for (auto now = from; now < to; now += 1s) w.second(now, is); };
  run(start, start + 10h, {0.3, 0.001});
  run(start + 40h, start + 41h, {0.3, 0.5});        // set ahead by more than a day
  run(start + 11h, start + 11h + 1s, {0.3, 0.001});
  w.compare_budgets("just after the way back");
  run(start + 11h + 1s, start + 13h, {0.3, 0.001});      // and back again: what was told for the future is not there yet
  w.compare_budgets("after the way back");
  run(start + 13h, start + 44h, {0.3, 0.001});      // until the future has come
  w.compare_budgets("in the end");
  EXPECT_EQ(w.seen, w.expected);
  EXPECT_GE(w.seen.size(), 2U);
}

TEST(simulation, calendar_months_follow_the_zone_through_a_change_of_the_clock) {
  const instant end = start + 36 * 24h;
  world w(end);
  auto zone = time_zone::load("Europe/Berlin");
  ASSERT_TRUE(zone);
  auto month = std::make_shared<calendar>();
  month->start = parse_local_time("2026-01-01 00:00:00").value();
  month->each = {1, span_unit::month};
  month->zone_name = "Europe/Berlin";
  month->zone = std::make_shared<const time_zone>(std::move(*zone));
  const auto a = testing::availability("a", 0.99, window{30 * 24h, month});
  w.objective(a, beside(a, 0, end));
  w.beside(0).calendar_begin = [](instant now) {
    const instant march{seconds{1'772'319'600}}, april{seconds{1'774'994'400}};  // 2026-02-28T23:00Z and 2026-03-31T22:00Z: midnight in Berlin
    return now >= april ? april : march;
  };
  w.adopt();
  for (auto now = start; now < end; now += 1s) {
    if (now - start > 24h && now - start < 29 * 24h && now.time_since_epoch().count() % 600 > 30) {  // mostly quiet, so that it is quick
      now += 540s;
    }
    w.second(now, {0.1, 0.01});
    if (now.time_since_epoch().count() % 3'600 == 0) w.compare_budgets("on the way");
    if (::testing::Test::HasFailure()) break;
  }
  w.compare_budgets("in April");
  EXPECT_EQ(w.seen, w.expected);
}

}  // namespace
}  // namespace andon::slo
