#pragma once
// JSONL export: every Record that matches, newest first, one object a line (record_json.hpp). Pages through the store,
// so memory stays flat and Records that arrive meanwhile do not disturb it.
#include <cstdint>
#include <functional>
#include <string_view>

#include "andon/ledger/store.hpp"

namespace andon::ledger {

struct export_request {
  filter where;
  scope visible = scope::everything();
  std::uint64_t max_records = ~0ULL;
  patience wait{};
};

struct exported {
  std::uint64_t records = 0;
  std::uint64_t without_content = 0;  ///< the journal no longer has the Record: its summary was written instead
};

/// `write` gets one line with its end; an error it returns ends the export.
result<exported> export_jsonl(const store&, const record_source&, const export_request&,
                              const std::function<result<void>(std::string_view line)>& write);

}  // namespace andon::ledger
