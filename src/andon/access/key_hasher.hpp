#pragma once
// Keyed hashes of keys: HMAC-SHA256 with a pepper that belongs to one installation, so that a stolen access.db alone
// cannot be searched, and equal keys of two installations hash differently.
//
// Thread-safe and immutable after construction: the inner and outer pads are compressed once, so a hash of a 47-byte
// key is two SHA-256 blocks, without allocation.
#include <filesystem>
#include <memory>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/base/hashing.hpp"
#include "andon/base/secret.hpp"

namespace andon::access {

class key_hasher {
public:
  explicit key_hasher(const secret& pepper);
  ~key_hasher();
  key_hasher(const key_hasher&) = delete;
  key_hasher& operator=(const key_hasher&) = delete;

  [[nodiscard]] digest hash(std::string_view text) const noexcept;  ///< equals hmac_sha256(pepper, text)

private:
  struct pads;
  std::unique_ptr<pads> pads_;
};

/// Reads `file`, or makes it (32 random bytes as hex, mode 0600, fsynced before use). Errors: io_error; corrupt when it
/// is not 64 hex digits; forbidden when group or others may read it.
result<secret> load_or_make_pepper(const std::filesystem::path& file);

/// A secret kept in a file of mode 0600, one line. Writing is atomic (temporary file, fsync, rename).
result<secret> read_secret_file(const std::filesystem::path& file);  ///< not_found, forbidden (readable by others), io_error
result<void> write_secret_file(const std::filesystem::path& file, const secret& text);

}  // namespace andon::access
