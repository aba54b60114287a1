#pragma once
// The page under construction: the newest matches after a cursor, fed one group of Records at a time.
#include <optional>

#include "andon/ledger/index_view.hpp"

namespace andon::ledger {

/// The last row of a page: its start time and id. Text form: hex, opaque to callers.
struct cursor_key {
  std::int64_t started = 0;
  request_id id;
  auto operator<=>(const cursor_key&) const = default;
};
std::string format_cursor(const cursor_key&);
/// errc::invalid_argument.
result<std::optional<cursor_key>> parse_cursor(std::string_view text);

class newest_rows {
public:
  newest_rows(std::size_t limit, std::optional<cursor_key> after) : limit_(limit), after_(after) {}

  /// Can a group whose newest start is `newest` and oldest is `oldest` still change the page?
  [[nodiscard]] bool wants(zone started) const;
  result<void> take(const bitmap& matches, segment_view& rows);
  /// Ends the page.
  [[nodiscard]] page finish();

private:
  [[nodiscard]] std::int64_t floor() const { return best_.size() > limit_ ? best_.back().started.time_since_epoch().count() : std::numeric_limits<std::int64_t>::min(); }

  std::size_t limit_;
  std::optional<cursor_key> after_;
  std::vector<summary> best_;  ///< newest first, at most limit_ + 1
};

}  // namespace andon::ledger
