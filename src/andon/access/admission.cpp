#include "andon/access/admission.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "andon/base/hashing.hpp"
#include "andon/base/money.hpp"
#include "andon/base/time_text.hpp"

namespace andon::access {
namespace {

constexpr nanoseconds parallel_pause = std::chrono::seconds{1};
constexpr nanoseconds overload_pause = std::chrono::seconds{1};
constexpr std::size_t longest_member = 64;

std::string member_name(const std::string& rule, scope_set per, std::string_view member) {
  if (!per.has(scope::user) && !per.has(scope::tag)) return rule;
  const auto what = per.has(scope::tag) ? (per.has(scope::user) ? "user and tag" : "tag") : "user";
  return fmt::format("{}, {} {}", rule, what, member.empty() ? std::string_view{"(none)"} : member.substr(0, longest_member));
}

bool take_parallel(std::atomic<std::int64_t>& state, std::int64_t limit) {
  auto now = state.load(std::memory_order_relaxed);
  do {
    if (now >= limit) return false;
  } while (!state.compare_exchange_weak(now, now + 1, std::memory_order_relaxed));
  return true;
}

std::string_view adverb(window length) {
  constexpr std::array<std::string_view, 3> names{"daily", "weekly", "monthly"};
  return names[static_cast<std::size_t>(length)];
}

std::string wait_text(const refusal& why) {
  if (why.never) return "This call alone is larger than the limit.";
  return fmt::format("Try again in {} ms.", std::chrono::ceil<std::chrono::milliseconds>(why.retry_after).count());
}

}  // namespace

std::uint64_t member_id(std::uint64_t rule_id, std::string_view member) noexcept { return xxh3(member, rule_id); }

refusal budget_refusal(const bound_budget& rule, period in, nano_usd wanted, nano_usd committed, wall_time wall) {
  return {.code = errc::budget_exceeded, .scope_name = rule.name, .what = rule.owner, .limit = rule.limit.value(), .used = committed.value(), .wanted = wanted.value(),
          .never = wanted > rule.limit, .retry_after = std::max(nanoseconds{0}, nanoseconds{wall_time{in.end} - wall}), .resets = wall_time{in.end},
          .period = std::string(adverb(rule.length))};
}

struct admission::counters {
  metrics::counter& requests;
  metrics::counter& tokens;
  metrics::counter& parallel;
  metrics::counter& budget;
  metrics::counter& overloaded;
  metrics::counter& price;
  metrics::counter& unknown_price;
  std::vector<std::shared_ptr<void>> observed;

