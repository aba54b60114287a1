#include "andon/ledger/segment_cipher.hpp"

#include <openssl/evp.h>

#include <array>
#include <bit>
#include <climits>
#include <cstring>
#include <new>

namespace andon::ledger {
namespace {

struct context_free { void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); } };
using context = std::unique_ptr<EVP_CIPHER_CTX, context_free>;

context keyed(const data_key& key, bool encrypting) {
  context made(EVP_CIPHER_CTX_new());
  if (!made || EVP_CipherInit_ex(made.get(), EVP_aes_256_gcm(), nullptr, key.reveal().data(), nullptr, encrypting ? 1 : 0) != 1) throw std::bad_alloc{};
  return made;
}

std::array<unsigned char, 12> nonce_bytes(std::uint64_t nonce) {
  std::array<unsigned char, 12> bytes{};
  std::memcpy(bytes.data() + 4, &nonce, sizeof nonce);
  return bytes;
}

bool start(EVP_CIPHER_CTX* c, std::uint64_t nonce, byte_span bound) {
  int done = 0;
  return EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, nonce_bytes(nonce).data(), -1) == 1 &&
         EVP_CipherUpdate(c, nullptr, &done, bound.data(), static_cast<int>(bound.size())) == 1;
}

/// EVP takes lengths as int; entries may be larger.
bool run(EVP_CIPHER_CTX* c, byte_span in, unsigned char* out) {
  constexpr std::size_t step = 1u << 30;
  for (std::size_t at = 0; at < in.size(); at += step) {
    int done = 0;
    const auto n = static_cast<int>(std::min(step, in.size() - at));
    if (EVP_CipherUpdate(c, out + at, &done, in.data() + at, n) != 1 || done != n) return false;
  }
  return true;
}

}  // namespace

struct segment_cipher::state {
  data_key key;
  context sealing, opening;
};

segment_cipher::segment_cipher(const data_key& key, std::string_view salt)
    : state_(std::make_unique<state>(derive_key(key, salt, "andon journal segment"), context{}, context{})) {}
segment_cipher::~segment_cipher() = default;
segment_cipher::segment_cipher(segment_cipher&&) noexcept = default;
segment_cipher& segment_cipher::operator=(segment_cipher&&) noexcept = default;

bool segment_cipher::seal(std::uint64_t nonce, byte_span bound, byte_span plain, unsigned char* out) {
  if (!state_->sealing) state_->sealing = keyed(state_->key, true);
  auto* c = state_->sealing.get();
  int done = 0;
  unsigned char* tag = out + plain.size();
  return start(c, nonce, bound) && run(c, plain, out) && EVP_CipherFinal_ex(c, tag, &done) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag_bytes), tag) == 1;
}

bool segment_cipher::open(std::uint64_t nonce, byte_span bound, byte_span sealed, unsigned char* out) {
  if (sealed.size() < tag_bytes) return false;
  if (!state_->opening) state_->opening = keyed(state_->key, false);
  auto* c = state_->opening.get();
  const byte_span text = sealed.first(sealed.size() - tag_bytes);
  std::array<unsigned char, tag_bytes> tag{};
  std::memcpy(tag.data(), sealed.data() + text.size(), tag_bytes);
  std::array<unsigned char, 16> rest{};
  int done = 0;
  return start(c, nonce, bound) && run(c, text, out) &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, static_cast<int>(tag_bytes), tag.data()) == 1 &&
         EVP_CipherFinal_ex(c, rest.data(), &done) == 1;
}

}  // namespace andon::ledger
