#include "andon/ledger/export.hpp"

#include <algorithm>

#include "andon/ledger/record_json.hpp"

namespace andon::ledger {

result<exported> export_jsonl(const store& index, const record_source& source, const export_request& ask,
                              const std::function<result<void>(std::string_view line)>& write) {
  constexpr std::size_t page_rows = 500;
  exported out;
  search_request next{.where = ask.where, .visible = ask.visible, .cursor = {}, .limit = page_rows, .wait = ask.wait};
  std::string line;
  while (out.records < ask.max_records) {
    next.limit = static_cast<std::size_t>(std::min<std::uint64_t>(page_rows, ask.max_records - out.records));
    const auto found = index.search(next);
    if (!found) return std::unexpected(found.error());
    for (const summary& row : found->rows) {
      line.clear();
      const auto whole = source.read(row.at);
      if (whole) append_json(line, *whole);
      else if (whole.error().code == errc::not_found || whole.error().code == errc::corrupt) { append_json(line, row); ++out.without_content; }
      else return std::unexpected(whole.error());
      line.push_back('\n');
      if (auto written = write(line); !written) return std::unexpected(written.error());
      ++out.records;
    }
    if (found->next.empty()) break;
    next.cursor = found->next;
  }
  return out;
}

}  // namespace andon::ledger
