#include <algorithm>

#include "andon/ledger/journal_reader.hpp"
#include "andon/ledger/segment_directory.hpp"

namespace andon::ledger {
namespace {

bool well_formed(entry_kind kind, byte_span payload) {
  if (kind == entry_kind::record) return record_view::over(payload).has_value();
  if (kind == entry_kind::opened) return decode_opened(payload).has_value();
  return true;
}

void read_all(const segment& s, const file_mapping& map, std::optional<segment_cipher>& cipher, segment_report& report) {
  const auto limit = std::min(s.committed.load(std::memory_order_acquire), map.bytes());
  entry_scanner scanner(map.data(), limit, s.seed, segment_header_bytes);
  std::vector<unsigned char> buffer;
  std::uint64_t entries = 0, records = 0;
  while (const auto found = scanner.next()) {
    const bool is_record = found->head.kind() == entry_kind::record;
    entries = found->head.entry + 1;
    records = found->head.record + (is_record ? 1 : 0);
    report.damaged_bytes += found->skipped;
    const auto plain = found->intact ? plain_payload(*found, cipher, buffer) : std::nullopt;
    if (plain && well_formed(found->head.kind(), *plain)) {
      ++report.entries;
      report.records += is_record ? 1 : 0;
    } else {
      report.damaged_bytes += entry_bytes(found->head.length());
    }
  }
  report.bytes = scanner.offset();
  const bool rest = std::any_of(map.data() + scanner.offset(), map.data() + limit, [](unsigned char b) { return b != 0; });
  if (rest) report.damaged_bytes += limit - scanner.offset();
  report.lost_entries = entries - report.entries;
  report.lost_records = records - report.records;
}

}  // namespace

std::vector<segment_report> verify(const segment_directory& segments) {
  return verify(segments, [](std::uint64_t) { return true; });
}

std::vector<segment_report> verify(const segment_directory& segments, const std::function<bool(std::uint64_t bytes)>& between) {
  std::vector<segment_report> reports;
  const auto all = segments.list();
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto& s = *all[i];
    segment_report report{.stream = s.stream(), .segment = s.sequence(), .file = segments.path(s), .problem = {}};
    auto cipher = segments.cipher(s);
    const auto map = cipher ? segments.map(s) : std::unexpected(cipher.error());
    if (!map) {
      report.problem = map.error().message;
    } else {
      read_all(s, **map, *cipher, report);
      const bool followed = i + 1 < all.size() && all[i + 1]->stream() == s.stream() && all[i + 1]->sequence() == s.sequence() + 1;
      if (followed) {
        const auto should = all[i + 1]->activation.base_records - s.activation.base_records;
        if (should > report.records) report.lost_records = should - report.records;
      }
      if (report.damaged_bytes != 0 || report.lost_entries != 0 || report.lost_records != 0) report.problem = "damaged entries";
    }
    reports.push_back(std::move(report));
    if (!between(reports.back().bytes)) break;
  }
  return reports;
}

}  // namespace andon::ledger
