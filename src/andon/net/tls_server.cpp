#include "andon/net/tls_server.hpp"

#include <fmt/core.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>

#include "andon/base/hashing.hpp"
#include "andon/base/random.hpp"

namespace andon::net {
namespace {

constexpr unsigned char both_protocols[] = "\x02h2\x08http/1.1";
constexpr std::size_t tickets_kept = 2;

std::unexpected<error> refuse_file(const char* what, const std::string& file, const std::string& why) {
  return fail(errc::tls_failed, fmt::format("{} {} cannot be used: {}", what, file, why));
}

// Of the protocols that the client offers, the first of ours.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered, unsigned offered_size, void* http2) {
  const unsigned skip = *static_cast<bool*>(http2) ? 0 : 3;
  unsigned char* out = nullptr;
  if (SSL_select_next_proto(&out, size, both_protocols + skip, sizeof both_protocols - 1 - skip, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = out;
  return SSL_TLSEXT_ERR_OK;
}

bool prepare(const ticket_keys::key& with, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, bool sealing) {
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(with.mac.data()), with.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>("SHA256"), 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters) == 1 &&
         EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, with.cipher.data(), iv, sealing ? 1 : 0) == 1;
}

// OpenSSL's contract: -1 failed, 0 no such key (a full handshake), 1 good, 2 good and to be renewed.
int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int sealing) {
  auto& keys = *static_cast<ticket_keys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (sealing == 1) {
    const auto with = keys.sealing();
    std::memcpy(name, with.name.data(), with.name.size());
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
    return prepare(with, iv, cipher, mac, true) ? 1 : -1;
  }
  const auto found = keys.opening(name);
  if (!found) return 0;
  if (!prepare(found->with, iv, cipher, mac, false)) return -1;
  return found->renew ? 2 : 1;
}

wall_time to_wall(const ASN1_TIME* at) {
  std::tm parts{};
  ASN1_TIME_to_tm(at, &parts);
  return wall_time{std::chrono::seconds{::timegm(&parts)}};
}

int no_passphrase(char*, int, int, void*) { return 0; }

}  // namespace

void ticket_keys::rotate() {
  const mono_time now = time_.mono();
  while (!keys_.empty() && now - keys_.back().made >= rotation_ * static_cast<int>(tickets_kept)) keys_.pop_back();
  if (!keys_.empty() && now - keys_.front().made < rotation_) return;
  key fresh{};
  secure_random(fresh.name);
  secure_random(fresh.cipher);
  secure_random(fresh.mac);
  fresh.made = now;
  keys_.push_front(fresh);
  if (keys_.size() > tickets_kept) keys_.pop_back();
}

ticket_keys::key ticket_keys::sealing() {
  const std::lock_guard hold(lock_);
  rotate();
  return keys_.front();
}

std::optional<ticket_keys::opened> ticket_keys::opening(const unsigned char* name) {
  const std::lock_guard hold(lock_);
  rotate();
  for (const auto& one : keys_)
    if (std::memcmp(one.name.data(), name, one.name.size()) == 0) return opened{one, &one != &keys_.front()};
  return std::nullopt;
}

result<std::shared_ptr<const tls_server_context>> tls_server_context::make(const tls_server_settings& from, std::shared_ptr<ticket_keys> tickets) {
  std::shared_ptr<tls_server_context> made(new tls_server_context);
  made->context_ = SSL_CTX_new(TLS_server_method());
  made->tickets_ = std::move(tickets);
  made->http2_ = from.http2;
  if (made->context_ == nullptr || made->transport_.get() == nullptr) return fail(errc::tls_failed, "OpenSSL could not make a context: " + tls_last_error());
  made->harden();
  if (auto loaded = made->load(from); !loaded) return std::unexpected(std::move(loaded.error()));
  if (auto dated = made->check_dates(from); !dated) return std::unexpected(std::move(dated.error()));
  if (auto loaded = made->load_clients(from); !loaded) return std::unexpected(std::move(loaded.error()));
  return made;
}

tls_server_context::~tls_server_context() { SSL_CTX_free(context_); }

void tls_server_context::harden() {
  SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context_, tls_ciphers);
  SSL_CTX_set_ciphersuites(context_, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  SSL_CTX_set1_groups_list(context_, "X25519:P-256:P-384");
  SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context_, 1);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);   // tickets instead
  SSL_CTX_set_num_tickets(context_, 1);
  SSL_CTX_set_timeout(context_, static_cast<long>(std::chrono::duration_cast<std::chrono::seconds>(tickets_->rotation() * static_cast<int>(tickets_kept)).count()));
  SSL_CTX_set_app_data(context_, tickets_.get());
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context_, ticket_key);
  SSL_CTX_set_alpn_select_cb(context_, choose_protocol, &http2_);
  SSL_CTX_set_default_passwd_cb(context_, no_passphrase);
}

result<void> tls_server_context::load(const tls_server_settings& from) {
  const auto& key_file = from.key_file.empty() ? from.certificate_file : from.key_file;
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context_, from.certificate_file.c_str()) != 1)
    return refuse_file("the certificate file", from.certificate_file, tls_first_error());
  if (SSL_CTX_use_PrivateKey_file(context_, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return refuse_file("the key file", key_file, tls_first_error());
  if (SSL_CTX_check_private_key(context_) != 1)
    return refuse_file("the key file", key_file, tls_first_error());
  return {};
}

result<void> tls_server_context::check_dates(const tls_server_settings& from) {
  const X509* leaf = SSL_CTX_get0_certificate(context_);
  valid_until_ = to_wall(X509_get0_notAfter(leaf));
  if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0) return refuse_file("the certificate file", from.certificate_file, "the certificate has expired");
  return {};
}

result<void> tls_server_context::load_clients(const tls_server_settings& from) {
  // Sessions made under other demands on the client do not resume.
  std::array<unsigned char, 9> demands{};
  demands[8] = static_cast<unsigned char>(from.clients);
  if (from.clients != client_certificates::none) {
    if (from.client_ca_file.empty()) return fail(errc::tls_failed, "clients' certificates are asked for, but client_ca_file names no authority");
    ERR_clear_error();
    if (SSL_CTX_load_verify_locations(context_, from.client_ca_file.c_str(), nullptr) != 1) return refuse_file("the file of clients' authorities", from.client_ca_file, tls_first_error());
    auto* names = SSL_load_client_CA_file(from.client_ca_file.c_str());
    if (names == nullptr) return refuse_file("the file of clients' authorities", from.client_ca_file, tls_first_error());
    SSL_CTX_set_client_CA_list(context_, names);
    std::ostringstream authorities;
    authorities << std::ifstream(from.client_ca_file).rdbuf();
    const auto mark = xxh3(authorities.str());
    std::memcpy(demands.data(), &mark, sizeof mark);
    const int mode = SSL_VERIFY_PEER | (from.clients == client_certificates::require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    SSL_CTX_set_verify(context_, mode, nullptr);
  }
  SSL_CTX_set_session_id_context(context_, demands.data(), demands.size());
  return {};
}

}  // namespace andon::net