  metrics::counter& of(errc code) const {
    switch (code) {
      case errc::requests_limited: return requests;
      case errc::tokens_limited: return tokens;
      case errc::parallel_limited: return parallel;
      case errc::budget_exceeded: return budget;
      default: return overloaded;
    }
  }
};

admission::admission(metrics::registry* registry, user_table_sizes sizes) : user_limits_(sizes.limits), user_budgets_(sizes.budgets) {
  if (registry == nullptr) return;
  const metrics::description refused{"andon_admission_refused", "Calls refused by limits and budgets, by what ran out.", ""};
  auto by = [&](const char* reason) -> metrics::counter& { return registry->make_counter(refused, {{"reason", reason}}); };
  counters_.reset(new counters{by("requests"), by("tokens"), by("parallel"), by("budget"), by("overloaded"), by("unknown_price"),
                               registry->make_counter({"andon_admission_unknown_price", "Calls admitted without a known price: their cost is not in any budget.", ""}), {}});
  auto watch = [&](metrics::description about, metrics::kind what, std::function<double()> read) {
    counters_->observed.push_back(registry->observe(about, what, {}, std::move(read)));
  };
  watch({"andon_admission_open", "Calls that hold a reservation now.", ""}, metrics::kind::gauge, [this] { return static_cast<double>(open_tickets()); });
  watch({"andon_user_limits_evicted", "Users' limits forgotten before they were idle, because more users were active than the table holds.", ""},
        metrics::kind::counter, [this] { return static_cast<double>(user_limits_.evicted_active()); });
  watch({"andon_user_budgets_evicted", "Users' and tags' budgets merged upwards, because more spent in a period than the table holds.", ""},
        metrics::kind::counter, [this] { return static_cast<double>(user_budgets_.evicted_active()); });
}

admission::~admission() = default;

struct admission::attempt_ {
  const ask& what;
  mono_time now;
  wall_time wall;
  ticket held;
  refusal why;
};

bool admission::take_limit(attempt_& a, const bound_limit& rule, step at) {
  const auto now = to_ticks(a.now);
  const auto wanted = at == step::enter ? tokens{0} : a.what.estimate;
  ticket::hold h{.rule = &rule, .state = rule.state, .what = ticket::kind::limit, .tokens_taken = at == step::whole};
  const bool per_user = rule.state == nullptr;
  auto refuse = [&](errc code, std::int64_t limit, nanoseconds wait, bool never) {
    a.why = {.code = code, .scope_name = member_name(rule.name, rule.per, a.what.user), .what = rule.owner, .limit = limit, .used = limit, .never = never, .retry_after = wait};
    return false;
  };
  auto refuse_ticks = [&](errc code, std::int64_t limit, bucket_time ticks) { return refuse(code, limit, nanoseconds{ticks < 0 ? 0 : (ticks + 15) / 16}, ticks < 0); };
  if (per_user) {
    auto* entry = user_limits_.pin(member_id(rule.id, a.what.user), now);
    if (entry == nullptr) return refuse(errc::overloaded, 0, overload_pause, false);
    h.state = entry;
    h.what = ticket::kind::user_limit;
  }
  auto& state = ticket::state_of(h);
  auto unpin = [&] { if (per_user) user_limit_table::unpin(static_cast<user_limit_table::entry*>(h.state)); };
  bucket_time retry = 0;
  if (!state.requests.take(rule.requests, 1, now, retry)) {
    unpin();
    return refuse_ticks(errc::requests_limited, rule.requests.limit, retry);
  }
  if (h.tokens_taken && !state.tokens.take(rule.tokens, wanted.value(), now, retry)) {
    state.requests.give_back(rule.requests, 1, now);
    unpin();
    return refuse_ticks(errc::tokens_limited, rule.tokens.limit, retry);
  }
  if (rule.parallel >= 0 && !take_parallel(state.parallel, rule.parallel)) {
    state.tokens.give_back(rule.tokens, wanted.value(), now);
    state.requests.give_back(rule.requests, 1, now);
    unpin();
    return refuse(errc::parallel_limited, rule.parallel, parallel_pause, rule.parallel == 0);
  }
  a.held.push(h);
  return true;
}

bool admission::take_account(attempt_& a, const bound_budget& rule, std::string_view member, std::uint64_t id) {
  const auto in = rule.periods->at(rule.length, a.wall);
  const auto estimate = a.what.cost.value_or(nano_usd{0});
  const bool costs_nothing = a.what.cost && estimate == nano_usd{0};
  const auto limit = costs_nothing ? nano_usd::max() : rule.limit;
  nano_usd committed;
  ticket::hold h{.rule = &rule, .state = rule.account, .id = id, .in = in, .what = ticket::kind::budget};
  auto taken = user_budget_table::outcome::taken;
  if (rule.account != nullptr) {
    if (!rule.account->reserve(in, estimate, limit, committed)) taken = user_budget_table::outcome::exceeded;
  } else {
    user_budget_table::entry* entry = nullptr;
    taken = user_budgets_.reserve(id, in, a.wall, estimate, limit, committed, entry);
    h.state = entry;
    h.what = ticket::kind::user_budget;
  }
  if (taken == user_budget_table::outcome::taken) {
    a.held.push(h);
    return true;
  }
  a.why = budget_refusal(rule, in, estimate, committed, a.wall);
  a.why.scope_name = member_name(rule.name, rule.per, member);
  if (taken == user_budget_table::outcome::full) {
    a.why.code = errc::overloaded;
    a.why.never = false;
    a.why.retry_after = overload_pause;
    a.why.resets.reset();
  }
  return false;
}

bool admission::take_budget(attempt_& a, const bound_budget& rule) {
  if (!rule.only_tag.empty() && std::ranges::find(a.what.tags, rule.only_tag) == a.what.tags.end()) return true;
  if (rule.account != nullptr) return take_account(a, rule, {}, rule.id);
  auto id = rule.id;
  if (rule.per.has(scope::user)) id = member_id(id, a.what.user);
  if (!rule.per.has(scope::tag)) return take_account(a, rule, a.what.user, id);
  for (std::size_t i = 0; i < a.what.tags.size(); ++i) {
    const auto& tag = a.what.tags[i];
    if (std::find(a.what.tags.begin(), a.what.tags.begin() + static_cast<std::ptrdiff_t>(i), tag) != a.what.tags.begin() + static_cast<std::ptrdiff_t>(i)) continue;
    if (!take_account(a, rule, tag, member_id(id, tag))) return false;
  }
  return true;
}

bool admission::take_tokens(attempt_& a, ticket::hold& of) {
  const auto& rule = *static_cast<const bound_limit*>(of.rule);
  bucket_time retry = 0;
  of.tokens_taken = ticket::state_of(of).tokens.take(rule.tokens, a.what.estimate.value(), to_ticks(a.now), retry);
  if (of.tokens_taken) return true;
  a.why = {.code = errc::tokens_limited, .scope_name = rule.name, .what = rule.owner, .limit = rule.tokens.limit, .used = rule.tokens.limit,
           .never = retry < 0, .retry_after = nanoseconds{retry < 0 ? 0 : (retry + 15) / 16}};
  return false;
}

bool admission::take_rest(attempt_& a, std::size_t entered) {
  for (std::size_t i = 0; i < entered; ++i)
    if (!take_tokens(a, a.held.at(i))) return false;
  const auto& who = *a.what.who;
  const auto route = static_cast<std::size_t>(a.what.route);
  for (const auto* rule : who.limits)
    if (rule->state == nullptr && !take_limit(a, *rule, step::whole)) return false;
  if (route < who.route_limits.size())
    for (const auto* rule : who.route_limits[route])
      if (!take_limit(a, *rule, step::whole)) return false;
  for (const auto* rule : who.budgets)
    if (!take_budget(a, *rule)) return false;
  if (route < who.route_budgets.size())
    for (const auto* rule : who.route_budgets[route])
      if (!take_budget(a, *rule)) return false;
  return true;
}

std::expected<ticket, refusal> admission::enter(const caller& who, mono_time now) {
  const ask nothing_yet{.who = who};
  attempt_ a{nothing_yet, now, {}, {}, {}};
  a.held.from_ = this;
  a.held.in_ = who.in();
  open_.fetch_add(1, std::memory_order_relaxed);
  for (const auto* rule : who->limits) {
    if (rule->state == nullptr || take_limit(a, *rule, step::enter)) continue;
    a.held.finish(ticket::end::refused, tokens{0}, nano_usd{0}, now);
    if (counters_) counters_->of(a.why.code).add();
    return std::unexpected(std::move(a.why));
  }
  return std::move(a.held);
}

std::optional<refusal> admission::reserve(ticket& held, const ask& what, mono_time now, wall_time wall) {
  const auto& who = *what.who;
  if (!what.cost && who.on_unknown_price == unknown_price::refuse) {
    if (counters_) counters_->price.add();
    return refusal{.code = errc::budget_exceeded, .scope_name = "project " + who.project.str(), .what = scope::project, .never = true, .period = "unknown_price"};
  }
  const auto entered = static_cast<std::size_t>(held.size_);
  attempt_ a{what, now, wall, std::move(held), {}};
  a.held.estimate_ = std::max(what.estimate, tokens{0});
  a.held.cost_ = std::max(what.cost.value_or(nano_usd{0}), nano_usd{0});
  const bool taken = take_rest(a, entered);
  if (!taken) a.held.back_to_entered(entered, now);
  held = std::move(a.held);
  if (!taken) {
    if (counters_) counters_->of(a.why.code).add();
    return std::move(a.why);
  }
  if (counters_ && !what.cost) counters_->unknown_price.add();
  return std::nullopt;
}

std::expected<ticket, refusal> admission::admit(const ask& what, mono_time now, wall_time wall) {
  auto held = enter(what.who, now);
  if (!held) return held;
  auto refused = reserve(*held, what, now, wall);
  if (!refused) return held;
  held->finish(ticket::end::refused, tokens{0}, nano_usd{0}, now);
  return std::unexpected(std::move(*refused));
}

error refusal::to_error() const {
  switch (code) {
    case errc::requests_limited: return {code, fmt::format("Rate limit reached for {}: {} requests per minute. {}", scope_name, limit, wait_text(*this))};
    case errc::tokens_limited: return {code, fmt::format("Rate limit reached for {}: {} tokens per minute. {}", scope_name, limit, wait_text(*this))};
    case errc::parallel_limited: return {code, fmt::format("Too many calls at once for {}: the limit is {}. Try again when one has ended.", scope_name, limit)};
    case errc::budget_exceeded:
      if (period == "unknown_price")
        return {code, fmt::format("The price of this model is unknown, and {} refuses calls without a known price.", scope_name)};
      return {code, fmt::format("The {} budget of {} cannot cover this call, which may cost up to {} USD: {} USD are left, {} of {} USD are spent or reserved. It resets at {}.", period, scope_name,
                                format_usd(nano_usd{wanted}), format_usd(nano_usd{std::max<std::int64_t>(0, limit - used)}), format_usd(nano_usd{used}), format_usd(nano_usd{limit}),
                                resets ? format_rfc3339(*resets) : "an unknown time")};
    default: return {code, fmt::format("Too many users of {} are active at once. {}", scope_name, wait_text(*this))};
  }
}

}  // namespace andon::access
