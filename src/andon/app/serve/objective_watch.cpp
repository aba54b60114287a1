#include "andon/app/serve/objective_watch.hpp"
#include "andon/app/serve/set_aside.hpp"

#include <fmt/format.h>

#include <limits>

#include "andon/base/log.hpp"
#include "andon/base/threads.hpp"

namespace andon::app {
namespace {

using namespace std::chrono_literals;

constexpr nanoseconds after_the_second = 20ms;  // Records of the last second have come by then
constexpr nanoseconds before_another_try = 5s;
constexpr nanoseconds longest_farewell = 2s;
constexpr double none = std::numeric_limits<double>::quiet_NaN();

std::string labels_text(const slo::label_pairs& from) {
  std::string out;
  for (const auto& [name, value] : from) out += fmt::format("{}{}={}", out.empty() ? "" : " ", name, value);
  return out;
}

void log_of(const slo::signal& one) {
  std::string summary;
  for (const auto& [name, text] : one.annotations)
    if (name == "summary") summary = text;
  if (one.resolved)
    log::info("alert_over",
              {{"alert", one.name}, {"severity", one.severity}, {"labels", labels_text(one.labels)}, {"seconds", (*one.resolved - one.since).count()}});
  else log::warn("alert", {{"alert", one.name}, {"severity", one.severity}, {"labels", labels_text(one.labels)}, {"summary", summary}});
}

constexpr std::string_view counted_again = "objectives are counted again from the ledger; samples of load are gone";

}  // namespace

objective_watch::objective_watch(ledger::ledger& records, std::filesystem::path data, const clock& time, metrics::registry& registry)
    : records_(records), data_(std::move(data)), time_(time), registry_(registry),
      fired_(registry.make_counter({"andon.objective.alerts", "Alerts of objectives and rules that began", "{alert}"})) {}

objective_watch::~objective_watch() { stop(); }

void objective_watch::told(std::span<const slo::signal> all) {
  if (sink_) sink_(all);
  for (const auto& one : all) {
    if (!one.resolved) fired_.add();
    log_of(one);
  }
}

result<void> objective_watch::open(slo::watch_plan plan) {
  plan_ = std::move(plan);
  const auto open = [this] { return slo::watch::open(file(), time_, [this](std::span<const slo::signal> all) { told(all); }); };
  auto opened = open();
  if (!opened && set_aside_if_damaged(file(), opened.error(), counted_again)) opened = open();
  if (!opened) return std::unexpected(std::move(opened.error()));
  std::shared_ptr<slo::watch> made = std::move(*opened);
  if (auto adopted = made->adopt(plan_); !adopted) return adopted;
  std::vector<std::uint32_t> streams;
  for (const auto& stream : records_.status().journal.streams) streams.push_back(stream.next.stream);
  auto follows = slo::follower::make(*made, records_.segments(), streams);
  if (!follows) return std::unexpected(std::move(follows.error()));
  follower_.emplace(std::move(*follows));
  const std::lock_guard hold(mutex_);
  watch_ = std::move(made);
  return {};
}

std::shared_ptr<slo::watch> objective_watch::current() const {
  const std::lock_guard hold(mutex_);
  return watch_;
}

void objective_watch::adopt(slo::watch_plan plan) {
  {
    const std::lock_guard hold(mutex_);
    next_plan_ = std::move(plan);
  }
  wake_.notify_one();
}

void objective_watch::tell(slo::measure what, double value) {
  if (const auto watch = current()) (void)watch->sample(what, value);
}

result<void> objective_watch::take_samples() {
  for (const auto& one : samples_)
    if (const auto value = one.read())
      if (auto told = watch_->sample(one.what, *value); !told) return told;
  if (shed_)
    if (const auto surge = surges_.add(watch_->read_figures().records, shed_()))
      if (auto told = watch_->sample(slo::measure::surge_absorbed, *surge); !told) return told;
  if (!strangers_) return {};
  const auto strangers = strangers_(), records = watch_->read_figures().records;
  const auto bad = static_cast<std::int64_t>(strangers - std::exchange(known_strangers_, strangers));
  const auto good = records < known_records_ ? 0 : static_cast<std::int64_t>(records - known_records_);
  known_records_ = records;
  if (good + bad > 0) return watch_->sample(slo::measure::logins, slo::counts{good, good + bad});
  return {};
}

result<bool> objective_watch::turn() {
  std::optional<slo::watch_plan> next;
  {
    const std::lock_guard hold(mutex_);
    next.swap(next_plan_);
  }
  if (next) plan_ = std::move(*next);
  if (!watch_)
    if (auto opened = open(plan_); !opened) return std::unexpected(std::move(opened.error()));
  if (next) {
    if (auto saved = follower_->save(); !saved) return std::unexpected(std::move(saved.error()));
    if (auto adopted = watch_->adopt(plan_); !adopted) return std::unexpected(std::move(adopted.error()));
    follower_->plan_changed();
    readings_ = observe_objectives(registry_, *this);
  }
  const auto now = std::chrono::floor<slo::seconds>(time_.wall());
  if (now != sampled_ && !follower_->is_blind())  // its seconds stand still
    if (auto taken = take_samples(); !taken) return std::unexpected(std::move(taken.error()));
  sampled_ = now;
  return follower_->turn(now);
}

std::string objective_watch::problem() const {
  const std::lock_guard hold(mutex_);
  return problem_;
}

void objective_watch::note(std::string problem) {
  std::unique_lock hold(mutex_);
  const bool was = !problem_.empty(), is = !problem.empty();
  problem_ = problem;
  hold.unlock();
  if (is && !was) log::error("objectives_not_watched", {{"meaning", "budgets and alerts stand still, or new objectives are not filled; it is tried again"}, {"reason", problem}});
  if (was && !is) log::info("objectives_watched_again", {});
}

/// What is in memory goes with it; the journal has everything that was not saved.
void objective_watch::give_up() {
  follower_.reset();
  const std::lock_guard hold(mutex_);
  watch_.reset();
}

void objective_watch::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const auto more = turn();
    note(more ? follower_->problem() : more.error().message);
    if (!more) {
      give_up();
      (void)set_aside_if_damaged(file(), more.error(), counted_again);
    }
    lock.lock();
    if (stopping_ || (more && *more)) continue;
    const auto now = time_.wall();
    const nanoseconds rest = std::chrono::floor<slo::seconds>(now) + 1s + after_the_second - now;
    wake_.wait_for(lock, more ? rest : before_another_try, [this] { return stopping_ || next_plan_.has_value(); });
  }
}

