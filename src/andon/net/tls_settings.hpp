#pragma once
// What a listener's TLS is made of.
#include <cstdint>
#include <string>

namespace andon::net {

/// Whether clients must show a certificate: not asked for; asked for, and checked if shown; refused without.
enum class client_certificates : std::uint8_t { none, request, require };

struct tls_server_settings {
  std::string certificate_file;   ///< PEM: the server's certificate, then the chain up to the authority
  std::string key_file;           ///< PEM; empty: in the certificate's file
  std::string client_ca_file;     ///< PEM: the authorities that clients' certificates must come from
  client_certificates clients = client_certificates::none;
  bool http2 = false;             ///< offered by ALPN
};

}  // namespace andon::net
