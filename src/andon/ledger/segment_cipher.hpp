#pragma once
// AES-256-GCM over the entries of one segment.
#include <memory>
#include <string_view>

#include "andon/ledger/keyring.hpp"
#include "andon/ledger/record_codec.hpp"

namespace andon::ledger {

/// The key is derived from the data key and the segment's random salt, so it serves one segment only, and the nonce is
/// the entry's offset, which is used once in a segment. One owner, no locks.
class segment_cipher {
public:
  static constexpr std::size_t tag_bytes = 16;

  segment_cipher(const data_key& key, std::string_view salt);
  ~segment_cipher();
  segment_cipher(segment_cipher&&) noexcept;
  segment_cipher& operator=(segment_cipher&&) noexcept;

  /// Writes plain.size() + tag_bytes to `out`. `bound` is authenticated, not encrypted.
  [[nodiscard]] bool seal(std::uint64_t nonce, byte_span bound, byte_span plain, unsigned char* out);
  /// Writes sealed.size() - tag_bytes to `out`; false if anything was changed.
  [[nodiscard]] bool open(std::uint64_t nonce, byte_span bound, byte_span sealed, unsigned char* out);

private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace andon::ledger
