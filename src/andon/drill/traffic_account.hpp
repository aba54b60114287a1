#pragma once
// What the Records say of a target that a drill took down: how many calls of its routes failed meanwhile, when another target served
// the first one, and when the target itself served again.
//
// Life cycle: made when the drill begins, count() every Record since, lifted() when it ends. One thread.
#include <set>
#include <string>
#include <vector>

#include "andon/drill/drill.hpp"
#include "andon/ledger/record_codec.hpp"

namespace andon::drill {

class traffic_account {
public:
  /// `models` are down; `routes` have one of them among their targets.
  traffic_account(std::set<std::string> models, std::set<std::string> routes, wall_time began);

  void count(const ledger::record_view& record);
  void lifted(wall_time at) { lifted_ = at; }
  [[nodiscard]] bool recovered() const { return back_.has_value(); }
  /// Fills in failover_s, recovery_s, calls, failed, refused_attempts.
  void tell(realised& to) const;

private:
  struct span { wall_time from, until; };
  static constexpr std::size_t most_spans = 10'000;

  std::set<std::string, std::less<>> models_, routes_;
  wall_time began_;
  std::optional<wall_time> lifted_, first_refused_, back_;
  std::vector<span> elsewhere_;   ///< calls that another target served, the first ones
  std::uint64_t calls_ = 0, failed_ = 0, refused_attempts_ = 0;
};

}  // namespace andon::drill
