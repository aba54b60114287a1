#pragma once
// Which period of the calendar a window follows.
#include "andon/app/config/value.hpp"

namespace andon::app {

enum class calendar_choice : std::uint8_t { none, day, week, month, quarter, year };

template <> struct enum_names<calendar_choice> { static constexpr std::array<std::string_view, 6> names{"none", "day", "week", "month", "quarter", "year"}; };

}  // namespace andon::app
