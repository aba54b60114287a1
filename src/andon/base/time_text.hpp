#pragma once
#include <string>
#include <string_view>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"

namespace andon {

/// `2026-11-22T17:04:05.123456Z`: UTC, microseconds.
std::string format_rfc3339(wall_time at);

/// RFC 3339 with `Z` or an offset, up to nine decimals; also a plain date `2026-11-22` (midnight UTC).
result<wall_time> parse_rfc3339(std::string_view text);

/// `2026-01-05 09:00`, local to a zone that the text does not name; a `T` may stand for the space.
result<std::chrono::local_seconds> parse_local_time(std::string_view text);

/// `250ms`, `2s`, `15m`, `36h`, `7d`, `2w`, and sums like `1h30m`; a bare number is refused.
result<nanoseconds> parse_duration(std::string_view text);
std::string format_duration(nanoseconds span);  ///< shortest exact form that parse_duration reads

}  // namespace andon
