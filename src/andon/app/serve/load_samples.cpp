#include "andon/app/serve/load_samples.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "andon/route/waiting_room.hpp"

namespace andon::app {
namespace {

nanoseconds processor_time() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& t) { return std::chrono::seconds{t.tv_sec} + std::chrono::microseconds{t.tv_usec}; };
  return of(used.ru_utime) + of(used.ru_stime);
}

double in_seconds(nanoseconds span) { return static_cast<double>(span.count()) / 1e9; }

constexpr double least_calls = 100;  // of a second, to tell what one costs

}  // namespace

loop_lag::loop_lag(std::vector<core_unit>& cores, const clock& time) : cores_(cores), time_(time) {
  for (std::size_t i = 0; i < cores.size(); ++i) answers_.push_back(std::make_shared<answer>());
}

std::optional<double> loop_lag::read() {
  nanoseconds worst{};
  const auto now = time_.mono();
  for (std::size_t i = 0; i < answers_.size(); ++i) {
    auto& one = answers_[i];
    worst = std::max(worst, nanoseconds{one->worst.exchange(0)});
    if (one->open.load()) {
      worst = std::max(worst, now - one->asked);
      continue;
    }
    one->asked = now;
    one->open = true;
    cores_[i].on.post([one, now, &time = time_] {
      one->worst = (time.mono() - now).count();
      one->open = false;
    });
  }
  return in_seconds(worst);
}

processor_use::processor_use(const clock& time) : time_(time), last_at_(time.mono()), last_used_(processor_time()) {}

std::optional<double> processor_use::read() {
  const auto at = time_.mono();
  const auto used = processor_time();
  const auto span = at - last_at_;
  if (span <= nanoseconds{}) return std::nullopt;
  const auto out = in_seconds(used - last_used_) / in_seconds(span) / std::max(1U, std::thread::hardware_concurrency());
  last_at_ = at;
  last_used_ = used;
  return out;
}

call_capacity::call_capacity(std::function<std::uint64_t()> calls, const clock& time)
    : calls_(std::move(calls)), time_(time), used_(time), last_at_(time.mono()), last_calls_(calls_()) {}

std::optional<double> call_capacity::read() {
  const auto at = time_.mono();
  const auto calls = calls_();
  const auto span = in_seconds(at - last_at_);
  const auto ended = calls < last_calls_ ? 0.0 : static_cast<double>(calls - last_calls_);
  const auto used = used_.read();
  last_at_ = at;
  last_calls_ = calls;
  if (!used || *used <= 0 || span <= 0 || ended < least_calls) return std::nullopt;
  return ended / span / *used;
}

std::vector<live_sample> load_samples(load_sources from) {
  const auto lag = std::make_shared<loop_lag>(from.cores, from.time);
  const auto processors = std::make_shared<processor_use>(from.time);
  const auto capacity = std::make_shared<call_capacity>([&records = from.records] { return records.status().appended; }, from.time);
  const auto open = [&limits = from.limits] { return static_cast<double>(limits.open_tickets()); };
  return {
      {slo::measure::cpu, [processors] { return processors->read(); }},
      {slo::measure::calls_capacity, [capacity] { return capacity->read(); }},
      {slo::measure::loop_lag, [lag] { return lag->read(); }},
      {slo::measure::queue, [&health = from.health]() -> std::optional<double> {
         double waiting = 0;
         for (const auto& [route, room] : health.rooms()) waiting += static_cast<double>(room->waiting());
         return waiting;
       }},
      {slo::measure::calls_open, [open]() -> std::optional<double> { return open(); }},
      {slo::measure::calls_headroom, [open, most = from.max_connections]() -> std::optional<double> { return std::max(0.0, 1 - open() / static_cast<double>(most)); }},
      {slo::measure::index_lag, [&records = from.records]() -> std::optional<double> { return static_cast<double>(records.status().waiting); }},
      {slo::measure::models_age, [plan = from.plan, &time = from.time]() -> std::optional<double> {
         const auto now = plan();
         return now ? std::optional(in_seconds(time.wall() - now->made)) : std::nullopt;
       }},
  };
}

}  // namespace andon::app
