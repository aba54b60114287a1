#pragma once
// Where something is in the journal, and what it is. Plain values; the index stores them beside its rows.
#include <compare>
#include <cstdint>

namespace andon::ledger {

/// The place of one entry: stream (one per core), segment (file number within the stream, from 1), byte offset of the
/// entry in the segment. Within a stream positions grow with time and are never used twice, also across restarts.
struct position {
  std::uint32_t stream = 0;
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
  auto operator<=>(const position&) const = default;
};

/// How far a reader of one stream has come. A reader that starts from it continues with the next entry: nothing is
/// lost or seen twice if the checkpoint is stored in the same transaction as what was read.
///   records: Records of this stream that lie before `next`, since the beginning of the stream
///   dropped: those of them that the reader never saw (removed by quota before it came, or damaged)
/// so that `records - dropped` is what it was handed.
struct checkpoint {
  position next;
  std::uint64_t records = 0;
  std::uint64_t dropped = 0;
  bool operator==(const checkpoint&) const = default;
};

/// What a journal entry is. Append only: the number is in the files.
enum class entry_kind : std::uint8_t {
  none = 0,
  record = 1,    ///< a closed exchange: record_codec.hpp, decode_record
  opened = 2,    ///< an exchange was admitted: decode_opened
  carry = 3,     ///< first entry of a segment: the exchanges open at that moment (internal to the journal)
  decision = 4,  ///< a conclusion that changed the Plan
  audit = 5,     ///< an administrative act
};

}  // namespace andon::ledger
