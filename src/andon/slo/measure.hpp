#pragma once
// What can be measured: one table of named measures, each saying what it makes of a Record, or that its numbers come from
// elsewhere (samples).
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "andon/ledger/filter_match.hpp"
#include "andon/slo/counts.hpp"

namespace andon::slo {

enum class measure : std::uint8_t {
  // of Records: good among all
  availability, errors, complete, structured, cache_hits, priced, transit_encrypted, rest_encrypted, authenticated, probes_detected, guard_passed, goodput, resolved, thumbs,
  // of Records: numbers
  latency, first_token, token_gap, upstream, overhead, cost, tokens, input_tokens, output_tokens, tokens_per_second, attempts, csat, nps, score,
  // samples: numbers
  cpu, loop_lag, queue, calls_open, calls_headroom, index_lag, price_age, models_age, guards_age, integrity_age, propagation, recovery, quality,
  // samples: good among all
  logins,
  // samples of drills: numbers
  restore_time, failover_time, catch_up_time, data_loss,
  // samples from inside: numbers
  store_headroom, connections_capacity, dashboards_age, console_page, sign_in, calls_capacity,
  // samples from inside: good among all
  surge_absorbed,
  count_,
};

enum class measure_kind : std::uint8_t { ratio, number };
enum class measure_source : std::uint8_t { records, samples };
struct measure_about {
  measure which;
  std::string_view name;
  measure_kind kind;
  measure_source source;
  std::string_view unit;      ///< of the number: "s", "usd", "tokens", …
  std::string_view meaning;
};
std::span<const measure_about> measure_table();
const measure_about& about(measure);
const measure_about* find_measure(std::string_view name);
/// Feedback is a Record, but no call: it counts for these measures and for no other.
bool is_of_feedback(measure what);

enum class comparison : std::uint8_t { none, lte, gte, lt, gt };
std::optional<comparison> parse_comparison(std::string_view text);
std::string_view to_string(comparison);
bool holds(double value, comparison how, double bound);

/// Sets of who is answerable, as bits of origin's numbers.
using origin_set = std::uint8_t;
constexpr origin_set bit(origin o) { return static_cast<origin_set>(1U << static_cast<unsigned>(o)); }
/// What is counted as an error when nothing else is said: the gateway's own faults, overload included, and the providers'.
inline constexpr origin_set service_faults = bit(origin::gateway) | bit(origin::provider);

/// What one series counts: a measure over the Records that pass a filter. Values; any thread.
struct series_spec {
  measure what = measure::availability;
  std::string filter_text;
  ledger::record_filter filter;
  /// Set: an event is good (or, `good_means_bad`, bad) when this matches too, whatever the measure says.
  std::optional<ledger::record_filter> good;
  std::string good_text;
  bool good_means_bad = false;
  origin_set faults = service_faults;    ///< availability, errors, goodput
  comparison how = comparison::none;     ///< numbers: good when `value how bound`
  double bound = 0;
  bool fraction = false;                 ///< numbers within [0, 1] are good in that part
  bool inverted = false;                 ///< …or bad in that part

  /// Equal for two that count the same; what the store knows the series by.
  [[nodiscard]] std::string identity() const;
};

/// What an event adds to a series.
struct contribution {
  counts events;
  double value = 0;
};
/// Of a Record; nothing when it does not concern the series.
std::optional<contribution> contribution_of(const series_spec& to, const ledger::record_view& record);
/// Of a sampled number.
contribution contribution_of(const series_spec& to, double value);

/// The moment a Record counts at: when its exchange was over.
instant end_of(const ledger::record_view& record);

}  // namespace andon::slo
