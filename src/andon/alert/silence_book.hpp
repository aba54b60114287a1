#pragma once
// Silences: who asked that which alerts tell nobody, from when to when, and for silences that come again, in which spans
// of the calendar. Source of the rules: Alertmanager (silence/silence.go).
//
// Threads: one owner. Time is an argument.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "andon/alert/matcher.hpp"
#include "andon/alert/time_interval.hpp"
#include "andon/base/random.hpp"

namespace andon::alert {

enum class silence_state : std::uint8_t { active, pending, expired };
std::string_view to_string(silence_state);

struct silence {
  std::string id;                       ///< UUID; empty: a new one
  matchers match{};
  wall_time starts_at, ends_at, updated_at{};
  std::string created_by, comment;
  interval_text recurrence{};           ///< empty: throughout; else in these spans only, between starts_at and ends_at
  std::optional<time_interval> when{};  ///< of recurrence

  [[nodiscard]] silence_state state(wall_time now) const;
  [[nodiscard]] bool in_effect(wall_time now) const;
};

class silence_book {
public:
  static constexpr std::size_t default_most = 10'000;
  static constexpr nanoseconds kept_after_end = std::chrono::hours{120};
  explicit silence_book(random_source random, std::size_t most = default_most) : random_(random), most_(most) {}

  /// What a change did: the silence's id, and every silence that is different now.
  struct changed {
    std::string id;
    std::vector<silence> now;
  };
  /// A new one, or the change of one that is there: where a change would rewrite what was, that one ends and a new one
  /// begins. Errors: not_found, invalid_argument, overloaded.
  result<changed> set(silence wanted, wall_time now);
  result<changed> expire(const std::string& id, wall_time now);  ///< not_found, conflict (has ended)
  void restore(silence from);
  /// Removes those that ended long ago; their ids.
  std::vector<std::string> prune(wall_time now);

  [[nodiscard]] const silence* find(const std::string& id) const;
  [[nodiscard]] const std::map<std::string, silence>& all() const { return silences_; }
  /// Ids of the silences in effect that match.
  /// Those in effect; good until the book changes.
  [[nodiscard]] std::vector<const silence*> in_effect(wall_time now) const;
  [[nodiscard]] std::vector<std::string> silencing(const label_set& labels, wall_time now) const;
  /// Without their ids.
  [[nodiscard]] bool silences(const label_set& labels, wall_time now) const;

private:
  result<void> check(silence& wanted, wall_time now) const;
  random_source random_;
  std::size_t most_;
  std::map<std::string, silence> silences_;
};

/// A random UUID (version 4).
std::string make_uuid(random_source& random);

}  // namespace andon::alert
