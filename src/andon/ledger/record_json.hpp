#pragma once
// A Record as one JSON object: the form of `--json`, export and the admin API. Names are stable; the id is the text of
// `x-andon-request-id`. Bodies that are JSON appear as JSON, others as text (`request_text`, `reply_text`).
#include <string>

#include "andon/ledger/record.hpp"
#include "andon/ledger/search.hpp"

namespace andon::ledger {

/// Appends without a line end. Times are RFC 3339; durations are seconds as decimals (`…_s`); money is exact decimal
/// dollars (`cost_usd`, null when the price is unknown). Always one line.
void append_json(std::string& out, const record&);
/// The fields of append_json(record) that the index knows, under the same names.
void append_json(std::string& out, const summary&);

[[nodiscard]] inline std::string to_json(const record& r) { std::string out; append_json(out, r); return out; }
[[nodiscard]] inline std::string to_json(const summary& s) { std::string out; append_json(out, s); return out; }

}  // namespace andon::ledger
