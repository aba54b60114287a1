#include "andon/app/serve/sealed_text.hpp"

#include <array>

#include "andon/access/key_hasher.hpp"
#include "andon/base/hashing.hpp"
#include "andon/base/random.hpp"
#include "andon/ledger/segment_cipher.hpp"

namespace andon::app {
namespace {

constexpr std::size_t salt_bytes = 16;
constexpr std::string_view purpose = "andon configuration texts";

ledger::byte_span bytes_of(std::string_view text) { return {reinterpret_cast<const unsigned char*>(text.data()), text.size()}; }
unsigned char* bytes_in(std::string& text, std::size_t at) { return reinterpret_cast<unsigned char*>(text.data()) + at; }

result<ledger::data_key> key_of(const std::optional<secret>& master, const secret& pepper) {
  if (!master) return ledger::data_key(access::key_hasher(pepper).hash(purpose));
  const auto key = ledger::parse_master_key(*master);
  if (!key) return std::unexpected(key.error());
  return ledger::derive_key(*key, purpose, purpose);
}

/// Salt, cipher text and tag in hex; each text has a salt and so a key of its own.
result<std::string> seal(const ledger::data_key& key, std::string_view plain) {
  std::string out(salt_bytes + plain.size() + ledger::segment_cipher::tag_bytes, '\0');
  secure_random({bytes_in(out, 0), salt_bytes});
  if (!ledger::segment_cipher(key, std::string_view(out).substr(0, salt_bytes)).seal(0, bytes_of(purpose), bytes_of(plain), bytes_in(out, salt_bytes)))
    return fail(errc::internal, "a configuration cannot be encrypted, so it is not kept: OpenSSL refused AES-256-GCM");
  return to_hex(out);
}

result<std::string> open(const ledger::data_key& key, std::string_view sealed) {
  const auto bytes = from_hex(sealed);
  if (!bytes || bytes->size() < salt_bytes + ledger::segment_cipher::tag_bytes) return fail(errc::corrupt, "a kept configuration is damaged");
  const auto inside = std::string_view(*bytes).substr(salt_bytes);
  std::string out(inside.size() - ledger::segment_cipher::tag_bytes, '\0');
  if (!ledger::segment_cipher(key, std::string_view(*bytes).substr(0, salt_bytes)).open(0, bytes_of(purpose), bytes_of(inside), bytes_in(out, 0)))
    return fail(errc::corrupt, "a kept configuration does not open: it is damaged, or was kept under another ledger.encryption key");
  return out;
}

}  // namespace

result<slo::text_keeper> text_keeper_of(const std::optional<secret>& master, const secret& pepper) {
  const auto key = key_of(master, pepper);
  if (!key) return std::unexpected(key.error());
  return slo::text_keeper{[key = *key](std::string_view plain) { return seal(key, plain); }, [key = *key](std::string_view sealed) { return open(key, sealed); }};
}

}  // namespace andon::app
