// Taking up a plan: series are shared by identity and kept across plans, alerts keep their memory by name.
#include <algorithm>
#include <set>

#include "andon/slo/watch_state.hpp"

namespace andon::slo {
namespace {

std::string note_name(std::string_view kind, std::string_view name) { return std::string(kind) + ":" + std::string(name); }

bool same(const signal& a, const signal& b) { return a.name == b.name && a.severity == b.severity && a.labels == b.labels; }

}  // namespace

result<counted_series*> watch::state::series_of(const series_spec& what) {
  const auto name = what.identity();
  if (const auto known = series.find(name); known != series.end()) return known->second.get();
  const auto stored = store->series(name);
  if (!stored) return std::unexpected(stored.error());
  const bool from_records = slo::about(what.what).source == measure_source::records || what.good;
  if (stored->filling)
    if (auto erased = store->erase(stored->id); !erased) return std::unexpected(std::move(erased.error()));
  if (stored->filling && !from_records)
    if (auto set = store->set_filling(stored->id, false); !set) return std::unexpected(std::move(set.error()));
  auto made = std::make_unique<counted_series>();
  made->what = what;
  made->series = std::make_unique<count_series>(*store, stored->id, count_series::grain::second, now);
  made->series->set_incomplete(stored->filling && from_records);
  return series.emplace(name, std::move(made)).first->second.get();
}

result<std::unique_ptr<slice_series>> watch::state::make_slices(const objective_spec& what, const std::vector<count_series*>& members) {
  const auto stored = store->series(what.slices_identity());
  if (!stored) return std::unexpected(stored.error());
  auto closed = now;
  if (stored->filling) {
    if (auto erased = store->erase(stored->id); !erased) return std::unexpected(std::move(erased.error()));
    for (auto* one : members) {
      const auto first = store->first_block(one->sums().id(), tier::minute);
      if (!first) return std::unexpected(first.error());
      if (*first) closed = std::min(closed, std::max(**first, now - slo::about(tier::minute).keep));
    }
    new_slices.push_back(stored->id);
  }
  std::vector<slice_series::member> parts;
  for (std::size_t i = 0; i < members.size(); ++i) parts.push_back({members[i], what.members[i].weight, what.members[i].slice_target});
  const auto rule = what.method == budgeting::timeslices ? slice_rule::all_good : slice_rule::ratios;
  return std::make_unique<slice_series>(*store, stored->id, what.slice, rule, std::move(parts), what.maintenance, closed);
}

result<std::unique_ptr<evaluator>> watch::state::make(objective_spec what) {
  std::vector<count_series*> members;
  for (const auto& one : what.members) {
    const auto counted = series_of(one.what);
    if (!counted) return std::unexpected(counted.error());
    members.push_back((*counted)->series.get());
  }
  std::unique_ptr<slice_series> slices;
  if (what.method != budgeting::occurrences) {
    auto made = make_slices(what, members);
    if (!made) return std::unexpected(std::move(made.error()));
    slices = std::move(*made);
    slices->move_to(now);
  }
  return std::make_unique<evaluator>(std::move(what), std::move(members), std::move(slices));
}

result<void> watch::state::make_indicators(std::vector<indicator_spec> wanted) {
  std::map<std::string, std::unique_ptr<indicator>> made;
  indicators_in_order.clear();
  for (auto& one : wanted) {
    const auto name = one.name;
    auto fresh = std::make_unique<indicator>(std::move(one), *store);
    const auto known = indicators.find(name);
    if (known != indicators.end() && known->second->identity() == fresh->identity()) fresh = std::move(known->second);
    else {
      const auto stored = store->series(fresh->identity());
      if (!stored) return std::unexpected(stored.error());
      const bool from_records = slo::about(fresh->what().what.what).source == measure_source::records || fresh->what().what.good;
      if (stored->filling) {
        auto groups = store->names_beginning(fresh->identity());
        if (!groups) return std::unexpected(std::move(groups.error()));
        for (const auto& [group, id] : *groups)
          if (auto erased = store->erase(id); !erased) return erased;
        if (!from_records)
          if (auto set = store->set_filling(stored->id, false); !set) return set;
        fresh->set_filling(from_records);
      }
      if (auto loaded = fresh->load(); !loaded) return loaded;
    }
    indicators_in_order.push_back(fresh.get());
    made[name] = std::move(fresh);
  }
  indicators = std::move(made);
  return {};
}

std::map<std::string, std::string> watch::state::memories() {
  std::map<std::string, std::string> out;
  for (const auto& one : evaluators) out[note_name("objective", one->what().name)] = one->save();
  for (const auto& one : rules) out[note_name("rule", one->what().name)] = one->save();
  return out;
}

result<std::string> watch::state::memory_of(const std::string& name, const std::map<std::string, std::string>& memory) {
  if (const auto known = memory.find(name); known != memory.end()) return known->second;
  if (!first_plan) return std::string{};
  auto stored = store->note(name);
  if (!stored) return std::unexpected(std::move(stored.error()));
  return stored->value_or("");
}

result<void> watch::state::make_rules(std::vector<rule_spec> wanted, const std::map<std::string, std::string>& memory) {
  for (auto& one : wanted) {
    const auto of = indicators.find(one.indicator);
    if (of == indicators.end()) return fail(errc::not_found, "the rule '" + one.name + "' is about an indicator that is not there: " + one.indicator);
    const auto name = note_name("rule", one.name);
    rules.push_back(std::make_unique<rule>(std::move(one), *of->second));
    const auto saved_state = memory_of(name, memory);
    if (!saved_state) return std::unexpected(saved_state.error());
    rules.back()->restore(*saved_state);
  }
  return {};
}

void watch::state::index() {
  in_order.clear();
  std::vector<const ledger::record_filter*> filters;
  for (auto& [name, one] : series) {
    in_order.push_back(one.get());
    filters.push_back(&one->what.filter);
  }
  for (const auto* one : indicators_in_order) filters.push_back(&one->what().what.filter);
  matches = match_table(filters);
}

std::vector<signal> watch::state::gone_since(const std::vector<signal>& before) {
  const auto still = firing();
  std::vector<signal> out;
  for (const auto& one : before) {
    if (std::ranges::any_of(still, [&](const signal& other) { return same(one, other); })) continue;
    out.push_back(one);
    out.back().resolved = now;
  }
  return out;
}

result<std::vector<signal>> watch::state::adopt(watch_plan plan) {
  const auto before = firing();
  if (auto taken = together([&] { return take_up(std::move(plan)); }); !taken) return std::unexpected(std::move(taken.error()));
  first_plan = false;
  past_complete = false;
  return gone_since(before);
}

result<void> watch::state::take_up(watch_plan plan) {
  const auto memory = memories();
  std::set<std::string> used;
  for (const auto& objective : plan.objectives)
    for (const auto& member : objective.members) used.insert(member.what.identity());
  evaluators.clear();
  rules.clear();
  // What is still being filled begins again: from now on the past ends where count() is by now.
  std::erase_if(series, [&](const auto& entry) { return entry.second->series->incomplete() || !used.contains(entry.first); });
  std::erase_if(indicators, [](const auto& entry) { return entry.second->filling(); });
  for (auto& [name, one] : series) one->series->forget_windows();
  for (auto& one : plan.objectives) {
    const auto name = note_name("objective", one.name);
    auto made = make(std::move(one));
    if (!made) return std::unexpected(std::move(made.error()));
    const auto saved_state = memory_of(name, memory);
    if (!saved_state) return std::unexpected(saved_state.error());
    (*made)->restore(*saved_state);
    evaluators.push_back(std::move(*made));
  }
  if (auto made = make_indicators(std::move(plan.indicators)); !made) return made;
  if (auto made = make_rules(std::move(plan.rules), memory); !made) return made;
  index();
  return {};
}

}  // namespace andon::slo
