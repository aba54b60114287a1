#pragma once
// A route, compiled: its targets with their shared health, and the choice among them.
//
// Life cycle: compile() when a Plan is made; immutable but for counters; shared by all cores. The health outlives it.
// Threads: every function may be called from any thread, with a random source of the caller's own.
#include <atomic>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/base/random.hpp"
#include "andon/route/facts.hpp"
#include "andon/route/outlier.hpp"
#include "andon/route/retry_budget.hpp"
#include "andon/route/settings.hpp"
#include "andon/route/target_health.hpp"

namespace andon::route {

inline constexpr std::size_t max_targets = 64;
/// One bit per target of a route, by its index in the settings.
using target_mask = std::uint64_t;
[[nodiscard]] constexpr target_mask mask_of(std::size_t index) { return target_mask{1} << index; }

struct target {
  target_settings settings;
  std::uint32_t tier = 0;       ///< lower first
  std::shared_ptr<target_health> health;
};

/// Why pick() found nothing.
/// `all_busy`: a target could serve, but has max_parallel calls.
enum class refusal : std::uint8_t { all_tried, all_cooling, all_busy };

struct choice {
  std::uint32_t index = 0;      ///< into route::targets()
  bool while_cooling = false;   ///< every usable target was cooling; this one recovers soonest
};

/// A target that was taken out because it is far from its peers.
struct ejection {
  std::uint32_t index = 0;
  oddity by = oddity::errors;
  nanoseconds span{};
};

class route {
public:
  /// Errors: invalid_argument (no targets, more than 64, all weights zero, durations or ratios out of range).
  static result<std::shared_ptr<route>> compile(route_settings, health_table&);

  [[nodiscard]] const route_settings& settings() const { return settings_; }
  [[nodiscard]] std::span<const target> targets() const { return targets_; }
  [[nodiscard]] const target& at(std::uint32_t index) const { return targets_[index]; }
  [[nodiscard]] bool accepts(const facts& of) const { return settings_.when.holds(of); }
  /// Where calls wait for a place; null when no target has a bound.
  [[nodiscard]] waiting_room* room() const { return room_.get(); }
  [[nodiscard]] retry_budget& retries() const { return retries_; }
  [[nodiscard]] retry_budget& hedges() const { return hedges_; }
  /// How long the target may be silent before another one is asked beside it; nothing: none is.
  [[nodiscard]] std::optional<nanoseconds> hedge_after(std::uint32_t index, const facts&, mono_time now) const;

  /// Targets whose conditions hold and whose weight is not zero.
  [[nodiscard]] target_mask matching(const facts&) const;
  /// The target to try now among `allowed`, by strategy and health: none whose breaker is open, a half-open one of the
  /// best tier before all others as long as it takes probes, one in its slow start in its share of the cases. No
  /// allocation, no lock.
  [[nodiscard]] std::expected<choice, refusal> pick(const facts&, target_mask allowed, mono_time now, random_source&) const;

  /// Looks for an outlier, once a second at most and whoever calls (so call it after every attempt), and opens its
  /// breaker, unless too many targets are out already. `lot` as of breaker::trip.
  std::optional<ejection> review(mono_time now, double lot) const {
    if (targets_.size() < 3 || now.time_since_epoch().count() < next_review_.load(std::memory_order_relaxed)) return std::nullopt;
    return review_now(now, lot);
  }

private:
  std::optional<ejection> review_now(mono_time now, double lot) const;
  friend class choosing;
  struct ranking;
  void consider(std::uint32_t index, ranking&, mono_time now, random_source&) const;
  route(route_settings, health_table&);

  route_settings settings_;
  std::vector<target> targets_;
  std::shared_ptr<waiting_room> room_;
  mutable std::atomic<std::uint64_t> turn_{0};  // of round_robin
  mutable std::atomic<std::int64_t> next_review_{0};  // nanoseconds of mono time
  mutable retry_budget retries_;
  mutable retry_budget hedges_;
};

}  // namespace andon::route
