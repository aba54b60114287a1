#include "andon/app/plan/compile_transport.hpp"

#include <cstdlib>

#include "andon/net/proxy.hpp"

namespace andon::app {
namespace {

// Both spellings are in use; curl prefers the small one.
std::string from_environment(const char* small, const char* large) {
  for (const char* name : {small, large})
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;  // NOLINT: nobody sets it
  return {};
}

}  // namespace

result<void> set_transport(const provider_settings& from, net::endpoint& to) {
  to.http = from.http;
  to.certificate_file = from.certificate_file;
  to.key_file = from.key_file;
  if (from.certificate_file.empty() && !from.key_file.empty()) return fail(errc::invalid_argument, "stands without certificate_file", "key_file");
  if (from.proxy == "none" || (!to.tls && from.proxy.empty())) return {};
  if (!to.tls) return fail(errc::invalid_argument, "a proxy carries https:// only, and the provider's url is http://", "proxy");
  auto url = from.proxy;
  if (url.empty() && !net::is_direct(from_environment("no_proxy", "NO_PROXY"), to)) url = from_environment("https_proxy", "HTTPS_PROXY");
  if (url.empty()) return {};
  auto parsed = net::parse_proxy(url);
  if (!parsed) return fail(errc::invalid_argument, from.proxy.empty() ? "HTTPS_PROXY: " + parsed.error().message : parsed.error().message, "proxy");
  to.proxy = std::move(*parsed);
  return {};
}

}  // namespace andon::app
