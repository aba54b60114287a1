#pragma once
// The layout of a segment file and the checks of its entries. All integers are little-endian.
//
//   0     identity    (copy at 1024)  magic, version, size, key id, salt, time of creation, checksum
//   2048  activation  (copy at 3072)  stream, sequence, numbers of what came before, checksum; zero while it is a spare
//   4096  entries, each aligned to 8 bytes:
//         commit (8)  length, kind, mark: stored last with release order; 0 where nothing is written yet
//         head (8)    XXH3 of commit and the following fields, seeded with the segment's salt and the offset
//         body (8)    XXH3 of the payload, seeded the same way
//         serial (8), time (8), entry number (4) and record number (4) within the segment
//         payload, encrypted with its tag behind it if the segment has a key id
#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/ledger/journal_file.hpp"
#include "andon/ledger/journal_position.hpp"
#include "andon/ledger/record_codec.hpp"

namespace andon::ledger {

inline constexpr std::uint64_t segment_header_bytes = 4096;
inline constexpr std::uint64_t segment_activation_offset = 2048;  ///< what a spare has not written yet; before it, the identity
inline constexpr std::uint64_t page_bytes = 4096;
inline constexpr std::uint64_t entry_header_bytes = 48;

struct segment_identity {
  std::array<char, 8> magic{};
  std::uint32_t version = 0;
  std::uint32_t key_id = 0;  ///< 0: not encrypted
  std::uint64_t bytes = 0;   ///< of the file as prepared
  std::array<char, 16> salt{};
  std::int64_t created = 0;
  std::uint64_t checksum = 0;
};

struct segment_activation {
  std::uint64_t stream = 0;
  std::uint64_t sequence = 0;
  std::uint64_t base_records = 0;  ///< Records of the stream before this segment
  std::uint64_t base_serial = 0;   ///< no entry here has a smaller one
  std::uint64_t previous_end = 0;  ///< where the entries of the segment before end
  std::int64_t started = 0;
  std::uint64_t checksum = 0;
};

struct entry_head {
  std::uint64_t commit = 0;
  std::uint64_t head = 0;
  std::uint64_t body = 0;
  std::uint64_t serial = 0;
  std::int64_t time = 0;
  std::uint32_t entry = 0;
  std::uint32_t record = 0;

  [[nodiscard]] std::uint32_t length() const { return static_cast<std::uint32_t>(commit); }
  [[nodiscard]] entry_kind kind() const { return static_cast<entry_kind>((commit >> 32) & 0xff); }
  [[nodiscard]] bool marked() const { return (commit >> 40) == 0xa17e5d; }
};
static_assert(sizeof(entry_head) == entry_header_bytes);

constexpr std::uint64_t commit_word(entry_kind kind, std::uint32_t length) {
  return (std::uint64_t{0xa17e5d} << 40) | (std::uint64_t{static_cast<std::uint8_t>(kind)} << 32) | length;
}
constexpr std::uint64_t aligned(std::uint64_t bytes, std::uint64_t to = 8) { return (bytes + to - 1) / to * to; }
constexpr std::uint64_t entry_bytes(std::uint64_t payload) { return aligned(entry_header_bytes + payload); }
/// After trimming at least one zero commit word stays behind the last entry, so that a reader there stays in the file.
constexpr std::uint64_t trimmed_bytes(std::uint64_t end) { return aligned(end + entry_header_bytes, page_bytes); }

segment_identity make_identity(std::uint64_t bytes, std::uint32_t key_id, wall_time now);
void write_identity(unsigned char* file, const segment_identity& identity);
void write_activation(unsigned char* file, const segment_identity& identity, segment_activation activation);

/// What a segment's first 4096 bytes say. Either copy is good enough.
struct segment_header {
  segment_identity identity;
  std::optional<segment_activation> activation;
  bool blank = false;  ///< both activations are all zero: a spare that was never used
};
std::optional<segment_header> parse_header(byte_span first_page);

/// Ties checksums to one segment, so that no entry is valid anywhere else.
std::uint64_t seed_of(const segment_identity& identity, const segment_activation& activation);
std::uint64_t head_checksum(const entry_head& head, std::uint64_t seed, std::uint64_t offset);
std::uint64_t body_checksum(byte_span payload, std::uint64_t seed, std::uint64_t offset);

/// Entries of a segment whose bytes 0 … limit are in memory. Never looks beyond the limit.
class entry_scanner {
public:
  struct found {
    std::uint64_t offset = 0;
    entry_head head;
    byte_span payload;
    bool intact = false;        ///< the payload's checksum is right
    std::uint64_t skipped = 0;  ///< damaged bytes before it
  };
  entry_scanner(const unsigned char* file, std::uint64_t limit, std::uint64_t seed, std::uint64_t offset)
      : file_(file), limit_(limit), seed_(seed), offset_(offset) {}

  /// The next entry whose head is right, or nothing up to the limit. `resync` off: only looks at the current offset.
  std::optional<found> next(bool resync = true);
  [[nodiscard]] std::uint64_t offset() const { return offset_; }  ///< behind the last entry found

private:
  std::optional<entry_head> head_at(std::uint64_t offset) const;
  const unsigned char* file_;
  std::uint64_t limit_, seed_, offset_;
};

/// A mapped file; unmaps and closes.
class file_mapping {
public:
  file_mapping(int fd, unsigned char* data, std::uint64_t bytes) : fd_(fd), data_(data), bytes_(bytes) {}
  ~file_mapping() { file_operations::unmap(data_, bytes_); file_operations::close(fd_); }
  file_mapping(const file_mapping&) = delete;
  file_mapping& operator=(const file_mapping&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] unsigned char* data() const { return data_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
  int fd_;
  unsigned char* data_;
  std::uint64_t bytes_;
};

/// One segment as the running program knows it. What is not atomic is set before it is shared, except for what the
/// directory's lock guards.
struct segment {
  segment_identity identity;
  segment_activation activation;
  std::uint64_t seed = 0;
  std::filesystem::path path;                  ///< guarded by the directory
  std::shared_ptr<file_mapping> live;          ///< guarded by the directory; null unless a writer holds or held it
  std::weak_ptr<file_mapping> cold;            ///< guarded by the directory
  std::atomic<std::uint64_t> committed{0};     ///< end of the entries, as published by the writer or known from the files
  std::atomic<std::uint64_t> disk_bytes{0};
  std::atomic<bool> sealed{false};             ///< committed does not change any more
  bool made_here = false;                      ///< since this process began; set before others see it

  [[nodiscard]] std::uint64_t sequence() const { return activation.sequence; }
  [[nodiscard]] std::uint32_t stream() const { return static_cast<std::uint32_t>(activation.stream); }
};

}  // namespace andon::ledger
