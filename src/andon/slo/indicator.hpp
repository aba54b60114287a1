#pragma once
// Indicators: what is measured for charts and rules, apart by project, route and so on.
//
// Life cycle: construct over a store, add Records and samples, ask. One thread.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "andon/slo/measure.hpp"
#include "andon/slo/signal.hpp"
#include "andon/slo/tiers.hpp"

namespace andon::slo {

enum class dimension : std::uint8_t { project, route, model, provider, region, key };
std::optional<dimension> parse_dimension(std::string_view text);
std::string_view to_string(dimension);

struct indicator_spec {
  std::string name, description;
  series_spec what;
  std::vector<dimension> by;
};

/// What is asked of a distribution.
enum class statistic : std::uint8_t { good, bad, rate, good_rate, count, good_count, sum, mean, p50, p90, p95, p99, lower_bound };
std::optional<statistic> parse_statistic(std::string_view text);
std::string_view to_string(statistic);
std::span<const std::string_view> statistic_names();
/// Of the events' numbers, and not of how many they are or how many are good.
bool is_of_numbers(statistic);
/// lower_bound is the least share of good events that the counts allow for, one-sided at 95 % confidence (interval.hpp).
/// Nothing without events (a count or rate is 0 then). `over`: the time that the events are of.
std::optional<double> value_of(statistic what, const distribution& from, seconds over);
/// The statistic a measure is told by when none is named.
statistic usual_statistic(measure what);
std::string measure_reference();  ///< the table of measures as Markdown

/// One indicator with its series, one for each combination of the dimensions' values. Beyond max_groups of them the rest
/// is counted together, under the value `other`.
class indicator {
public:
  static constexpr std::size_t max_groups = 200;
  using group = std::vector<std::string>;  ///< values of the dimensions, in order

  /// What is told of one group. Events gather by second and go to the sums when their second is over, so that a busy second
  /// costs little more than a quiet one.
  struct group_sums {
    tiers<distribution> sums;
    std::map<instant, distribution> fresh;
  };

  indicator(indicator_spec what, series_store& store) : what_(std::move(what)), store_(&store) {}

  [[nodiscard]] const indicator_spec& what() const { return what_; }
  /// A Record that may concern it. errc of the store, when a group's series could not be made.
  result<void> add(const ledger::record_view& record);
  result<void> add(const group& of, const contribution& what, instant at);
  /// Seconds before `until` go to the sums.
  void settle(instant until, instant now);
  [[nodiscard]] distribution over(const group& of, instant from, instant to);
  [[nodiscard]] const std::map<group, std::unique_ptr<group_sums>>& groups() const { return groups_; }
  [[nodiscard]] label_pairs labels_of(const group& of) const;
  /// Groups that the store knows from before.
  result<void> load();
  [[nodiscard]] std::string identity() const;
  void set_filling(bool filling) { filling_ = filling; }
  [[nodiscard]] bool filling() const { return filling_; }

private:
  using known_groups = std::map<group, std::unique_ptr<group_sums>>;
  result<known_groups::value_type*> of(const group& which);
  void put(group_sums& into, const contribution& what, instant at) const;
  [[nodiscard]] std::string identity_of(const group& which) const;

  indicator_spec what_;
  series_store* store_;
  bool filling_ = false;
  known_groups groups_;
  known_groups::value_type* last_ = nullptr;  ///< that a Record was of: mostly the next one's, too
};

}  // namespace andon::slo
