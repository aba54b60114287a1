#pragma once
// What users said of the calls of a stretch of time, by project and route: how many of the calls were rated, and what the
// ratings come to, each with its interval (interval.hpp).
//
//   feedback_summary sums;
//   sums.add_calls({"shop", "chat"}, 120);            // that could have been rated
//   sums.add_feedback({"shop", "chat"}, id, metadata);
//   sums.rows();
//
// One thread at a time. Memory: a row for each project and route, and an id for each rated call.
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "andon/base/ids.hpp"
#include "andon/slo/interval.hpp"

namespace andon::slo {

struct feedback_row_name {
  std::string project;
  std::string route;   ///< empty: feedback on a session, or on a call that is not known
  auto operator<=>(const feedback_row_name&) const = default;
};

/// Good ones among all that say so or not.
struct answer_share {
  std::uint64_t good = 0, total = 0;
  void add(bool is_good) { good += is_good ? 1 : 0, ++total; }
  /// Nothing while there are no answers.
  [[nodiscard]] std::optional<double> share() const;
  [[nodiscard]] std::optional<interval> bounds() const { return wilson_interval(good, total); }
};

struct feedback_row {
  std::uint64_t calls = 0;      ///< that could have been rated
  std::uint64_t answers = 0;    ///< feedback of any kind
  std::set<request_id> rated;   ///< of these calls
  answer_share csat_satisfied;  ///< 4 or 5 among all; the field's CSAT
  answer_share thumbs, resolved;
  sample csat, score;
  std::uint64_t promoters = 0, detractors = 0, nps_answers = 0;  ///< 9 and 10, 0 to 6, all

  /// Rated calls among those that could have been; a call that was rated and not counted adds to neither.
  [[nodiscard]] answer_share response() const;
  /// −100 to 100; nothing while there are no answers.
  [[nodiscard]] std::optional<double> nps() const;
};

class feedback_summary {
public:
  using metadata = std::span<const std::pair<std::string, std::string>>;

  void add_calls(const feedback_row_name& to, std::uint64_t count) { rows_[to].calls += count; }
  /// `about`: the call, when it is one of those that could have been rated. Values that are out of their bounds are left out.
  void add_feedback(const feedback_row_name& to, const std::optional<request_id>& about, metadata said);
  [[nodiscard]] const std::map<feedback_row_name, feedback_row>& rows() const { return rows_; }

private:
  std::map<feedback_row_name, feedback_row> rows_;
};

}  // namespace andon::slo
