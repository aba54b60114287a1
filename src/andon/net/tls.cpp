#include "andon/net/tls.hpp"

#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <cstring>

namespace andon::net {
namespace {

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

long transport_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* resumption = static_cast<tls_resumption*>(SSL_get_app_data(ssl));
  if (resumption == nullptr || !resumption->takes(SSL_get_SSL_CTX(ssl))) return 0;
  resumption->keep(session);
  return 1;
}

bool is_literal(std::string_view host) {
  boost::system::error_code failed;
  boost::asio::ip::make_address(std::string(host), failed);
  return !failed;
}

}  // namespace

std::string tls_last_error() {
  const unsigned long code = ERR_peek_last_error();
  const char* text = code != 0 ? ERR_reason_error_string(code) : nullptr;
  std::string reason = text != nullptr ? text : "unknown reason";
  ERR_clear_error();
  return reason;
}

std::string tls_first_error() {
  const unsigned long code = ERR_peek_error();
  const std::string first = ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code)) : std::string{};
  const char* text = ERR_reason_error_string(code);
  const std::string why = !first.empty() ? first : text != nullptr ? text : "unknown reason";
  ERR_clear_error();
  return why;
}

tls_transport::tls_transport() : method_(BIO_meth_new(BIO_TYPE_SOURCE_SINK | 0x7f, "andon socket")) {
  BIO_meth_set_write(method_, [](BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    const auto& end = *static_cast<tls_session::transport_end*>(BIO_get_data(bio));
    const auto sent = ::send(end.descriptor, from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent < 0 && would_block()) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
  });
  BIO_meth_set_read(method_, [](BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    auto& end = *static_cast<tls_session::transport_end*>(BIO_get_data(bio));
    const auto got = ::recv(end.descriptor, into, static_cast<std::size_t>(size), 0);
    end.drained = got < size;
    if (got < 0 && would_block()) BIO_set_retry_read(bio);
    if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return static_cast<int>(got);
  });
  BIO_meth_set_ctrl(method_, transport_control);
}

result<std::shared_ptr<tls_context>> tls_context::make(const tls_client_settings& from) {
  std::shared_ptr<tls_context> made(new tls_context);
  made->context_ = SSL_CTX_new(TLS_client_method());
  if (made->context_ == nullptr || made->transport_.get() == nullptr) return fail(errc::tls_failed, "OpenSSL could not make a context: " + tls_last_error());
  SSL_CTX* context = made->context_;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, tls_ciphers);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_session);
  static constexpr unsigned char protocols[] = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(context, protocols, sizeof protocols - 1);
  SSL_CTX_set_verify(context, from.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (auto shown = made->show(from); !shown) return std::unexpected(std::move(shown.error()));
  if (!from.verify) return made;
  const auto& ca_file = from.ca_file;
  ERR_clear_error();
  const int loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context)
                                     : SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr);
  if (loaded != 1)
    return fail(errc::tls_failed, fmt::format("the CA file {} cannot be used ({}): give a readable PEM file of certificates",
                                              ca_file.empty() ? "of the system" : ca_file, tls_first_error()));
  return made;
}

result<void> tls_context::show(const tls_client_settings& from) {
  if (from.certificate_file.empty()) return {};
  const auto& key_file = from.key_file.empty() ? from.certificate_file : from.key_file;
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context_, from.certificate_file.c_str()) != 1)
    return fail(errc::tls_failed, fmt::format("the certificate file {} cannot be used: {}", from.certificate_file, tls_first_error()));
  if (SSL_CTX_use_PrivateKey_file(context_, key_file.c_str(), SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(context_) != 1)
    return fail(errc::tls_failed, fmt::format("the key file {} cannot be used: {}", key_file, tls_first_error()));
  return {};
}

tls_context::~tls_context() { SSL_CTX_free(context_); }

tls_session::tls_session(SSL_CTX* context, const tls_transport& transport, int descriptor, std::shared_ptr<const void> keeps)
    : ssl_(SSL_new(context)), end_{descriptor, false}, keeps_(std::move(keeps)) {
  BIO* bio = BIO_new(transport.get());
  BIO_set_data(bio, &end_);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_accept_state(ssl_);
}

tls_session::tls_session(const tls_context& context, int descriptor, std::string_view host, tls_resumption& resumption)
    : tls_session(context.get(), context.transport(), descriptor, context.shared_from_this()) {
  SSL_set_app_data(ssl_, &resumption);
  SSL_set_connect_state(ssl_);
  std::string name(host);
  X509_VERIFY_PARAM* checks = SSL_get0_param(ssl_);
  X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (is_literal(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(checks, name.c_str());
  } else {
    X509_VERIFY_PARAM_set1_host(checks, name.c_str(), name.size());
    SSL_set_tlsext_host_name(ssl_, name.c_str());
  }
  if (SSL_SESSION* earlier = resumption.session()) SSL_set_session(ssl_, earlier);
}

tls_session::~tls_session() { SSL_free(ssl_); }

bool tls_session::has_come() {
  char byte;
  std::size_t size = 0;
  ERR_clear_error();
  if (SSL_peek_ex(ssl_, &byte, 1, &size) == 1) return true;
  const int why = SSL_get_error(ssl_, 0);
  ERR_clear_error();
  return why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
}

io_step tls_session::step_of(int returned, std::size_t bytes) {
  if (returned > 0) return {io_state::done, bytes};
  const int system_error = errno;
  switch (SSL_get_error(ssl_, returned)) {
    case SSL_ERROR_WANT_READ: return {io_state::want_read, 0};
    case SSL_ERROR_WANT_WRITE: return {io_state::want_write, 0};
    case SSL_ERROR_ZERO_RETURN: return {io_state::closed, 0};
    case SSL_ERROR_SYSCALL:
      reason_ = system_error == ECONNRESET || system_error == EPIPE ? "the peer reset the connection" : "the peer closed the connection";
      ERR_clear_error();
      return {io_state::failed, 0};
    default: break;
  }
  const long verdict = SSL_get_verify_result(ssl_);
  met_plain_http_ = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
  reason_ = verdict != X509_V_OK && SSL_get_verify_mode(ssl_) != SSL_VERIFY_NONE
                ? fmt::format("certificate refused: {}", X509_verify_cert_error_string(verdict))
                : tls_last_error();
  ERR_clear_error();
  return {io_state::failed, 0};
}

void tls_session::offer(std::string_view protocols) {
  SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(protocols.data()), static_cast<unsigned>(protocols.size()));
}

io_step tls_session::handshake() {
  ERR_clear_error();
  errno = 0;
  return step_of(SSL_do_handshake(ssl_), 0);
}

io_step tls_session::read(char* into, std::size_t size) {
  std::size_t got = 0;
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_read_ex(ssl_, into, size, &got);
  return step_of(returned, got);
}

io_step tls_session::write(const char* from, std::size_t size) {
  std::size_t sent = 0;
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_write_ex(ssl_, from, size, &sent);
  return step_of(returned, sent);
}

void tls_session::send_close() {
  if (SSL_is_init_finished(ssl_) == 1 && reason_.empty()) SSL_shutdown(ssl_);
  ERR_clear_error();
}

std::string_view tls_session::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string tls_session::why() const { return reason_; }

}  // namespace andon::net
