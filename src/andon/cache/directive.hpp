#pragma once
// What a caller asks of the cache for one call, by headers:
//   Cache-Control: no-store | no-cache | max-age=SECONDS
//   x-andon-cache: off | refresh | DURATION      (wins over Cache-Control)
#include <optional>
#include <string_view>

#include "andon/base/clock.hpp"

namespace andon::cache {

struct directive {
  bool off = false;                       ///< neither looked up nor kept
  bool refresh = false;                   ///< not looked up; the new reply is kept
  std::optional<nanoseconds> max_age{};   ///< a reply that is older does not serve; what is kept, is kept no longer
  bool operator==(const directive&) const = default;
};

/// Either view may be empty: the header was not sent. An x-andon-cache that is not understood means off: whoever asks
/// for something special must not be given an old reply by mistake. Directives of Cache-Control that say nothing here
/// are passed over.
directive read_directive(std::string_view cache_control, std::string_view own);

/// `250ms`, `90s`, `10m`, `2h`, `1d`, or whole seconds without a unit. Nothing for anything else.
std::optional<nanoseconds> read_duration(std::string_view text);

}  // namespace andon::cache
