#pragma once
// Admission: takes one exchange's share of every limit and budget that applies, all of them or none.
//
// One object for the program, shared by all cores; it outlives every ticket. admit() takes about a hundred nanoseconds,
// allocates nothing for up to 8 scopes, and locks only (briefly, per set) where a rule counts users or tags.
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "andon/access/byte_pool.hpp"
#include "andon/access/directory.hpp"
#include "andon/access/ticket.hpp"
#include "andon/access/user_meters.hpp"
#include "andon/base/metrics.hpp"

namespace andon::access {

/// What a call asks for. The views need live only during admit().
struct ask {
  const caller& who;
  route_index route = route_index::none;
  std::string_view user;                     ///< calls without a user share one meter in rules per user
  std::span<const std::string> tags{};       ///< all of the exchange, the principal's included
  tokens estimate;                           ///< input counted + output bound
  /// Cost of the estimate; empty: the price is unknown (the project's policy decides). An upper bound makes budgets exact.
  std::optional<nano_usd> cost;
};

/// Why not. `code` is requests_limited, tokens_limited, parallel_limited, budget_exceeded or overloaded.
struct refusal {
  errc code{};
  std::string scope_name;      ///< `key shop-web`, `project shop, user 42`
  scope what{};                ///< the rule's owner
  std::int64_t limit = 0;      ///< requests, tokens, calls, or nano-dollars
  std::int64_t used = 0;       ///< committed of a budget (spent + reserved)
  std::int64_t wanted = 0;     ///< what the call was expected to cost at most
  bool never = false;          ///< the call alone is larger than the limit: waiting does not help
  nanoseconds retry_after{};   ///< 0 where `never`
  std::optional<wall_time> resets;  ///< of a budget
  std::string period;          ///< `daily`, … of a budget
  /// Names scope, limit and when to come back; fit for a client.
  [[nodiscard]] error to_error() const;
};

/// A budget that cannot cover so much more.
refusal budget_refusal(const bound_budget& rule, period in, nano_usd wanted, nano_usd committed, wall_time wall);

struct user_table_sizes {
  std::size_t limits = 1U << 17;   ///< users with own limits at once; 48 bytes each
  std::size_t budgets = 1U << 18;  ///< users and tags with own budgets in one period; 48 bytes each
};

class admission {
public:
  /// `registry` may be null (tools, tests).
  explicit admission(metrics::registry* registry, user_table_sizes sizes = {});
  ~admission();
  admission(const admission&) = delete;
  admission& operator=(const admission&) = delete;

  /// The first step, before a body is read: a request and a place among the parallel calls of every rule that counts all
  /// calls of the key, its project or the gateway (those per route or user need the body). Settle or release the ticket.
  [[nodiscard]] std::expected<ticket, refusal> enter(const caller& who, mono_time now);
  /// The second step: all the rest. Refused, the ticket holds what enter() gave, and its request counts as made.
  [[nodiscard]] std::optional<refusal> reserve(ticket& held, const ask& what, mono_time now, wall_time wall);
  /// What request bodies take, of all cores.
  [[nodiscard]] byte_pool& bodies() noexcept { return bodies_; }
  /// Both steps; refused, nothing was taken.
  [[nodiscard]] std::expected<ticket, refusal> admit(const ask& what, mono_time now, wall_time wall);

  /// Sets what a user's or tag's account has spent; start-up only (budget_book does it).
  void restore_user(std::uint64_t id, period in, wall_time now, nano_usd spent) { user_budgets_.restore(id, in, now, spent); }
  [[nodiscard]] budget_account::reading read_user(std::uint64_t id, period in) const { return user_budgets_.read(id, in); }
  [[nodiscard]] const user_limit_table& users() const { return user_limits_; }
  [[nodiscard]] const user_budget_table& user_budgets() const { return user_budgets_; }
  [[nodiscard]] std::int64_t open_tickets() const noexcept { return open_.load(std::memory_order_relaxed); }

private:
  friend class ticket;
  struct attempt_;
  enum class step : std::uint8_t { enter, whole };
  bool take_limit(attempt_& a, const bound_limit& rule, step at);
  bool take_tokens(attempt_& a, ticket::hold& of);
  bool take_rest(attempt_& a, std::size_t entered);
  bool take_budget(attempt_& a, const bound_budget& rule);
  bool take_account(attempt_& a, const bound_budget& rule, std::string_view member, std::uint64_t id);

  byte_pool bodies_;
  user_limit_table user_limits_;
  user_budget_table user_budgets_;
  alignas(64) std::atomic<std::int64_t> open_{0};
  struct counters;
  std::unique_ptr<counters> counters_;
};

/// A user's or tag's account or meter within a rule.
std::uint64_t member_id(std::uint64_t rule_id, std::string_view member) noexcept;

}  // namespace andon::access
