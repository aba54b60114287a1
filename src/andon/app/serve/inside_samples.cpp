#include "andon/app/serve/inside_samples.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "andon/llm/price.hpp"

namespace andon::app {
namespace {

constexpr std::size_t files_of_its_own = 256;   // journal, databases, listeners, the admin port's

double in_seconds(nanoseconds span) { return static_cast<double>(span.count()) / 1e9; }

live_sample slowest_of(slo::measure what, admin::slowest& from) {
  return {what, [&from]() -> std::optional<double> {
            const auto took = from.take();
            return took ? std::optional(in_seconds(*took)) : std::nullopt;
          }};
}

}  // namespace

idle_share::idle_share(std::function<nanoseconds()> worked, const clock& time) : worked_(std::move(worked)), time_(time), last_at_(time.mono()), last_worked_(worked_()) {}

std::optional<double> idle_share::read() {
  const auto at = time_.mono();
  const auto worked = worked_();
  const auto span = at - last_at_;
  if (span <= nanoseconds{}) return std::nullopt;
  const auto busy = in_seconds(worked - last_worked_) / in_seconds(span);
  last_at_ = at;
  last_worked_ = worked;
  return std::clamp(1 - busy, 0.0, 1.0);
}

std::size_t connections_by_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const auto files = static_cast<std::size_t>(limit.rlim_cur);
  return files > files_of_its_own ? (files - files_of_its_own) / 2 : 0;
}

std::vector<live_sample> inside_samples(inside_sources from) {
  const auto store = std::make_shared<idle_share>([&records = from.records] { return records.index_work(); }, from.time);
  const auto capacity = static_cast<double>(std::min(from.max_connections, connections_by_files()));
  const auto age = [&time = from.time](std::optional<wall_time> of) { return of ? std::optional(std::max(0.0, in_seconds(time.wall() - *of))) : std::nullopt; };
  return {
      {slo::measure::price_age, [age, taken = llm::price_table::shipped_on()] { return age(taken); }},
      {slo::measure::integrity_age, [age, &integrity = from.integrity] { return age(integrity.last_whole()); }},
      {slo::measure::store_headroom, [store] { return store->read(); }},
      {slo::measure::connections_capacity, [capacity]() -> std::optional<double> { return capacity; }},
      {slo::measure::dashboards_age, [age, &objectives = from.objectives] {
         const auto watch = objectives.current();
         return watch && watch->now() != slo::instant{} ? age(wall_time{watch->now()}) : std::nullopt;
       }},
      slowest_of(slo::measure::console_page, from.console.page),
      slowest_of(slo::measure::sign_in, from.console.sign_in),
  };
}

}  // namespace andon::app
