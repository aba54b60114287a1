#pragma once
// What was agreed with a counterparty: objectives with the share that is promised of each, what is given back when less is
// reached, and which times do not count. Values; immutable once given to the desk.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "andon/business/figures.hpp"
#include "andon/slo/objective.hpp"

namespace andon::business {

/// Reached when the attained share is below; exactly at it is not below.
struct credit_tier {
  share below, credit;
};

struct promise {
  std::string objective;
  share promised;                      ///< may be less than the objective's own target, which warns earlier
  std::vector<credit_tier> credits;    ///< ascending in what is given, descending in what is reached
};

struct exclusion {
  slo::excluded when;
  std::string reason;
};

struct agreement {
  std::string name, title, description, counterparty, notes;
  std::vector<promise> promises;
  std::string zone_name = "UTC";
  std::shared_ptr<const time_zone> zone = std::make_shared<const time_zone>(time_zone::utc());
  std::vector<exclusion> exclusions;   ///< of this agreement; the objectives' maintenance comes on top
  std::optional<money> fee;            ///< of a month, which credits are a part of
  nanoseconds issue_after{};           ///< a month's end, its statement is issued by itself; zero: only when asked
};

/// What is wrong with tiers beside a promise, each with its place in the list (`size()`: none of them); empty: all is well.
struct tier_complaint { std::size_t at = 0; std::string what; };
std::vector<tier_complaint> complaints_of(const std::vector<credit_tier>& tiers, share promised);
/// The credit for these events; zero when the promise was kept or nothing was counted.
share credit_for(const slo::counts& events, const std::vector<credit_tier>& tiers);

}  // namespace andon::business
