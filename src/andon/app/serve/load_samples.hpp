#pragma once
// What a running gateway can tell of its load and of the age of what it works with, as samples for the watch.
#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "andon/access/admission.hpp"
#include "andon/app/serve/core_unit.hpp"
#include "andon/app/serve/objective_watch.hpp"
#include "andon/route/target_health.hpp"

namespace andon::app {

/// How long work waits for its core: asks every core, and tells the longest wait that was seen since the last question. A
/// core that has not answered yet has waited since it was asked. One thread asks.
class loop_lag {
public:
  loop_lag(std::vector<core_unit>& cores, const clock& time);
  std::optional<double> read();

private:
  struct answer { std::atomic<bool> open{false}; std::atomic<std::int64_t> worst{0}; mono_time asked{}; };
  std::vector<core_unit>& cores_;
  const clock& time_;
  std::vector<std::shared_ptr<answer>> answers_;
};

/// Share of the machine's processors that the program used since the last question.
class processor_use {
public:
  explicit processor_use(const clock& time);
  std::optional<double> read();

private:
  const clock& time_;
  mono_time last_at_;
  nanoseconds last_used_;
};

/// Calls a second that all processors could take, from how many there were since the last question and what share of the
/// processors the program used for them: rate / utilisation (the utilisation law, U = X S). Nothing of few calls, where what
/// runs anyway would pass for their cost.
class call_capacity {
public:
  /// `calls`: ended since the start.
  call_capacity(std::function<std::uint64_t()> calls, const clock& time);
  std::optional<double> read();

private:
  std::function<std::uint64_t()> calls_;
  const clock& time_;
  processor_use used_;
  mono_time last_at_;
  std::uint64_t last_calls_;
};

struct load_sources {
  std::vector<core_unit>& cores;
  const clock& time;
  access::admission& limits;
  route::health_table& health;
  ledger::ledger& records;
  std::function<gateway::plan_ptr()> plan;
  std::size_t max_connections;   ///< of all cores
};
std::vector<live_sample> load_samples(load_sources from);

}  // namespace andon::app
