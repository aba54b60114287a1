#pragma once
// A non-blocking connection of the load generator, plain or TLS.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace load {

/// TLS of every connection: no certificate is checked, none resumes a session.
inline SSL_CTX* make_tls(std::string_view protocols) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(protocols.data()), static_cast<unsigned>(protocols.size()));
  return context;
}

enum class progress { done, again, broken };

class wire {
public:
  wire() = default;
  wire(int descriptor, SSL_CTX* tls) : fd(descriptor) {
    if (tls == nullptr) return;
    ssl_ = SSL_new(tls);
    SSL_set_fd(ssl_, fd);
    SSL_set_connect_state(ssl_);
  }
  wire(wire&& other) noexcept : fd(std::exchange(other.fd, -1)), ssl_(std::exchange(other.ssl_, nullptr)) {}
  wire& operator=(wire&& other) noexcept {
    std::swap(fd, other.fd);
    std::swap(ssl_, other.ssl_);
    return *this;
  }
  ~wire() {
    SSL_free(ssl_);
    if (fd >= 0) ::close(fd);
  }

  progress shake() { return ssl_ == nullptr ? progress::done : of(SSL_do_handshake(ssl_)); }
  progress send(std::string_view bytes, std::size_t& sent) {
    if (ssl_ != nullptr) return of(SSL_write_ex(ssl_, bytes.data(), bytes.size(), &sent));
    return of_system(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), sent);
  }
  progress receive(char* into, std::size_t room, std::size_t& got) {
    if (ssl_ != nullptr) return of(SSL_read_ex(ssl_, into, room, &got));
    return of_system(::recv(fd, into, room, 0), got);
  }

  int fd = -1;

private:
  progress of(int returned) {
    if (returned == 1) return progress::done;
    const int why = SSL_get_error(ssl_, returned);
    ERR_clear_error();
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? progress::again : progress::broken;
  }
  static progress of_system(ssize_t returned, std::size_t& bytes) {
    bytes = returned > 0 ? static_cast<std::size_t>(returned) : 0;
    if (returned > 0) return progress::done;
    return returned < 0 && errno == EAGAIN ? progress::again : progress::broken;
  }
  SSL* ssl_ = nullptr;
};

}  // namespace load
