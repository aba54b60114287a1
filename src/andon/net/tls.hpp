#pragma once
// TLS on a non-blocking descriptor by OpenSSL, driven by its owner's readiness waits: sessions of both sides, and the
// trust of the client's. The server's settings are in tls_server.hpp. Private to this room.
#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "andon/base/error.hpp"

namespace andon::net {

/// How OpenSSL reaches a descriptor: without SIGPIPE, and telling of short reads.
class tls_transport {
public:
  tls_transport();
  tls_transport(const tls_transport&) = delete;  // sessions refer to it
  tls_transport& operator=(const tls_transport&) = delete;
  ~tls_transport() { BIO_meth_free(method_); }
  [[nodiscard]] BIO_METHOD* get() const { return method_; }

private:
  BIO_METHOD* method_;
};

/// What OpenSSL has to say of its latest failure, which is forgotten.
std::string tls_last_error();
/// The same of what went wrong first, for files.
std::string tls_first_error();

/// Of TLS 1.2, to both sides: forward secret and authenticated encryption only.
inline constexpr const char* tls_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

/// The session of an endpoint's last connection, so that the next one resumes it.
class tls_resumption {
public:
  tls_resumption() = default;
  tls_resumption(const tls_resumption&) = delete;  // connections refer to it
  tls_resumption& operator=(const tls_resumption&) = delete;
  ~tls_resumption() { SSL_SESSION_free(session_); }
  void keep(SSL_SESSION* session) { SSL_SESSION_free(session_); session_ = session; }
  /// Sessions of this context only; what was kept is forgotten.
  void begin(const SSL_CTX* of) {
    of_ = of;
    keep(nullptr);
  }
  [[nodiscard]] bool takes(const SSL_CTX* from) const { return of_ == nullptr || of_ == from; }
  [[nodiscard]] SSL_SESSION* session() const { return session_; }

private:
  SSL_SESSION* session_ = nullptr;
  const SSL_CTX* of_ = nullptr;
};

struct tls_client_settings {
  std::string ca_file{};            ///< empty: the system's store
  bool verify = true;
  std::string certificate_file{};   ///< shown to servers that ask; empty: none
  std::string key_file{};           ///< empty: in the certificate's file
};

/// What the connections of like settings share: trust and the certificate to show. TLS 1.2 and later.
class tls_context : public std::enable_shared_from_this<tls_context> {
public:
  /// Errors: tls_failed when a file cannot be read or holds no certificate or not the certificate's key.
  static result<std::shared_ptr<tls_context>> make(const tls_client_settings& from);
  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;
  ~tls_context();
  [[nodiscard]] SSL_CTX* get() const { return context_; }
  [[nodiscard]] const tls_transport& transport() const { return transport_; }

private:
  tls_context() = default;
  result<void> show(const tls_client_settings& from);
  SSL_CTX* context_ = nullptr;
  tls_transport transport_;
};

enum class io_state : unsigned char { done, want_read, want_write, closed, failed };

struct io_step {
  io_state now = io_state::done;
  std::size_t bytes = 0;
};

class tls_session {
public:
  /// The server's side. `keeps` holds context and transport.
  tls_session(SSL_CTX* context, const tls_transport& transport, int descriptor, std::shared_ptr<const void> keeps = {});
  /// `host` is checked against the certificate (a name or a literal address) where the context verifies.
  tls_session(const tls_context& context, int descriptor, std::string_view host, tls_resumption& resumption);
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;
  ~tls_session();

  /// What the client's side offers by ALPN instead of http/1.1 alone: names, each behind its length. Before handshake().
  void offer(std::string_view protocols);
  io_step handshake();
  /// A read that is done has not necessarily emptied the kernel; see drained().
  io_step read(char* into, std::size_t size);
  io_step write(const char* from, std::size_t size);
  void send_close();   ///< close_notify, if it can be sent at once
  void leave_open() { reason_ = "not to be closed"; }   ///< no close_notify: the bytes so far are not all
  /// The peer has sent something although it was not asked to be read.
  [[nodiscard]] bool has_come();
  /// True if neither OpenSSL nor, as far as the last short read told, the kernel holds bytes.
  [[nodiscard]] bool drained() const { return end_.drained && SSL_has_pending(ssl_) == 0; }
  /// What ALPN chose; empty if nothing.
  [[nodiscard]] std::string_view protocol() const;
  /// The peer spoke plain HTTP (known after a failed handshake).
  [[nodiscard]] bool met_plain_http() const { return met_plain_http_; }
  [[nodiscard]] bool is_of(const tls_context& context) const { return keeps_.get() == &context; }
  [[nodiscard]] bool resumed() const { return SSL_session_reused(ssl_) == 1; }
  /// Why the handshake failed, for people.
  [[nodiscard]] std::string why() const;

private:
  io_step step_of(int returned, std::size_t bytes);
  SSL* ssl_ = nullptr;
  struct transport_end {
    int descriptor;
    bool drained;
  };
  friend class tls_transport;
  transport_end end_;   ///< OpenSSL's transport refers to it
  bool met_plain_http_ = false;
  std::shared_ptr<const void> keeps_;
  std::string reason_;
};

}  // namespace andon::net
