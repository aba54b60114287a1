#pragma once
// TLS from clients: certificate, ciphers, client certificates, resumption.
//
// TLS 1.2 and 1.3 with ephemeral keys and authenticated ciphers only; no renegotiation, no compression, no early data.
// Sessions resume by tickets, whose keys rotate and are shared by all cores and by every context made with the same
// ticket_keys, so that resumption works across a change of the certificate.
#include <openssl/ssl.h>

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/net/tls.hpp"
#include "andon/net/tls_settings.hpp"

namespace andon::net {

/// The keys that session tickets are sealed with: a new one every `rotation`; the one before still opens its tickets,
/// which are then renewed. Any thread.
class ticket_keys {
public:
  explicit ticket_keys(const andon::clock& time, nanoseconds rotation = std::chrono::hours{6}) : time_(time), rotation_(rotation) {}

  struct key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> cipher;
    std::array<unsigned char, 32> mac;
    mono_time made;
  };
  [[nodiscard]] key sealing();
  struct opened {
    key with;
    bool renew;
  };
  [[nodiscard]] std::optional<opened> opening(const unsigned char* name);
  [[nodiscard]] nanoseconds rotation() const { return rotation_; }

private:
  void rotate();
  const andon::clock& time_;
  nanoseconds rotation_;
  std::mutex lock_;
  std::deque<key> keys_;   // the newest first
};

/// What all TLS connections of a listener share. Immutable; a change of the certificate is another context, which
/// http_server::use_tls() takes for the connections to come. Any thread.
class tls_server_context : public std::enable_shared_from_this<tls_server_context> {
public:
  /// Reads the files. Errors: tls_failed, with the file and what is wrong with it: unreadable, no certificate, a key of
  /// another certificate, an expired certificate, no authority where clients' certificates are asked for.
  static result<std::shared_ptr<const tls_server_context>> make(const tls_server_settings& from, std::shared_ptr<ticket_keys> tickets);
  tls_server_context(const tls_server_context&) = delete;
  tls_server_context& operator=(const tls_server_context&) = delete;
  ~tls_server_context();

  [[nodiscard]] std::unique_ptr<tls_session> session(int descriptor) const { return std::make_unique<tls_session>(context_, transport_, descriptor, shared_from_this()); }
  /// When the certificate ends.
  [[nodiscard]] wall_time valid_until() const { return valid_until_; }

private:
  tls_server_context() = default;
  result<void> load(const tls_server_settings& from);
  result<void> load_clients(const tls_server_settings& from);
  result<void> check_dates(const tls_server_settings& from);
  void harden();

  SSL_CTX* context_ = nullptr;
  tls_transport transport_;
  std::shared_ptr<ticket_keys> tickets_;
  wall_time valid_until_{};
  bool http2_ = true;
};

}  // namespace andon::net
