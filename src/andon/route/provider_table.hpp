#pragma once
// The flavours of providers, in one visible table (provider_table.cpp). A provider in the configuration names a flavour
// and may override its address and key.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace andon::route {

enum class dialect : std::uint8_t { openai, sim };
enum class auth_style : std::uint8_t {
  none,         ///< no credential is needed; one that is configured goes as bearer
  bearer,       ///< `Authorization: Bearer KEY`
  api_key,      ///< `api-key: KEY` (Azure)
};
/// How the path is made from the base path and the operation.
enum class path_style : std::uint8_t {
  plain,              ///< BASE/chat/completions
  azure_deployment,   ///< BASE/openai/deployments/MODEL/chat/completions?api-version=VERSION
};

/// How a flavour departs from OpenAI's own service.
struct quirks {
  bool stream_usage_option = true;     ///< takes `stream_options.include_usage`
  bool stream_usage_always = false;    ///< the last chunk of a stream carries usage unasked
  bool usage_in_x_groq = false;        ///< and under `x_groq.usage`
  bool cost_in_usage = false;          ///< `usage.cost` gives dollars
  bool max_completion_tokens = true;   ///< takes `max_completion_tokens`; else `max_tokens` alone
  bool lists_models = true;            ///< answers GET BASE/models
};

struct provider_flavour {
  std::string_view name;               ///< as the configuration says it
  dialect speaks = dialect::openai;
  std::string_view base_url;           ///< with scheme and path, without a final slash; empty: must be configured
  auth_style auth = auth_style::bearer;
  path_style path = path_style::plain;
  std::string_view key_variable;       ///< environment variable of the key; empty: none
  std::string_view url_variable;       ///< environment variable of the address; empty: none
  std::string_view price_provider;     ///< id in the price table; empty: runs at the owner's cost
  std::string_view telemetry_name;     ///< `gen_ai.provider.name`
  bool local = false;                  ///< looked for on its usual port when the program starts without a file
  quirks departs{};
};

[[nodiscard]] std::span<const provider_flavour> provider_table();
/// By name; `custom` is the flavour of any other server that speaks OpenAI's dialect. Null when unknown.
[[nodiscard]] const provider_flavour* find_flavour(std::string_view name);

/// The upstream path of an operation (`chat/completions`) for a model. `base_path` is that of the provider's address,
/// without a slash at its end (net::parse_base_url). The model name is percent-encoded where it becomes part of the path.
std::string upstream_path(const provider_flavour&, std::string_view base_path, std::string_view operation,
                          std::string_view model, std::string_view azure_api_version = "2024-10-21");

}  // namespace andon::route
