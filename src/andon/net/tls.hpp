#pragma once
// TLS to providers: OpenSSL on a non-blocking descriptor. Private to the client.
#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "andon/base/error.hpp"

namespace andon::net {

/// The session of an endpoint's last connection, so that the next one resumes it.
class tls_resumption {
public:
  tls_resumption() = default;
  tls_resumption(const tls_resumption&) = delete;  // connections refer to it
  tls_resumption& operator=(const tls_resumption&) = delete;
  ~tls_resumption() { SSL_SESSION_free(session_); }
  void keep(SSL_SESSION* session) { SSL_SESSION_free(session_); session_ = session; }
  [[nodiscard]] SSL_SESSION* session() const { return session_; }

private:
  SSL_SESSION* session_ = nullptr;
};

/// Settings and trust of all connections with the same CA file. TLS 1.2 and later.
class tls_context {
public:
  /// Errors: tls_failed when the file cannot be read or holds no certificate.
  static result<std::shared_ptr<tls_context>> make(const std::string& ca_file, bool verify);
  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;
  ~tls_context();
  [[nodiscard]] SSL_CTX* get() const { return context_; }
  [[nodiscard]] BIO_METHOD* transport() const { return transport_; }

private:
  tls_context() = default;
  SSL_CTX* context_ = nullptr;
  BIO_METHOD* transport_ = nullptr;
};

enum class io_state : unsigned char { done, want_read, want_write, closed, failed };

struct io_step {
  io_state now = io_state::done;
  std::size_t bytes = 0;
};

class tls_session {
public:
  /// `host` is checked against the certificate (a name or a literal address) where the context verifies.
  tls_session(const tls_context& context, int descriptor, std::string_view host, tls_resumption& resumption);
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;
  ~tls_session();

  io_step handshake();
  io_step read(char* into, std::size_t size);
  io_step write(const char* from, std::size_t size);
  void send_close();   ///< close_notify, if it can be sent at once
  [[nodiscard]] bool resumed() const { return SSL_session_reused(ssl_) == 1; }
  /// Why the handshake failed, for people.
  [[nodiscard]] std::string why() const;

private:
  io_step step_of(int returned, std::size_t bytes);
  SSL* ssl_ = nullptr;
  std::string reason_;
};

}  // namespace andon::net
