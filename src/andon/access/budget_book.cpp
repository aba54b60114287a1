#include "andon/access/budget_book.hpp"

#include <algorithm>

#include "andon/base/log.hpp"
#include "andon/base/money.hpp"

namespace andon::access {
namespace {

constexpr std::int64_t kept_after_end = 32 * 86'400;

bool applies(const bound_budget& rule, std::span<const std::string> tags) {
  return rule.only_tag.empty() || std::ranges::find(tags, rule.only_tag) != tags.end();
}

/// Every account of the rule that the call counts for; must be the same as in admission::take_budget.
template <class Visit>
void each_account(const bound_budget& rule, std::string_view user, std::span<const std::string> tags, Visit visit) {
  if (!applies(rule, tags)) return;
  auto id = rule.id;
  if (rule.account == nullptr && rule.per.has(scope::user)) id = member_id(id, user);
  if (rule.account != nullptr || !rule.per.has(scope::tag)) return visit(id);
  for (std::size_t i = 0; i < tags.size(); ++i)
    if (std::ranges::find(tags.first(i), tags[i]) == tags.first(i).end()) visit(member_id(id, tags[i]));
}

}  // namespace

budget_book::budget_book(std::size_t max_rows, metrics::registry* metrics) : max_rows_(max_rows) {
  if (metrics == nullptr) return;
  observed_.push_back(metrics->observe({"andon_budget_book_rows", "Budget accounts that are kept over a restart.", ""}, metrics::kind::gauge, {},
                                       [this] { return static_cast<double>(count_.load(std::memory_order_relaxed)); }));
  observed_.push_back(metrics->observe({"andon_budget_book_forgotten", "Charges of users and tags that are not kept over a restart, because too many spend at once; must be 0.", ""},
                                       metrics::kind::counter, {}, [this] { return static_cast<double>(forgotten()); }));
}

/// Drops rows of periods that are over; looks only when there can be one.
bool budget_book::make_room() {
  if (latest_ < sweep_from_) return false;
  std::erase_if(rows_, [&](const auto& item) { return item.second.end <= latest_; });
  sweep_from_ = INT64_MAX;
  for (const auto& [key, value] : rows_) sweep_from_ = std::min(sweep_from_, value.end);
  return rows_.size() < max_rows_;
}

void budget_book::forget(nano_usd cost) {
  if (forgotten_.fetch_add(1, std::memory_order_relaxed) % max_rows_ != 0) return;
  log::error("budget_book_full", {{"rows", rows_.size()}, {"cost_usd", format_usd(cost)}, {"meaning", "what further users and tags spend in this period is forgotten at a restart"}});
}

void budget_book::add(std::uint64_t id, period in, nano_usd cost, need room) {
  const row_key key{id, in.begin.time_since_epoch().count()};
  if (const auto found = rows_.find(key); found != rows_.end()) {
    found->second.spent += cost;
    return;
  }
  if (rows_.size() >= max_rows_ && !make_room() && room == need::if_there_is_room) return forget(cost);
  const auto end = in.end.time_since_epoch().count();
  rows_.emplace(key, row{end, cost});
  sweep_from_ = std::min(sweep_from_, end);
  count_.store(rows_.size(), std::memory_order_relaxed);
}

void budget_book::charge(const directory& in_force, const spend_facts& facts) {
  if (facts.cost <= nano_usd{0}) return;
  latest_ = std::max(latest_, std::chrono::floor<std::chrono::seconds>(facts.started).time_since_epoch().count());
  in_force.each_budget(facts.project, facts.key, in_force.find_route(facts.route), [&](const bound_budget& rule) {
    const auto in = rule.periods->at(rule.length, facts.started);
    each_account(rule, facts.user, facts.tags, [&](std::uint64_t id) { add(id, in, facts.cost, rule.account != nullptr ? need::always : need::if_there_is_room); });
  });
}

void budget_book::restore(std::uint64_t account, period in, nano_usd spent) {
  rows_[{account, in.begin.time_since_epoch().count()}] = {in.end.time_since_epoch().count(), spent};
  sweep_from_ = INT64_MIN;
  count_.store(rows_.size(), std::memory_order_relaxed);
}

void budget_book::load(const checkpoint& from) {
  rows_.clear();
  sweep_from_ = INT64_MIN;
  for (const auto& r : from.rows) rows_[{r.id, r.period_begin}] = {r.period_end, r.spent};
  count_.store(rows_.size(), std::memory_order_relaxed);
}

checkpoint budget_book::take_checkpoint(std::vector<std::pair<std::string, std::uint64_t>> positions) const {
  checkpoint out{std::move(positions), {}};
  out.rows.reserve(rows_.size());
  for (const auto& [key, value] : rows_) out.rows.push_back({key.id, key.begin, value.end, value.spent});
  return out;
}

void budget_book::prune(wall_time now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  std::erase_if(rows_, [&](const auto& item) { return item.second.end + kept_after_end < second; });
  count_.store(rows_.size(), std::memory_order_relaxed);
}

nano_usd budget_book::spent(std::uint64_t account, period in) const {
  const auto found = rows_.find({account, in.begin.time_since_epoch().count()});
  return found == rows_.end() ? nano_usd{0} : found->second.spent;
}

void budget_book::seed(const directory& in_force, admission& live, wall_time now) const {
  std::unordered_map<std::uint64_t, const bound_budget*> fixed;
  for (const auto& rule : in_force.budgets())
    if (rule->account != nullptr) fixed.emplace(rule->id, rule.get());
  for (const auto& [key, value] : rows_) {
    const period in{wall_seconds{std::chrono::seconds{key.begin}}, wall_seconds{std::chrono::seconds{value.end}}};
    if (in.end <= now) continue;
    if (const auto found = fixed.find(key.id); found != fixed.end()) found->second->account->restore(in, value.spent);
    else live.restore_user(key.id, in, now, value.spent);
  }
}

std::vector<budget_reading> read_budgets(const directory& in_force, wall_time now) {
  std::vector<budget_reading> out;
  for (const auto& rule : in_force.budgets()) {
    if (rule->account == nullptr) continue;
    const auto in = rule->periods->at(rule->length, now);
    const auto [spent, reserved] = rule->account->read(in);
    const auto threshold = static_cast<__int128>(rule->limit.value()) * rule->alarm_percent;
    const bool alarm = static_cast<__int128>((spent + reserved).value()) * 100 >= threshold;
    out.push_back({rule.get(), in, spent, reserved, alarm});
  }
  return out;
}

}  // namespace andon::access
