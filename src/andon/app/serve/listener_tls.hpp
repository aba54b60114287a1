#pragma once
// The certificate of one port: read at the start, read again when one of its files changes. A bad one leaves the one
// before in force and says so. One thread at a time.
#include <functional>
#include <memory>
#include <vector>

#include "andon/app/config/settings.hpp"
#include "andon/app/serve/file_watch.hpp"
#include "andon/base/clock.hpp"
#include "andon/net/tls_server.hpp"

namespace andon::app {

class listener_tls {
public:
  using context_ptr = std::shared_ptr<const net::tls_server_context>;

  listener_tls(const char* port, const tls_settings& from, bool http2, const andon::clock& time);
  [[nodiscard]] bool wanted() const { return !settings_.certificate_file.empty(); }
  /// Null where the port is plain. Errors: tls_failed, with the file and what is wrong with it.
  result<context_ptr> load();
  /// A new context if the files say something new that can be used (`again`: even if they look the same), else null.
  context_ptr look(bool again);

private:
  const char* port_;
  net::tls_server_settings settings_;
  const andon::clock& time_;
  std::shared_ptr<net::ticket_keys> tickets_;
  std::vector<file_watch> files_;
};

/// Complains of certificates that could not be used, the ports' own and those towards providers.
void check_certificates(const settings& from, diagnostics& found);

}  // namespace andon::app