void objective_watch::start() {
  readings_ = observe_objectives(registry_, *this);
  thread_ = std::thread([this] {
    name_this_thread("objectives");
    yield_to_cores();
    run();
  });
}

void objective_watch::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  readings_.clear();
  if (!follower_) return;
  const auto until = deadline::after(time_.mono(), longest_farewell);  // the journal has the rest for the next start
  for (auto more = turn(); more && *more && !until.passed(time_.mono()); more = turn()) {}
  if (follower_)
    if (const auto saved = follower_->save(); !saved)
      log::warn("objectives_not_saved", {{"meaning", "the next start reads the journal again from where it was saved"}, {"reason", saved.error().message}});
}

std::vector<std::shared_ptr<void>> observe_objectives(metrics::registry& registry, const objective_watch& of) {
  std::vector<std::shared_ptr<void>> out;
  const auto watch = of.current();
  if (!watch) return out;
  const auto gauge = [&](const char* name, const char* help, const char* unit, const metrics::labels& labels, auto read) {
    out.push_back(registry.observe({name, help, unit}, metrics::kind::gauge, labels, std::move(read)));
  };
  for (const auto& one : watch->objectives()) {
    const auto& name = one.what.name;
    const auto ask = [&of, name](auto value) {
      return [&of, name, value]() -> double {
        const auto now = of.current();
        const auto status = now ? now->objective(name) : std::nullopt;
        return status ? value(*status) : none;
      };
    };
    const metrics::labels labels{{"objective", name}};
    using status = slo::objective_status;
    gauge("andon.objective.target", "Promised share of good events", "1", labels, ask([](const status& s) { return s.what.target; }));
    gauge("andon.objective.ratio", "Share of good events over the objective's window", "1", labels,
          ask([](const status& s) { return s.budget.good_ratio.value_or(none); }));
    gauge("andon.objective.budget_left", "Share of the error budget that is left", "1", labels,
          ask([](const status& s) { return s.budget.left().value_or(none); }));
    gauge("andon.objective.burn_rate", "How fast the budget burned over the last hour; 1 uses it up exactly over the window", "1", labels,
          ask([](const status& s) { return s.budget.burn_rate.value_or(none); }));
    gauge("andon.objective.alerts_firing", "Alerts of the objective that are firing", "{alert}", labels,
          ask([](const status& s) { return static_cast<double>(s.firing.size()); }));
    const auto counter = [&](const char* metric, const char* help, auto read) {
      out.push_back(registry.observe({metric, help, "{event}"}, metrics::kind::counter, labels, std::move(read)));
    };
    counter("andon.objective.events", "Events of the objective since the start; of those that count slices of time, millionths of slices",
            ask([](const status& s) { return static_cast<double>(s.tallied.total); }));
    counter("andon.objective.bad_events", "Bad events of the objective since the start",
            ask([](const status& s) { return static_cast<double>(s.tallied.bad()); }));
  }
  gauge("andon.watch.tick", "How long the last judgement of all objectives took", "s", {}, [&of] {
    const auto now = of.current();
    return now ? static_cast<double>(now->read_figures().tick.count()) / 1e9 : none;
  });
  return out;
}

}  // namespace andon::app
