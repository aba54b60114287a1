#pragma once
// One Record for people: who called, what became of it, what it cost, where the time went, and what was said.
#include <boost/json/value.hpp>
#include <string>

namespace andon::app::cli {

/// `whole` is a Record as the admin API writes it. Control characters of what clients sent are replaced.
std::string record_text(const boost::json::value& whole);

/// What became of a call, as one word: an error's name, `none` without one, `open` (no reply yet), `cut`, `interrupted`.
std::string outcome_text(const boost::json::value& row);
/// `$0.000081`, or `unknown`.
std::string cost_text(const boost::json::value& row);

}  // namespace andon::app::cli
