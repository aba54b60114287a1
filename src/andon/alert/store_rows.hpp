#pragma once
// Types and conversions that the store's parts share.
#include <boost/json.hpp>
#include <set>
#include <string>

#include "andon/alert/store.hpp"
#include "andon/sql/statement.hpp"

namespace andon::alert::rows {

using sql::columns;
using sql::params;
using sql::statement;
using integer = std::int64_t;
using text = std::string;
using view = std::string_view;
using maybe = std::optional<std::int64_t>;

inline integer nanos(wall_time at) { return at.time_since_epoch().count(); }
inline maybe nanos(const std::optional<wall_time>& at) { return at ? maybe(nanos(*at)) : std::nullopt; }
inline wall_time time_of(integer n) { return wall_time{nanoseconds{n}}; }
inline std::optional<wall_time> time_of(maybe n) { return n ? std::optional(time_of(*n)) : std::nullopt; }
inline integer signed_of(std::uint64_t n) { return static_cast<integer>(n); }

std::string json_of(const label_set& labels);
label_set labels_of(std::string_view text);  ///< what is not readable is empty
std::string numbers_text(const std::set<std::uint64_t>& from);
std::set<std::uint64_t> numbers_of(std::string_view text);

}  // namespace andon::alert::rows
