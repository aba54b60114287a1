#pragma once
// The watch's private side.
#include "andon/slo/watch.hpp"

namespace andon::slo {

/// A series that objectives share, with what its bad events are owed to and is not saved yet.
struct counted_series {
  series_spec what;
  std::unique_ptr<count_series> series;
  std::map<instant, losses> lost;  ///< by hour
};

struct watch::state {
  state(std::unique_ptr<series_store> opened, const clock& clk, signals_sink to) : store(std::move(opened)), time(clk), sink(std::move(to)) {}

  mutable std::mutex lock;
  std::unique_ptr<series_store> store;
  const clock& time;
  signals_sink sink;
  instant now{};
  bool first_plan = true;
  std::map<std::string, std::unique_ptr<counted_series>> series;  ///< by identity
  std::vector<counted_series*> in_order;
  std::vector<std::unique_ptr<evaluator>> evaluators;
  std::map<std::string, std::unique_ptr<indicator>> indicators;   ///< by name
  std::vector<indicator*> indicators_in_order;
  std::vector<std::unique_ptr<rule>> rules;
  match_table matches;                                            ///< of in_order, then of indicators_in_order
  std::vector<series_id> new_slices;                              ///< whose filling ends with the next save
  bool past_complete = false;
  std::map<std::string, std::string> notes, fresh_notes;         ///< alerts' memory, as it lies in the store and as it will
  instant saved{}, forgot{}, pruned{};
  figures read;

  /// One transaction: all of it or nothing.
  result<void> together(const std::function<result<void>()>& write);
  result<std::vector<signal>> adopt(watch_plan plan);
  result<void> take_up(watch_plan plan);
  result<counted_series*> series_of(const series_spec& what);
  result<std::unique_ptr<evaluator>> make(objective_spec what);
  result<std::unique_ptr<slice_series>> make_slices(const objective_spec& what, const std::vector<count_series*>& members);
  result<void> make_indicators(std::vector<indicator_spec> wanted);
  result<void> make_rules(std::vector<rule_spec> wanted, const std::map<std::string, std::string>& memory);
  void index();
  std::vector<signal> firing();
  std::vector<signal> gone_since(const std::vector<signal>& before);
  std::map<std::string, std::string> memories();
  result<std::string> memory_of(const std::string& name, const std::map<std::string, std::string>& memory);

  result<void> count(const ledger::record_view& record, bool past);
  void lose(counted_series& of, const ledger::record_view& record, const counts& events, instant at);
  result<void> sample(measure what, const std::function<contribution(const series_spec&)>& contribution);
  result<std::vector<signal>> judge();
  [[nodiscard]] bool is_to_be_saved() const;
  result<void> save(const std::vector<ledger::checkpoint>& reached);
  result<void> put_all(const std::vector<ledger::checkpoint>& reached);
  void settle();
  result<void> tidy();
  result<void> prune();
  [[nodiscard]] bool alerts_changed() const;
  evaluator* find(std::string_view name);
  objective_status status_of(evaluator& of);
  template <class F> void each_tiers(F&& call);
};

template <class F>
void watch::state::each_tiers(F&& call) {
  for (auto* one : in_order) call(one->series->sums());
  for (auto& one : evaluators)
    if (one->slices() != nullptr) call(one->slices()->series().sums());
  for (auto* one : indicators_in_order)
    for (auto& [of, group] : one->groups()) call(group->sums);
}

}  // namespace andon::slo
