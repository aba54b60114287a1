#include "andon/slo/indicator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "andon/slo/interval.hpp"

namespace andon::slo {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 6> dimension_names{"project", "route", "model", "provider", "region", "key"};
constexpr std::array<std::string_view, 13> names{"good", "bad", "rate", "good_rate", "count", "good_count", "sum", "mean", "p50", "p90", "p95", "p99", "lower_bound"};
constexpr char between = '\x1f';  // of a group's values in the store's name of its series
constexpr std::string_view rest = "other";

std::string_view value_of(dimension which, const ledger::record_view& r) {
  switch (which) {
    case dimension::project: return r.project();
    case dimension::route: return r.route();
    case dimension::model: return r.model();
    case dimension::provider: return r.provider();
    case dimension::region: return r.region();
    case dimension::key: return r.key();
  }
  return {};
}

std::optional<double> lowest_share(const counts& of) {
  constexpr double two_sided = 0.90;  // its lower end leaves 5 % below
  const auto within = wilson_interval(static_cast<std::uint64_t>(of.good), static_cast<std::uint64_t>(of.total), two_sided);
  if (!within) return std::nullopt;
  return within->low;
}

template <class T>
std::optional<T> parse_in(const auto& table, std::string_view text) {
  const auto found = std::ranges::find(table, text);
  if (found == table.end()) return std::nullopt;
  return static_cast<T>(found - table.begin());
}

}  // namespace

std::optional<dimension> parse_dimension(std::string_view text) { return parse_in<dimension>(dimension_names, text); }
std::string_view to_string(dimension which) { return dimension_names[static_cast<std::size_t>(which)]; }
std::optional<statistic> parse_statistic(std::string_view text) { return parse_in<statistic>(names, text); }
std::string_view to_string(statistic which) { return names[static_cast<std::size_t>(which)]; }
std::span<const std::string_view> statistic_names() { return names; }

bool is_of_numbers(statistic what) {
  using enum statistic;
  return what == sum || what == mean || what == p50 || what == p90 || what == p95 || what == p99;
}

std::optional<double> value_of(statistic what, const distribution& from, seconds over) {
  const auto span = static_cast<double>(over.count());
  switch (what) {
    case statistic::good: return from.events.good_ratio();
    case statistic::bad: return from.events.bad_ratio();
    case statistic::rate: return static_cast<double>(from.events.total) / span;
    case statistic::good_rate: return static_cast<double>(from.events.good) / span;
    case statistic::count: return static_cast<double>(from.events.total);
    case statistic::good_count: return static_cast<double>(from.events.good);
    case statistic::sum: return from.sum;
    case statistic::mean: return from.mean();
    case statistic::p50: return from.values.quantile(0.5);
    case statistic::p90: return from.values.quantile(0.9);
    case statistic::p95: return from.values.quantile(0.95);
    case statistic::p99: return from.values.quantile(0.99);
    case statistic::lower_bound: return lowest_share(from.events);
  }
  return std::nullopt;
}

statistic usual_statistic(measure what) {
  switch (what) {
    case measure::goodput: return statistic::good_rate;
    case measure::cost:
    case measure::tokens:
    case measure::input_tokens:
    case measure::output_tokens: return statistic::sum;
    case measure::csat:
    case measure::nps:
    case measure::score:
    case measure::attempts: return statistic::mean;
    case measure::tokens_per_second: return statistic::p50;   // more is better: its 95th percentile hides who waits
    default: break;
  }
  if (about(what).kind == measure_kind::ratio) return statistic::good;
  return about(what).source == measure_source::samples ? statistic::mean : statistic::p95;
}

std::string measure_reference() {
  std::string out = "# Measures\n\n| measure | kind | from | unit | told by | what it counts |\n| --- | --- | --- | --- | --- | --- |\n";
  for (const auto& one : measure_table())
    out += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", one.name, one.kind == measure_kind::ratio ? "good among all" : "number", one.source == measure_source::records ? "Records" : "samples", one.unit,
                       to_string(usual_statistic(one.which)), one.meaning);
  return out;
}

std::string indicator::identity() const {
  std::string out = "indicator:" + what_.name + ":" + what_.what.identity();
  for (const auto one : what_.by) out.append("|by:").append(to_string(one));
  return out;
}

std::string indicator::identity_of(const group& which) const {
  std::string out = identity();
  for (const auto& value : which) (out += between) += value;
  return out;
}

label_pairs indicator::labels_of(const group& of) const {
  label_pairs out;
  for (std::size_t i = 0; i < what_.by.size() && i < of.size(); ++i) out.emplace_back(to_string(what_.by[i]), of[i]);
  return out;
}

result<void> indicator::load() {
  auto known = store_->names_beginning(identity());
  if (!known) return std::unexpected(std::move(known.error()));
  const auto whole = identity().size();
  for (const auto& [name, id] : *known) {
    group of;
    for (std::size_t at = whole; at < name.size();) {
      const auto end = std::min(name.find(between, at + 1), name.size());
      of.push_back(name.substr(at + 1, end - at - 1));
      at = end;
    }
    if (of.size() == what_.by.size() && (name.size() == whole || name[whole] == between))
      groups_.emplace(std::move(of), std::make_unique<group_sums>(tiers<distribution>(*store_, id)));
  }
  return {};
}

result<indicator::known_groups::value_type*> indicator::of(const group& which) {
  if (const auto known = groups_.find(which); known != groups_.end()) return &*known;
  if (groups_.size() >= max_groups && std::ranges::any_of(which, [](const auto& one) { return one != rest; }))
    return of(group(what_.by.size(), std::string(rest)));
  const auto made = store_->series(identity_of(which));
  if (!made) return std::unexpected(made.error());
  return groups_.emplace(which, std::make_unique<group_sums>(tiers<distribution>(*store_, made->id))).first.operator->();
}

void indicator::put(group_sums& into, const contribution& more, instant at) const {
  auto& cell = into.fresh[at];
  cell.events += more.events;
  if (about(what_.what.what).kind != measure_kind::number || what_.what.good) return;
  cell.sum += more.value;
  cell.values.add(more.value);
}

result<void> indicator::add(const group& to, const contribution& more, instant at) {
  const auto found = of(to);
  if (!found) return std::unexpected(found.error());
  put(*(*found)->second, more, at);
  return {};
}

result<void> indicator::add(const ledger::record_view& record) {
  const auto more = contribution_of(what_.what, record);
  if (!more) return {};
  const auto is_of = [&](const group& known) {
    for (std::size_t i = 0; i < known.size(); ++i)
      if (known[i] != value_of(what_.by[i], record)) return false;
    return true;
  };
  if (last_ == nullptr || !is_of(last_->first)) {
    group to;
    for (const auto one : what_.by) to.emplace_back(value_of(one, record));
    const auto found = of(to);
    if (!found) return std::unexpected(found.error());
    last_ = *found;
  }
  put(*last_->second, *more, end_of(record));
  return {};
}

void indicator::settle(instant until, instant now) {
  for (auto& [of, one] : groups_) {
    auto& fresh = one->fresh;
    for (auto entry = fresh.begin(); entry != fresh.end() && entry->first < until; entry = fresh.erase(entry))
      for (const auto tier : {tier::second, tier::minute, tier::hour})
        if (entry->first >= now - about(tier).keep) one->sums.change(tier, entry->first).merge(entry->second);
  }
}

distribution indicator::over(const group& of, instant from, instant to) {
  const auto known = groups_.find(of);
  if (known == groups_.end()) return {};
  return known->second->sums.sum(from, to, to - from <= 1h);
}

}  // namespace andon::slo
