#include "andon/ledger/keyring.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include <fmt/format.h>

#include "andon/base/hashing.hpp"
#include "andon/base/random.hpp"
#include "andon/ledger/journal_file.hpp"

namespace andon::ledger {
namespace {

constexpr std::string_view first_line = "andon keyring 1";
constexpr std::uint64_t max_file_bytes = 1 << 20;
constexpr std::size_t wrapped_bytes = 40;  // RFC 3394: the key and one check block

std::string_view as_text(const std::array<unsigned char, 32>& b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

struct context_free { void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); } };

/// AES-256 key wrap (RFC 3394), which authenticates by itself.
bool wrap(const data_key& master, std::string_view in, unsigned char* out, std::size_t out_size, bool wrapping) {
  const std::unique_ptr<EVP_CIPHER_CTX, context_free> c(EVP_CIPHER_CTX_new());
  if (!c) return false;
  EVP_CIPHER_CTX_set_flags(c.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  int done = 0;
  return EVP_CipherInit_ex(c.get(), EVP_aes_256_wrap(), nullptr, master.reveal().data(), nullptr, wrapping ? 1 : 0) == 1 &&
         EVP_CipherUpdate(c.get(), out, &done, reinterpret_cast<const unsigned char*>(in.data()), static_cast<int>(in.size())) == 1 &&
         static_cast<std::size_t>(done) == out_size;
}

std::string_view trim(std::string_view s) {
  constexpr std::string_view space = " \t\r\n";
  const auto from = s.find_first_not_of(space);
  return from == std::string_view::npos ? std::string_view{} : s.substr(from, s.find_last_not_of(space) - from + 1);
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

std::string from_base64(std::string_view s) {
  while (s.ends_with('=')) s.remove_suffix(1);
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : s) {
    const int value = base64_value(c);
    if (value < 0) return {};
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out.push_back(static_cast<char>((bits >> held) & 0xff));
  }
  return out;
}

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::unexpected<error> damaged(const std::filesystem::path& file) {
  return fail(errc::corrupt, fmt::format("the keyring {} is damaged: restore it from a backup, without it the ledger cannot be read", file.native()));
}

}  // namespace

data_key::~data_key() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

result<data_key> parse_master_key(const secret& text) {
  const auto given = trim(text.reveal());
  std::string bytes;
  if (given.size() == 64) {
    if (auto hex = from_hex(given)) bytes = std::move(*hex);
  } else if (given.size() == 43 || given.size() == 44) {
    bytes = from_base64(given);
  }
  if (bytes.size() != 32) return fail(errc::invalid_argument, "the master key must be 32 bytes, as 64 hex digits or as base64: `openssl rand -hex 32` makes one");
  std::array<unsigned char, 32> raw{};
  std::copy(bytes.begin(), bytes.end(), raw.begin());
  OPENSSL_cleanse(bytes.data(), bytes.size());
  const data_key key{raw};
  OPENSSL_cleanse(raw.data(), raw.size());
  return key;
}

data_key derive_key(const data_key& from, std::string_view salt, std::string_view purpose) {
  digest extracted = hmac_sha256(salt, as_text(from.reveal()));
  const digest made = hmac_sha256(as_text(extracted), std::string{purpose} + '\x01');
  OPENSSL_cleanse(extracted.data(), extracted.size());
  return data_key{made};
}

result<keyring> keyring::open(const std::filesystem::path& file, const data_key& master) {
  auto& files = file_operations::machine();
  keyring ring;
  ring.file_ = file;
  ring.master_ = master;
  auto text = read_file(files, file, max_file_bytes);
  if (!text && text.error().code == errc::not_found) {
    if (auto made = ring.rotate_data_key(); !made) return std::unexpected(made.error());
    return ring;
  }
  if (!text) return std::unexpected(text.error());
  std::string_view rest = *text;
  if (take_line(rest) != first_line) return damaged(file);
  while (!rest.empty()) {
    const auto line = take_line(rest);
    std::uint32_t id = 0;
    const auto [end, wrong] = std::from_chars(line.data(), line.data() + line.size(), id);
    const auto hex = trim({end, static_cast<std::size_t>(line.data() + line.size() - end)});
    const auto wrapped = from_hex(hex);
    if (wrong != std::errc{} || id == 0 || !wrapped || wrapped->size() != wrapped_bytes) return damaged(file);
    std::array<unsigned char, 32 + 8> raw{};
    if (!wrap(master, *wrapped, raw.data(), 32, false)) return fail(errc::forbidden, "the master key does not open the keyring: it is not the key that the ledger was encrypted under");
    std::array<unsigned char, 32> key{};
    std::copy_n(raw.begin(), 32, key.begin());
    ring.keys_.insert_or_assign(id, data_key{key});
    OPENSSL_cleanse(raw.data(), raw.size());
    OPENSSL_cleanse(key.data(), key.size());
  }
  if (ring.keys_.empty()) return damaged(file);
  ring.current_ = ring.keys_.rbegin()->first;
  return ring;
}

const data_key* keyring::find(std::uint32_t id) const {
  const auto at = keys_.find(id);
  return at == keys_.end() ? nullptr : &at->second;
}

data_key keyring::index_key() const { return derive_key(keys_.begin()->second, {}, "andon index"); }

result<void> keyring::rotate_data_key() {
  std::array<unsigned char, 32> raw{};
  secure_random(raw);
  const std::uint32_t id = current_ + 1;
  keys_.insert_or_assign(id, data_key{raw});
  OPENSSL_cleanse(raw.data(), raw.size());
  if (auto saved = save(); !saved) {
    keys_.erase(id);
    return saved;
  }
  current_ = id;
  return {};
}

result<void> keyring::rotate_master(const data_key& new_master) {
  const data_key old = master_;
  master_ = new_master;
  auto saved = save();
  if (!saved) master_ = old;
  return saved;
}

result<void> keyring::save() const {
  std::string text{first_line};
  text += '\n';
  for (const auto& [id, key] : keys_) {
    std::array<unsigned char, wrapped_bytes + 8> out{};
    if (!wrap(master_, as_text(key.reveal()), out.data(), wrapped_bytes, true)) return fail(errc::internal, "the data key could not be wrapped");
    text += fmt::format("{} {}\n", id, to_hex({reinterpret_cast<const char*>(out.data()), wrapped_bytes}));
  }
  return replace_file(file_operations::machine(), file_, text);
}

}  // namespace andon::ledger
