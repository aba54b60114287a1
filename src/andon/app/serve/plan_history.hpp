#pragma once
// The configurations that were in force, as texts: which parts of them make the plan that a freeze keeps, and which of
// them to go back to. Pure functions.
#include <functional>
#include <span>
#include <string>

#include "andon/app/config/settings.hpp"
#include "andon/slo/decision_store.hpp"

namespace andon::app {

/// SHA-256 of a configuration's text, hex.
std::string plan_hash(const std::string& text);

/// What of a configuration a freeze keeps as it is, in one form whatever its layout and comments: all but who may call
/// (`keys`, `projects`), who is told (`alerting`, `alert_rules`, `indicators`) and what only a restart takes up. The files
/// of `openslo` are in it, by their content.
std::string frozen_part(const std::string& text, const settings& read);

/// Two texts that differ in layout, order and comments alone.
bool says_the_same(const std::string& a, const std::string& b);

/// A configuration of before with what a freeze leaves free as it is now: whoever has got a key since keeps it. Layout and
/// comments stay where the settings of the first level stand one below the other; the text may have faults, where the two
/// do not go together.
std::string with_free_part_of(const std::string& plan, const std::string& now);

/// The settings of the first level that a freeze leaves free.
std::span<const std::string_view> free_settings();

/// The newest configuration before the present one that the objective was replaced inside its budget under: more than
/// `bound` was left, or it was not known. Nothing when the change is older than `within`.
/// `plans`: newest first, the first in force. Passed over are entries that are what is in force (`is_present`: to go there
/// would change nothing), and those that a roll-back took away: another objective's budget must not bring them back.
const slo::plan_entry* find_good_plan(std::span<const slo::plan_entry> plans, const std::string& objective, double bound, slo::seconds within, slo::instant now,
                                      const std::function<bool(const slo::plan_entry&)>& is_present);

/// Lines that differ, as `diff -u` shows them, with three lines around.
std::string text_diff(const std::string& before, const std::string& after, const std::string& before_name, const std::string& after_name);

}  // namespace andon::app
