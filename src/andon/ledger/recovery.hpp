#pragma once
// What a crash left of the journal, made whole again before the first append.
#include <vector>

#include "andon/ledger/journal.hpp"
#include "andon/ledger/journal_stream.hpp"
#include "andon/ledger/segment_directory.hpp"

namespace andon::ledger {

struct recovered_journal {
  recovery_report report;
  std::vector<stream_start> streams;  ///< of every stream that exists, ascending
  std::uint64_t next_serial = 1;
  std::uint64_t disk_bytes = 0;
};

/// Reads the last segment of every stream (earlier ones only if its carry entry is damaged), cuts torn tails, puts
/// unreadable files aside and fills `directory`. Changes nothing before it knows that it has the keys it needs.
/// errc::io_error, forbidden.
[[nodiscard]] result<recovered_journal> recover(segment_directory& directory);

}  // namespace andon::ledger
