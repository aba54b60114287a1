#pragma once
// The alerts that are known: what was posted, merged by labels, with when each began and when it ends or ended.
//
// Threads: one owner. Time is an argument. Source of the rules: Alertmanager (api/v2, types.Alert.Merge, provider/mem).
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "andon/alert/labels.hpp"
#include "andon/base/clock.hpp"

namespace andon::alert {

/// An alert as its source tells it.
struct posted_alert {
  label_set labels, annotations;
  std::optional<wall_time> starts_at;  ///< absent: now, or ends_at where only that is given
  std::optional<wall_time> ends_at;    ///< absent: it is firing, for resolve_timeout unless it is posted again
  std::string generator_url{};
};

struct alert {
  label_set labels, annotations;
  std::uint64_t fingerprint = 0;
  wall_time starts_at, ends_at, updated_at;
  bool times_out = false;  ///< ends_at is a timeout and not its source's word
  std::string generator_url;
  [[nodiscard]] bool resolved(wall_time now) const { return ends_at <= now; }
  bool operator==(const alert&) const = default;
};

/// The older and the newer account of one alert as one: the earliest start; a firing alert's end given by its source
/// rules over a timeout. Newer is what came later, whatever the clock said.
alert merged(const alert& older, const alert& newer, wall_time now);

/// The program's own alerts find room where others fill the book.
enum class poster : std::uint8_t { outside, own };

class alert_book {
public:
  static constexpr std::size_t default_most = 50'000;
  explicit alert_book(std::size_t most = default_most) : most_(most) {}

  /// The alert as it is known now. errc::invalid_argument: no labels, bad names, an end before the start;
  /// overloaded: as many alerts as the book holds, of which a tenth is for the program's own.
  result<const alert*> post(const posted_alert& from, nanoseconds resolve_timeout, wall_time now, poster by = poster::outside);
  /// One that was kept, as it was.
  void restore(alert from);
  [[nodiscard]] const alert* find(std::uint64_t fingerprint) const;
  [[nodiscard]] const std::unordered_map<std::uint64_t, alert>& all() const { return alerts_; }
  void forget(std::uint64_t fingerprint);
  /// Counts every change.
  [[nodiscard]] std::uint64_t version() const { return version_; }

private:
  std::size_t most_;
  std::uint64_t version_ = 0;
  std::unordered_map<std::uint64_t, alert> alerts_;
};

}  // namespace andon::alert
