#include "andon/route/provider_table.hpp"

#include <array>

namespace andon::route {
namespace {

constexpr quirks like_openai{};
constexpr quirks own_engine{.stream_usage_option = true, .max_completion_tokens = true};

// Addresses and headers as the providers document them. `stream_usage_option` false means the field is refused or
// ignored, so it must not be added to a request that does not have it.
constexpr std::array table{
    provider_flavour{.name = "openai", .base_url = "https://api.openai.com/v1", .key_variable = "OPENAI_API_KEY",
                     .url_variable = "OPENAI_BASE_URL", .price_provider = "openai", .telemetry_name = "openai", .departs = like_openai},
    provider_flavour{.name = "azure", .auth = auth_style::api_key, .path = path_style::azure_deployment,
                     .key_variable = "AZURE_OPENAI_API_KEY", .url_variable = "AZURE_OPENAI_ENDPOINT", .price_provider = "azure",
                     .telemetry_name = "azure.ai.openai", .departs = {.lists_models = false}},
    provider_flavour{.name = "groq", .base_url = "https://api.groq.com/openai/v1", .key_variable = "GROQ_API_KEY",
                     .price_provider = "groq", .telemetry_name = "groq",
                     .departs = {.stream_usage_always = true, .usage_in_x_groq = true}},
    provider_flavour{.name = "mistral", .base_url = "https://api.mistral.ai/v1", .key_variable = "MISTRAL_API_KEY",
                     .price_provider = "mistral", .telemetry_name = "mistral_ai",
                     .departs = {.stream_usage_option = false, .stream_usage_always = true, .max_completion_tokens = false}},
    provider_flavour{.name = "deepseek", .base_url = "https://api.deepseek.com/v1", .key_variable = "DEEPSEEK_API_KEY",
                     .price_provider = "deepseek", .telemetry_name = "deepseek", .departs = {.max_completion_tokens = false}},
    provider_flavour{.name = "xai", .base_url = "https://api.x.ai/v1", .key_variable = "XAI_API_KEY",
                     .price_provider = "x-ai", .telemetry_name = "x_ai", .departs = {.stream_usage_always = true}},
    provider_flavour{.name = "together", .base_url = "https://api.together.xyz/v1", .key_variable = "TOGETHER_API_KEY",
                     .price_provider = "together", .telemetry_name = "together",
                     .departs = {.stream_usage_always = true, .max_completion_tokens = false}},
    provider_flavour{.name = "openrouter", .base_url = "https://openrouter.ai/api/v1", .key_variable = "OPENROUTER_API_KEY",
                     .price_provider = "openrouter", .telemetry_name = "openrouter",
                     .departs = {.stream_usage_always = true, .cost_in_usage = true}},
    provider_flavour{.name = "vllm", .base_url = "http://127.0.0.1:8000/v1", .auth = auth_style::none, .key_variable = "VLLM_API_KEY",
                     .url_variable = "VLLM_BASE_URL", .telemetry_name = "vllm", .local = true, .departs = own_engine},
    provider_flavour{.name = "llama-server", .base_url = "http://127.0.0.1:8080/v1", .auth = auth_style::none,
                     .key_variable = "LLAMA_API_KEY", .telemetry_name = "llama-server", .local = true, .departs = own_engine},
    provider_flavour{.name = "ollama", .base_url = "http://127.0.0.1:11434/v1", .auth = auth_style::none,
                     .telemetry_name = "ollama", .local = true, .departs = {.max_completion_tokens = false}},
    provider_flavour{.name = "custom", .auth = auth_style::none, .telemetry_name = "openai", .departs = like_openai},
    provider_flavour{.name = "sim", .speaks = dialect::sim, .auth = auth_style::none, .telemetry_name = "sim", .departs = like_openai},
};

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == '~';
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_unreserved(c)) out += c;
    else out.append(1, '%').append(1, hex[byte >> 4]).append(1, hex[byte & 15]);
  }
  return out;
}

}  // namespace

std::span<const provider_flavour> provider_table() { return table; }

const provider_flavour* find_flavour(std::string_view name) {
  for (const auto& row : table)
    if (row.name == name) return &row;
  return nullptr;
}

std::string upstream_path(const provider_flavour& flavour, std::string_view base_path, std::string_view operation,
                          std::string_view model, std::string_view azure_api_version) {
  std::string path{base_path};
  if (flavour.path == path_style::azure_deployment) {
    if (!path.ends_with("/openai")) path += "/openai";
    path.append("/deployments/").append(percent_encoded(model));
    return path.append("/").append(operation).append("?api-version=").append(percent_encoded(azure_api_version));
  }
  return path.append("/").append(operation);
}

}  // namespace andon::route
