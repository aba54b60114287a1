#include "andon/app/serve/listener_tls.hpp"

#include "andon/base/log.hpp"
#include "andon/base/time_text.hpp"

namespace andon::app {
namespace {

constexpr auto soon = std::chrono::hours{24} * 14;

}  // namespace

listener_tls::listener_tls(const char* port, const tls_settings& from, bool http2, const andon::clock& time)
    : port_(port), settings_{from.certificate_file, from.key_file, from.client_ca_file, from.client_auth, http2}, time_(time),
      tickets_(std::make_shared<net::ticket_keys>(time)) {
  for (const auto* file : {&settings_.certificate_file, &settings_.key_file, &settings_.client_ca_file})
    if (!file->empty()) files_.emplace_back(*file);
}

result<listener_tls::context_ptr> listener_tls::load() {
  if (!wanted()) {
    if (files_.empty() && settings_.clients == net::client_certificates::none) return context_ptr{};
    return fail(errc::tls_failed, std::string(port_) + ": certificate_file is missing, without which the port cannot speak TLS");
  }
  auto made = net::tls_server_context::make(settings_, tickets_);
  if (!made) return fail(errc::tls_failed, std::string(port_) + ": " + made.error().message);
  const auto until = (*made)->valid_until();
  if (until - time_.wall() < soon) log::warn("certificate_ends_soon", {{"port", port_}, {"until", format_rfc3339(until)}});
  return made;
}

listener_tls::context_ptr listener_tls::look(bool again) {
  if (!wanted()) return nullptr;
  for (auto& file : files_) again = file.look() == file_change::changed || again;
  if (!again) return nullptr;
  auto made = load();
  if (!made) {
    log::error("certificate_refused", {{"meaning", "the certificate before it stays in force"}, {"reason", made.error().message}});
    return nullptr;
  }
  log::info("certificate_loaded", {{"port", port_}, {"until", format_rfc3339((*made)->valid_until())}});
  return *made;
}

void check_certificates(const settings& from, diagnostics& found) {
  const system_clock time;
  const std::pair<std::string, const tls_settings*> ports[] = {{"listen.gateway_tls", &from.listen.gateway_tls}, {"listen.admin_tls", &from.listen.admin_tls}};
  for (const auto& [path, port] : ports) {
    listener_tls one(path.c_str(), *port, from.listen.http2, time);
    if (auto loaded = one.load(); !loaded) found.add(from.places.at(path), path, loaded.error().message.substr(path.size() + 2));  // which begins with the path
  }
  for (const auto& [name, one] : from.providers.entries) {
    if (one.ca_file.empty() && one.certificate_file.empty()) continue;
    const auto path = "providers." + name;
    if (auto loaded = net::tls_context::make({one.ca_file, one.verify, one.certificate_file, one.key_file}); !loaded) found.add(from.places.at(path), path, loaded.error().message);
  }
  const auto authorities = [&](const std::string& file, const std::string& path) {
    if (file.empty() || found.says_of(path)) return;
    if (auto loaded = net::tls_context::make({.ca_file = file}); !loaded) found.add(from.places.at(path), path, loaded.error().message);
  };
  authorities(from.alerting.smtp.ca_file, "alerting.smtp.ca_file");
  for (const auto& [name, one] : from.alerting.receivers.entries)
    for (const auto& [kind, way] : one.ways())
      if (*way) authorities((*way)->ca_file, "alerting.receivers." + name + "." + std::string(kind) + ".ca_file");
}

}  // namespace andon::app
