#pragma once
// What the configuration says of a route: plain values with their defaults. route::compile() checks them.
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/base/ids.hpp"
#include "andon/base/quantity.hpp"
#include "andon/route/condition.hpp"

namespace andon::route {

/// Within the best priority tier that has a usable target, choose …
enum class strategy : std::uint8_t {
  priority,     ///< the first in the order of the list (or, with explicit equal priorities, by weight)
  weighted,     ///< at random, in proportion to weight
  round_robin,  ///< in turn, weight times each per round, interleaved
  least_busy,   ///< fewest calls in flight per weight
  latency,      ///< lowest decaying peak average of latency × calls in flight; time to first token for streams
  cost,         ///< lowest price of the estimated tokens; unknown prices last
  usage,        ///< fewest tokens in the last minute per weight
};
result<strategy> parse_strategy(std::string_view text);  ///< `round-robin` and `round_robin` alike
std::string_view to_string(strategy);

/// Kinds of a provider's fault, for `retry.on` and `failover.on`.
enum class fault_kind : std::uint8_t { connect, timeout, rate_limit, server_error, reset, bad_reply, credential, none };
result<fault_kind> parse_fault_kind(std::string_view text);  ///< connect, timeout, 429, 5xx, reset, bad_reply, credential
std::string_view to_string(fault_kind);

class fault_kinds {
public:
  constexpr fault_kinds() = default;
  constexpr fault_kinds(std::initializer_list<fault_kind> kinds) { for (fault_kind k : kinds) add(k); }
  constexpr void add(fault_kind k) { bits_ |= 1u << static_cast<unsigned>(k); }
  [[nodiscard]] constexpr bool has(fault_kind k) const { return (bits_ >> static_cast<unsigned>(k) & 1u) != 0; }
  constexpr bool operator==(const fault_kinds&) const = default;

private:
  unsigned bits_ = 0;
};

/// Price of a target in nano-dollars per million tokens, for strategy `cost` alone.
struct unit_prices {
  nano_usd input_per_million;
  nano_usd output_per_million;
};

struct target_settings {
  model_name model;
  provider_name provider;
  std::uint32_t weight = 1;                ///< 0 takes the target out of the route
  std::optional<std::uint32_t> priority;   ///< tier, lower first; unset on every target of a `priority` route: list order
  std::uint32_t max_parallel = 0;          ///< calls of the model at the same time, from all routes; 0: no bound
  requirement when;
  std::optional<unit_prices> prices;       ///< unset: unknown
};

struct deadline_settings {
  nanoseconds connect = std::chrono::seconds{2};
  nanoseconds first_token = std::chrono::seconds{30};
  nanoseconds idle = std::chrono::seconds{30};
  nanoseconds total = std::chrono::seconds{300};   ///< over all attempts
};

struct retry_settings {
  /// After a fault: the same target again first, or another one first.
  enum class order : std::uint8_t { same_first, other_first };

  std::uint32_t attempts = 2;              ///< tries of one target, the first included
  std::uint32_t max_attempts = 6;          ///< tries of one exchange over all targets
  fault_kinds on{fault_kind::connect, fault_kind::rate_limit, fault_kind::server_error, fault_kind::reset};
  order prefer = order::same_first;
  nanoseconds backoff_base = std::chrono::milliseconds{50};  ///< full jitter: uniform in [0, min(max, base × 2^n))
  nanoseconds backoff_max = std::chrono::seconds{2};
  nanoseconds max_retry_after = std::chrono::seconds{10};    ///< a longer Retry-After fails over instead of waiting
  double budget_ratio = 0.2;               ///< retries of the same target per exchange of the route
  double budget_per_second = 3;            ///< and so many per second in any case
  double budget_burst = 100;               ///< most that is saved up
};

struct failover_settings {
  bool enabled = true;
  fault_kinds on{fault_kind::connect, fault_kind::timeout, fault_kind::rate_limit, fault_kind::server_error,
                 fault_kind::reset, fault_kind::bad_reply, fault_kind::credential};
};

/// When a target's breaker opens, for how long, and how the target comes back.
struct breaker_settings {
  bool enabled = true;
  std::uint32_t consecutive_failures = 5;
  double error_rate = 0.5;                 ///< failures / results in the window; 1.0 or more switches it off
  std::uint32_t min_calls = 20;            ///< results in the window below which the rate says nothing
  nanoseconds window = std::chrono::seconds{30};   ///< up to a minute, in steps of 5 s
  nanoseconds open = std::chrono::seconds{2};      ///< the first time; × 2 each time in a row …
  nanoseconds max_open = std::chrono::seconds{10}; ///< … up to this
  std::uint32_t half_open_calls = 1;               ///< probes at the same time, over all cores
  nanoseconds slow_start = std::chrono::seconds{10};       ///< from a small share of its calls to all of them
  nanoseconds max_retry_after = std::chrono::minutes{15};  ///< bound of what a provider's Retry-After may take
};

/// Taking out a target that is far from its peers; formula in outlier.hpp. Needs three targets.
struct outlier_settings {
  double error_margin = 0.2;               ///< above the others' median error rate
  double latency_factor = 0;               ///< times the others' median latency; 0: latency is not compared
  std::uint32_t min_calls = 20;            ///< results in the breaker's window, of every target that is compared
  double max_ejected = 0.5;                ///< share of the route's targets that may be out; 0 switches it off
};

/// Calls that wait for a place while every target has max_parallel calls.
enum class priority : std::uint8_t { low, normal, high };
inline constexpr std::size_t priority_count = 3;
std::optional<priority> parse_priority(std::string_view text);  ///< low, normal, high
struct queue_settings {
  std::uint32_t size = 100;                ///< waiting calls; 0: none waits
  nanoseconds max_wait = std::chrono::seconds{30};
};

/// A second target is asked while the first one is still silent; whoever answers first serves, the other is cancelled.
struct hedge_settings {
  static constexpr std::uint32_t min_known = 50;   ///< answers of a target in the last minute, for a quantile of them

  nanoseconds after{};                     ///< of silence; with a quantile, the least
  double quantile = 0;                     ///< instead: what this share of the target's recent answers took at most; 0: none
  double budget_ratio = 0.05;              ///< hedges per exchange of the route
  double budget_burst = 10;                ///< most that is saved up; it begins with none

  [[nodiscard]] bool on() const { return (after > nanoseconds::zero() || quantile > 0) && budget_ratio > 0; }
};

/// When every usable target is cooling: try the one that recovers soonest, or fail with no_target.
enum class when_all_cooling : std::uint8_t { try_soonest, fail };

struct route_settings {
  route_name name;
  strategy choose = strategy::priority;
  std::vector<target_settings> targets;
  requirement when;                        ///< conditions of the route itself; the gateway asks accepts()
  deadline_settings deadlines;
  retry_settings retry;
  failover_settings failover;
  breaker_settings breaker;
  outlier_settings outlier;
  queue_settings queue;
  hedge_settings hedge;
  when_all_cooling all_cooling = when_all_cooling::try_soonest;
};

}  // namespace andon::route
