#include "andon/app/serve/configuration.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <array>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <span>
#include <sstream>

#include "andon/net/http_client.hpp"
#include "andon/net/resolver.hpp"
#include "andon/net/url.hpp"
#include "andon/route/provider_table.hpp"

namespace andon::app {
namespace {

constexpr std::size_t max_file = 4u << 20;

/// Routes that the embedded defaults offer per provider: widely used models, by the providers' own names.
struct usual_models {
  std::string_view provider;
  std::span<const std::string_view> names;
};
constexpr std::array<std::string_view, 14> openai_models{"gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-5", "gpt-5-mini",
                                                         "gpt-5-nano", "o3", "o4-mini", "gpt-3.5-turbo", "gpt-3.5-turbo-instruct", "text-embedding-3-small", "text-embedding-3-large"};
constexpr std::array<std::string_view, 3> groq_models{"llama-3.3-70b-versatile", "llama-3.1-8b-instant", "openai/gpt-oss-120b"};
constexpr std::array<std::string_view, 4> mistral_models{"mistral-large-latest", "mistral-small-latest", "codestral-latest", "mistral-embed"};
constexpr std::array<std::string_view, 2> deepseek_models{"deepseek-chat", "deepseek-reasoner"};
constexpr std::array<std::string_view, 3> xai_models{"grok-4", "grok-3", "grok-3-mini"};
constexpr std::array<std::string_view, 2> together_models{"meta-llama/Llama-3.3-70B-Instruct-Turbo", "Qwen/Qwen2.5-72B-Instruct-Turbo"};
constexpr std::array<std::string_view, 2> openrouter_models{"openrouter/auto", "meta-llama/llama-3.3-70b-instruct"};
constexpr std::array usual{usual_models{"openai", openai_models},     usual_models{"groq", groq_models},
                           usual_models{"mistral", mistral_models},   usual_models{"deepseek", deepseek_models},
                           usual_models{"xai", xai_models},           usual_models{"together", together_models},
                           usual_models{"openrouter", openrouter_models}};

std::string yaml_quoted(std::string_view text) { return boost::json::serialize(boost::json::string(text)); }

class defaults_writer {
public:
  void provider(const route::provider_flavour& flavour) {
    providers_ += fmt::format("  {}: {{ kind: {}{}{} }}\n", flavour.name, flavour.name,
                              set(flavour.key_variable) ? fmt::format(", key: \"${{{}}}\"", flavour.key_variable) : "",
                              set(flavour.url_variable) ? fmt::format(", url: \"${{{}}}\"", flavour.url_variable) : "");
  }
  void model(std::string_view provider, std::string_view name, bool free) {
    const auto route = yaml_quoted(name);
    const auto own = yaml_quoted(fmt::format("{}/{}", provider, name));
    models_ += fmt::format("  {}: {{ provider: {}, name: {}{} }}\n", own, provider, route, free ? ", price: { free: true }" : "");
    if (seen_.insert(std::string(name)).second) routes_ += fmt::format("  {}: {{ targets: [ {} ] }}\n", route, own);
  }
  [[nodiscard]] std::string text() const {
    return "# Embedded defaults: the simulated provider, providers whose key is in the environment, local engines.\n"
           "providers:\n  sim: { kind: sim }\n" + providers_ +
           "models:\n  sim: { provider: sim, name: sim, price: { free: true } }\n" + models_ +
           "routes:\n  sim: { targets: [ sim ] }\n" + routes_;
  }
  static bool set(std::string_view variable) { return !variable.empty() && environment_variable(std::string(variable)).has_value(); }

private:
  std::string providers_, models_, routes_;
  std::set<std::string> seen_{"sim"};
};

std::vector<std::string> model_ids(std::string_view body) {
  boost::system::error_code failed;
  const auto parsed = boost::json::parse(body, failed);
  std::vector<std::string> out;
  if (failed || !parsed.is_object()) return out;
  const auto* data = parsed.get_object().if_contains("data");
  if (data == nullptr || !data->is_array()) return out;
  for (const auto& one : data->get_array())
    if (one.is_object())
      if (const auto* id = one.get_object().if_contains("id"); id != nullptr && id->is_string()) out.emplace_back(id->get_string());
  return out;
}

net::task<void> ask_engine(net::core& on, net::http_client& client, const route::provider_flavour& flavour, std::vector<local_engine>& out) {
  const auto base = net::parse_base_url(flavour.base_url);
  if (!base) co_return;
  const std::string target = base->path + "/models";
  const net::outgoing_request request{"GET", target, {}, {}};
  const auto limit = deadline::after(on.now(), 150ms);
  const net::call_deadlines until{limit, limit, limit, {}};
  const auto reply = co_await client.send(base->to, request, until);
  if (!reply || (*reply)->status() != 200) co_return;
  const auto body = co_await (*reply)->read_all(1u << 20);
  if (!body) co_return;
  if (auto models = model_ids(*body); !models.empty()) out.push_back({std::string(flavour.name), std::move(models)});
}

net::task<void> ask_all(net::core& on, net::http_client& client, std::vector<local_engine>& out) {
  for (const auto& flavour : route::provider_table())
    if (flavour.local) co_await ask_engine(on, client, flavour, out);
  client.close_idle();
  on.request_stop();
}

}  // namespace

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT: read before threads start and on reload only; nobody sets it
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::vector<local_engine> find_local_engines() {
  std::vector<local_engine> out;
  const system_clock time;
  net::resolver names;
  net::core on(0, time, 1);
  {
    net::http_client client(on, names);
    on.spawn(ask_all(on, client, out));
    on.run();
  }
  return out;
}

std::string default_configuration(const std::vector<local_engine>& engines) {
  defaults_writer out;
  for (const auto& [provider, names] : usual) {
    const auto* flavour = route::find_flavour(provider);
    if (flavour == nullptr || !defaults_writer::set(flavour->key_variable)) continue;
    out.provider(*flavour);
    for (const auto name : names) out.model(provider, name, false);
  }
  for (const auto& engine : engines) {
    out.provider(*route::find_flavour(engine.flavour));
    for (const auto& name : engine.models) out.model(engine.flavour, name, true);
  }
  return out.text();
}

std::vector<std::string> restart_needed(const std::string& before, const std::string& after) {
  std::vector<std::string> out;
  try {
    const auto old_text = YAML::Load(before), new_text = YAML::Load(after);
    for (const char* name : {"listen", "log", "ledger", "telemetry"})
      if (YAML::Dump(old_text[name]) != YAML::Dump(new_text[name])) out.emplace_back(name);
  } catch (const YAML::Exception&) {
    out.clear();  // both were read before: a text that YAML refuses never comes here
  }
  return out;
}

loaded_settings settings_of(const std::string& path, std::string text, diagnostics& found) {
  loaded_settings out{path.empty() ? "embedded defaults" : path, std::move(text), {}};
  out.values = read_settings(out.text, found, environment_variable);
  const auto folder = std::filesystem::path(path).parent_path();
  for (auto* tls : {&out.values.listen.gateway_tls, &out.values.listen.admin_tls})
    for (auto* file : {&tls->certificate_file, &tls->key_file, &tls->client_ca_file})
      if (!file->empty()) *file = (folder / *file).string();
  for (auto& file : out.values.openslo) file = (folder / file).string();
  if (!out.values.alerting.smtp.ca_file.empty()) out.values.alerting.smtp.ca_file = (folder / out.values.alerting.smtp.ca_file).string();
  for (auto& [name, one] : out.values.alerting.receivers.entries)
    for (auto* way : {&one.webhook, &one.alertmanager, &one.slack, &one.teams, &one.pagerduty, &one.opsgenie, &one.github, &one.jira})
      if (*way && !(*way)->ca_file.empty()) (*way)->ca_file = (folder / (*way)->ca_file).string();
  for (auto& [name, provider] : out.values.providers.entries)  // beside the file that names them
    for (auto* file : {&provider.script, &provider.ca_file, &provider.certificate_file, &provider.key_file})
      if (!file->empty()) *file = (folder / *file).string();
  return out;
}

loaded_settings load_settings(const std::string& path, const std::vector<local_engine>& engines, diagnostics& found) {
  if (path.empty()) return settings_of(path, default_configuration(engines), found);
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  if (!in || !(content << in.rdbuf())) {
    found.add({}, "", "cannot be read", "is the path right, and may this user read it?");
    return {path, {}, {}};
  }
  auto text = std::move(content).str();
  if (text.size() > max_file) {
    found.add({}, "", "is larger than 4 MiB", "a configuration is a few kilobytes");
    return {path, std::move(text), {}};
  }
  return settings_of(path, std::move(text), found);
}

}  // namespace andon::app
