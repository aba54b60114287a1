#pragma once
// The words of a body: which strings of a request or reply are text that people wrote or models generated.
#include <string>
#include <string_view>

namespace andon::ledger::fts {

/// Replaces `out` with the text of `body`, its pieces separated by piece_end. Of JSON these are the string values in
/// the order of the body, escapes resolved, but for those under keys that hold identifiers, settings, definitions or
/// media (`id`, `model`, `type`, `role`, `url`, `tools`, …) and data URLs: so it serves every dialect. What is not
/// well-formed JSON, or nested deeper than 256, is taken as text whole. One pass, no recursion.
void extract_text(std::string_view body, std::string& out);

}  // namespace andon::ledger::fts
