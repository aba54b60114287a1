#pragma once
// The rows of prices.tsv as read, before they are indexed. Private to the price table.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "andon/llm/price.hpp"

namespace andon::llm::detail {

enum class match_kind : char { equals = '=', starts = '^', contains = '~', ends = '$' };
struct clause { match_kind how; std::string text; };
/// Alternatives, each a conjunction.
using rule = std::vector<std::vector<clause>>;

bool matches(const std::vector<clause>&, std::string_view lower_case);
bool matches(const rule&, std::string_view lower_case);
std::string lower(std::string_view text);

/// When a price holds: from a moment on, or daily between two minutes of the UTC day; neither: always.
struct period {
  std::optional<wall_time> from;
  int first_minute = 0, last_minute = 0;  ///< equal: the whole day
  [[nodiscard]] bool holds(wall_time at) const;
  bool operator==(const period&) const = default;
};

struct dated_price { period when; price what; };

/// The last price in force holds; if none is, the first.
struct model_row {
  rule names;
  model_limits limits;
  std::vector<dated_price> prices;
  [[nodiscard]] const price* at(wall_time) const;
};

struct provider_row {
  std::string id;
  rule hosts, names, owned_models;
  std::vector<std::string> also_serves;
  std::vector<model_row> models;
};

result<std::vector<provider_row>> read_price_rows(std::string_view tsv);

/// Checks one override; `place` names it in errors (`prices[3]`).
result<dated_price> read_override(const price_override&, const std::string& place);

}  // namespace andon::llm::detail
