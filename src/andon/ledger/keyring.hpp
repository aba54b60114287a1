#pragma once
// Keys of encryption at rest. A master key, which only the operator holds, wraps data keys, which lie in the keyring
// file of the data directory. Journal segments are encrypted with a key derived from the newest data key and a salt of
// their own; the index gets one key derived for it. Losing the master key loses everything; changing it rewrites only
// the keyring file.
#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/base/secret.hpp"

namespace andon::ledger {

/// 256 bits that wipe themselves and convert to nothing.
class data_key {
public:
  data_key() = default;
  explicit data_key(const std::array<unsigned char, 32>& bytes) : bytes_(bytes) {}
  data_key(const data_key&) = default;
  data_key& operator=(const data_key&) = default;
  ~data_key();
  [[nodiscard]] const std::array<unsigned char, 32>& reveal() const { return bytes_; }

private:
  std::array<unsigned char, 32> bytes_{};
};

/// 64 hex digits or the base64 (either alphabet, padding optional) of 32 bytes, surrounding white space ignored.
/// errc::invalid_argument otherwise.
[[nodiscard]] result<data_key> parse_master_key(const secret& text);

/// HKDF-SHA256 (RFC 5869): independent keys from one.
[[nodiscard]] data_key derive_key(const data_key& from, std::string_view salt, std::string_view purpose);

/// The opened keyring. Immutable while the ledger runs, so it is read from any thread without locks; the changes below
/// are made on a stopped ledger, or take effect at the next start.
class keyring {
public:
  /// Opens `file`, or makes it with a first data key if it does not exist. errc::invalid_key-like failures are
  /// errc::forbidden (wrong master key), damaged files errc::corrupt.
  [[nodiscard]] static result<keyring> open(const std::filesystem::path& file, const data_key& master);

  [[nodiscard]] std::uint32_t current() const { return current_; }  ///< id of the data key for new segments; never 0
  [[nodiscard]] const data_key* find(std::uint32_t id) const;       ///< null if unknown
  /// The index's key: derived from the oldest data key, so that it stays the same when data keys are rotated.
  [[nodiscard]] data_key index_key() const;

  /// Adds a data key and makes it the current one; new segments use it. Written to the file at once.
  [[nodiscard]] result<void> rotate_data_key();
  /// Wraps all data keys with another master key and rewrites the file.
  [[nodiscard]] result<void> rotate_master(const data_key& new_master);

private:
  [[nodiscard]] result<void> save() const;

  std::filesystem::path file_;
  data_key master_;
  std::map<std::uint32_t, data_key> keys_;
  std::uint32_t current_ = 0;
};

}  // namespace andon::ledger
