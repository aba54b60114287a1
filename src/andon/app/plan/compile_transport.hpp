#pragma once
// How a provider is reached: the version of HTTP, the certificate shown to it, and the proxy in between.
#include "andon/app/config/settings.hpp"
#include "andon/net/http_client.hpp"

namespace andon::app {

/// Errors: invalid_argument with the setting's name as `param`.
result<void> set_transport(const provider_settings& from, net::endpoint& to);

}  // namespace andon::app
