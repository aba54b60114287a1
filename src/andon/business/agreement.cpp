#include "andon/business/agreement.hpp"

#include <fmt/format.h>

namespace andon::business {

std::vector<tier_complaint> complaints_of(const std::vector<credit_tier>& tiers, share promised) {
  std::vector<tier_complaint> out;
  for (std::size_t i = 0; i < tiers.size(); ++i) {
    const auto& one = tiers[i];
    if (one.below > promised)
      out.push_back({i, fmt::format("credit below {} % although only {} % are promised: a promise that is kept would cost", percent_text(one.below), percent_text(promised))});
    if (one.credit.billionths <= 0 || one.credit.billionths > share::whole) out.push_back({i, "a credit is above 0 and at most 100 percent"});
    if (i == 0) continue;
    if (one.below >= tiers[i - 1].below)
      out.push_back({i, fmt::format("tiers descend: {} % is not below the tier before it ({} %)", percent_text(one.below), percent_text(tiers[i - 1].below))});
    if (one.credit <= tiers[i - 1].credit)
      out.push_back({i, fmt::format("the credit of {} % is not more than that of the tier before it ({} %)", percent_text(one.credit), percent_text(tiers[i - 1].credit))});
  }
  return out;
}

share credit_for(const slo::counts& events, const std::vector<credit_tier>& tiers) {
  share out;
  if (events.empty()) return out;
  for (const auto& one : tiers)
    if (!reaches(events, one.below)) out = std::max(out, one.credit);
  return out;
}

}  // namespace andon::business
