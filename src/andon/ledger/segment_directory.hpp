#pragma once
// Which segments there are, for writers, readers and retention alike. Thread-safe; its lock is taken when a segment
// begins, ends or is opened, never per entry.
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "andon/base/error.hpp"
#include "andon/ledger/segment.hpp"
#include "andon/ledger/segment_cipher.hpp"

namespace andon::ledger {

class segment_directory {
public:
  segment_directory(file_operations& files, std::filesystem::path directory, const keyring* keys)
      : files_(files), directory_(std::move(directory)), keys_(keys) {}

  void add(std::shared_ptr<segment> s);
  void forget(const segment& s);

  [[nodiscard]] std::shared_ptr<segment> find(std::uint32_t stream, std::uint64_t sequence) const;
  [[nodiscard]] std::shared_ptr<segment> at_or_after(std::uint32_t stream, std::uint64_t sequence) const;
  [[nodiscard]] std::vector<std::shared_ptr<segment>> list() const;  ///< by stream, then sequence
  [[nodiscard]] std::vector<std::uint32_t> streams() const;

  /// The segment's bytes up to at least `committed`, or as many as the file has.
  [[nodiscard]] result<std::shared_ptr<file_mapping>> map(segment& s) const;
  /// A live mapping, if a writer holds one.
  [[nodiscard]] std::shared_ptr<file_mapping> live(const segment& s) const;
  void release_live(segment& s) const;  ///< the writer is done with it; readers that hold the mapping keep it

  [[nodiscard]] std::filesystem::path path(const segment& s) const;
  [[nodiscard]] result<void> rename(segment& s, const std::filesystem::path& to) const;

  /// Nothing if the segment is not encrypted; errc::forbidden if its key is not in the keyring.
  [[nodiscard]] result<std::optional<segment_cipher>> cipher(const segment& s) const;

  [[nodiscard]] file_operations& files() const { return files_; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

private:
  using key = std::pair<std::uint32_t, std::uint64_t>;
  file_operations& files_;
  std::filesystem::path directory_;
  const keyring* keys_;
  mutable std::mutex mutex_;
  std::map<key, std::shared_ptr<segment>> segments_;
};

/// The segments that the files of a directory are.
struct found_segments {
  std::vector<std::shared_ptr<segment>> segments;    ///< by stream, then sequence; committed is known but for the last of a stream
  std::vector<std::filesystem::path> blank;          ///< spares that were never used
  std::vector<std::filesystem::path> damaged;        ///< headers that say nothing
};
[[nodiscard]] result<found_segments> find_segments(file_operations& files, const std::filesystem::path& directory);
[[nodiscard]] std::filesystem::path segment_file_name(std::uint32_t stream, std::uint64_t sequence);

/// The plain payload of an entry that was found intact: the bytes themselves, or decrypted into `buffer`. Nothing if
/// it does not decrypt.
[[nodiscard]] std::optional<byte_span> plain_payload(const entry_scanner::found& entry, std::optional<segment_cipher>& cipher,
                                                     std::vector<unsigned char>& buffer);
/// What is authenticated with an encrypted payload.
struct entry_binding {
  explicit entry_binding(const entry_head& head);
  [[nodiscard]] byte_span bytes() const { return {reinterpret_cast<const unsigned char*>(words.data()), sizeof words}; }
  std::array<std::uint64_t, 4> words;
};

}  // namespace andon::ledger
