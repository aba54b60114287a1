#pragma once
// Values of the filter language; private to filter_*.cpp.
#include <optional>
#include <string>
#include <string_view>

#include "andon/base/clock.hpp"
#include "andon/ledger/filter.hpp"

namespace andon::ledger {

/// The number that a text stands for in the field's unit; nothing if it is none.
std::optional<std::int64_t> parse_number(field_type type, std::string_view text, wall_time now);

/// What such a text should look like, for hints.
std::string_view example_value(field_type type);

/// The set of values of a field of words whose name is `text`, or begins so when `open`; empty set: there is none.
std::uint64_t parse_members(field which, std::string_view text, bool open);
/// The accepted words, for hints.
std::string words_of(field which);

std::string to_lower(std::string_view text);

}  // namespace andon::ledger
