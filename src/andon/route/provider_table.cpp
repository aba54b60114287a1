#include "andon/route/provider_table.hpp"

#include <array>
#include <charconv>

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

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

std::unexpected<error> bad_url(std::string_view why) {
  return fail(errc::invalid_argument, "provider address: " + std::string{why} + "; the form is http(s)://HOST[:PORT][/PATH]");
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((is_host_char(c) && byte < 0x80) || c == '~') out += c;
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

result<provider_address> parse_provider_url(std::string_view url) {
  provider_address out;
  if (url.starts_with("https://")) out.tls = true;
  else if (!url.starts_with("http://")) return bad_url("the scheme is neither http nor https");
  for (char c : url)
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '\\') return bad_url("it holds spaces, control bytes or backslashes");
  url.remove_prefix(out.tls ? 8 : 7);
  if (url.find_first_of("?#") != url.npos) return bad_url("it has a query or a fragment");
  const auto slash = url.find('/');
  std::string_view authority = url.substr(0, slash);
  if (slash != url.npos) out.path = url.substr(slash);
  while (out.path.ends_with('/')) out.path.pop_back();
  if (authority.find('@') != authority.npos) return bad_url("credentials do not belong in it");

  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == authority.npos) return bad_url("the bracket of an IPv6 address is not closed");
    out.host = authority.substr(1, close - 1);
    if (out.host.empty() || out.host.find_first_not_of("0123456789abcdefABCDEF:.") != out.host.npos) return bad_url("the IPv6 address is odd");
    authority.remove_prefix(close + 1);
  } else {
    const auto colon = authority.find(':');
    out.host = authority.substr(0, colon);
    if (out.host.empty()) return bad_url("the host is missing");
    for (char c : out.host)
      if (!is_host_char(c)) return bad_url("the host has odd characters");
    authority.remove_prefix(std::min(colon, authority.size()));
  }
  out.port = out.tls ? 443 : 80;
  if (authority.empty()) return out;
  unsigned port = 0;
  const auto [end, problem] = std::from_chars(authority.data() + 1, authority.data() + authority.size(), port);
  if (authority[0] != ':' || problem != std::errc{} || end != authority.data() + authority.size() || port == 0 || port > 65535)
    return bad_url("the port is not between 1 and 65535");
  out.port = static_cast<std::uint16_t>(port);
  return out;
}

std::string upstream_path(const provider_flavour& flavour, const provider_address& address, std::string_view operation,
                          std::string_view model, std::string_view azure_api_version) {
  std::string path = address.path;
  if (flavour.path == path_style::azure_deployment) {
    if (!path.ends_with("/openai")) path += "/openai";
    path.append("/deployments/").append(percent_encoded(model));
    return path.append("/").append(operation).append("?api-version=").append(percent_encoded(azure_api_version));
  }
  return path.append("/").append(operation);
}

}  // namespace andon::route
