#include <algorithm>
#include <array>
#include <cctype>

#include "andon/app/plan/compile.hpp"
#include "andon/app/plan/compile_transport.hpp"
#include "andon/app/plan/compile_alerting.hpp"
#include "andon/app/plan/compile_cache.hpp"
#include "andon/app/plan/compile_business.hpp"
#include "andon/app/plan/compile_objectives.hpp"
#include "andon/app/plan/compile_policies.hpp"
#include "andon/ledger/keyring.hpp"
#include "andon/net/url.hpp"
#include "andon/route/provider_table.hpp"

namespace andon::app {
namespace {

constexpr std::array<std::string_view, 3> operations{"chat/completions", "completions", "embeddings"};

/// A provider with its address worked out.
struct known_provider {
  provider_name name;
  const route::provider_flavour* flavour = nullptr;
  net::base_url base;
  net::header_lines headers, credentials;
  std::string api_version;
};

class plan_compiler {
public:
  plan_compiler(const settings& from, compile_context& in, diagnostics& found) : from_(from), in_(in), found_(found) {}

  std::shared_ptr<gateway::plan> run() {
    for (const auto& [name, one] : from_.providers.entries) provider(name, one);
    auto prices = priced();
    if (!prices) return nullptr;
    auto out = std::make_shared<gateway::plan>(std::move(*prices));
    out->version = in_.version;
    out->made = in_.now;
    out->limits.shed = {from_.shedding.target, from_.shedding.interval};
    out->limits.default_max_output = from_.default_max_output;
    out->limits.max_body = static_cast<std::uint64_t>(from_.listen.max_body.value());
    out->limits.body_memory = static_cast<std::uint64_t>(from_.listen.body_memory.value());
    for (const auto& [name, one] : from_.models.entries) model(*out, name, one);
    for (const auto& [name, one] : from_.routes.entries) route(*out, name, one);
    fallbacks(*out);
    checks(*out);
    if (from_.routes.entries.empty() && !found_.says_of("routes") && !found_.says_of("")) complain("routes", "there is no route, so no client could call anything", "add one under `routes`");
    out->seal();
    return out;
  }

private:
  void complain(const std::string& path, std::string message, std::string hint = {}) {
    found_.add(from_.places.at(path), path, std::move(message), std::move(hint));
  }

  void provider(const std::string& name, const provider_settings& one) {
    const auto path = "providers." + name;
    if (one.dialect != "openai" && one.dialect != "sim") complain(path + ".dialect", "'" + one.dialect + "' is not a dialect this version speaks", "one of openai, sim");
    known_provider out{provider_name{name}, flavour_of(name, one), {}, {}, {}, one.api_version.empty() ? "2024-10-21" : one.api_version};
    if (out.flavour == nullptr) return complain(path + ".kind", "'" + one.kind + "' is not a kind of provider", "one of " + kinds());
    if (out.flavour->speaks == route::dialect::sim && one.url.empty()) {
      auto listening = in_.sim(name, one.script);
      if (!listening) return complain(path + ".script", listening.error().message);
      out.base.to = std::move(*listening);
      if (one.http == net::http_version::only_2) complain(path + ".http", "the simulated provider speaks HTTP/1.1 only");
      out.base.path = "/v1";
    } else {
      const auto url = one.url.empty() ? std::string(out.flavour->base_url) : one.url;
      auto parsed = net::parse_base_url(url);
      if (url.empty() && found_.says_of(path + ".url")) return;
      if (url.empty()) return complain(path + ".url", "is missing", "the base URL up to and including the version, e.g. http://127.0.0.1:8080/v1");
      if (!parsed) return complain(path + ".url", parsed.error().message);
      out.base = std::move(*parsed);
    }
    out.base.to.ca_file = one.ca_file;
    out.base.to.verify = one.verify;
    if (const auto set = set_transport(one, out.base.to); !set) complain(path + "." + set.error().param, set.error().message);
    sendable(path, one);
    if (one.health_check) check_path(path + ".health_check.path", one.health_check->path);
    if (one.key && !one.key->empty()) out.headers.push_back(key_header(*out.flavour, *one.key));
    if (one.key && !one.keys.empty()) complain(path + ".keys", "stands beside `key`", "give one of the two");
    for (const auto& key : one.keys) out.credentials.push_back(key_header(*out.flavour, key));
    if (out.credentials.size() == 1) out.headers.push_back(std::move(out.credentials.front())), out.credentials.clear();
    for (const auto& [header, value] : one.headers) out.headers.push_back({header, std::string(value.reveal())});
    providers_.emplace(name, std::move(out));
  }

  void sendable(const std::string& path, const provider_settings& one) {
    const auto good = [](std::string_view text) { return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }); };
    const auto named = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_'; };
    if (one.key && !good(one.key->reveal())) complain(path + ".key", "holds a line break or another control character", "a header cannot carry it");
    for (std::size_t i = 0; i < one.keys.size(); ++i)
      if (one.keys[i].empty() || !good(one.keys[i].reveal())) complain(path + ".keys[" + std::to_string(i) + "]", "is empty or holds a control character", "a header cannot carry it");
    if (!good(one.api_version)) complain(path + ".api_version", "holds a control character");
    for (const auto& [header, value] : one.headers) {
      const auto at = path + ".headers." + header;
      if (header.empty() || !std::ranges::all_of(header, named)) complain(at, "is not the name of a header", "letters, digits, '-' and '_'");
      if (!good(value.reveal())) complain(at, "holds a line break or another control character", "a header cannot carry it");
    }
  }

  static const route::provider_flavour* flavour_of(const std::string& name, const provider_settings& one) {
    if (one.dialect == "sim") return route::find_flavour("sim");
    if (!one.kind.empty()) return route::find_flavour(one.kind);
    if (const auto* named = route::find_flavour(name)) return named;
    return route::find_flavour("custom");
  }

  static std::string kinds() {
    std::string out;
    for (const auto& one : route::provider_table()) out.append(out.empty() ? "" : ", ").append(one.name);
    return out;
  }

  static net::header_line key_header(const route::provider_flavour& flavour, const secret& key) {
    if (flavour.auth == route::auth_style::api_key) return {"api-key", std::string(key.reveal())};
    return {"authorization", "Bearer " + std::string(key.reveal())};
  }

  /// One for all models of a provider: a limit belongs to its account.
  std::shared_ptr<route::key_ring> ring_of(const known_provider& provider) {
    if (provider.credentials.empty()) return nullptr;
    auto& ring = rings_[provider.name.str()];
    if (!ring) ring = std::make_shared<route::key_ring>(static_cast<std::uint32_t>(provider.credentials.size()));
    return ring;
  }

  void check_path(const std::string& at, const std::string& path) {
    const auto printable = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; };
    if (!path.empty() && (path[0] != '/' || !std::ranges::all_of(path, printable))) complain(at, "'" + path + "' is not a path", "it begins with '/', from the host's root");
  }

  static bool has_price(const price_settings& p) { 
    return p.free || p.input || p.output || p.per_request || p.cached_read || p.cache_write_5m || p.cache_write_1h || p.reasoning ||
           p.input_audio || p.output_audio;
  }

  /// The table with the configured prices. It stops at the first that is wrong, so that one is left out and the table
  /// made again, until all have been told of.
  std::optional<llm::price_table> priced() {
    auto [names, prices] = overrides();
    const auto before = found_.found().size();
    for (;;) {
      auto made = llm::price_table::make(prices);
      if (made && found_.found().size() == before) return std::move(*made);
      if (made) return std::nullopt;
      const auto place = std::string_view(made.error().param);  // prices[3].input
      std::size_t wrong = prices.size();
      for (std::size_t i = 0; i < prices.size(); ++i)
        if (place.starts_with("prices[" + std::to_string(i) + "]")) wrong = i;
      if (wrong == prices.size()) return complain("models", made.error().message), std::nullopt;
      complain("models." + names[wrong] + std::string(place.substr(place.find(']') + 1)), made.error().message);
      names.erase(names.begin() + static_cast<std::ptrdiff_t>(wrong));
      prices.erase(prices.begin() + static_cast<std::ptrdiff_t>(wrong));
    }
  }

  std::pair<std::vector<std::string>, std::vector<llm::price_override>> overrides() const {
    std::vector<std::string> names;
    std::vector<llm::price_override> out;
    for (const auto& [name, one] : from_.models.entries) {
      const auto provider = providers_.find(one.provider);
      if (provider == providers_.end()) continue;
      const auto add = [&](const std::string& place, const std::string& tier, const price_settings& p) {
        names.push_back(place);
        out.push_back(override_of(p));
        out.back().provider = price_provider(provider->second, one);
        out.back().model = one.name.empty() ? name : one.name;
        out.back().tier = tier;
      };
      if (has_price(one.price)) add(name + ".price", {}, one.price);
      for (const auto& [tier, p] : one.service_tiers.entries) add(name + ".service_tiers." + tier, tier, p);
    }
    return {std::move(names), std::move(out)};
  }

  static llm::price_override override_of(const price_settings& p) {
    llm::price_override o;
    o.free = p.free;
    o.input = p.input.value_or("");
    o.output = p.output.value_or("");
    o.cached_read = p.cached_read.value_or("");
    o.cache_write_5m = p.cache_write_5m.value_or("");
    o.cache_write_1h = p.cache_write_1h.value_or("");
    o.reasoning = p.reasoning.value_or("");
    o.input_audio = p.input_audio.value_or("");
    o.output_audio = p.output_audio.value_or("");
    o.per_request = p.per_request.value_or("");
    return o;
  }

  /// Overridden prices belong to the configured provider's name, so that two providers of one kind can differ.
  static std::string price_provider(const known_provider& provider, const model_settings& one) {
    if (has_price(one.price) || provider.flavour->price_provider.empty()) return provider.name.str();
    return std::string(provider.flavour->price_provider);
  }

  void model(gateway::plan& out, const std::string& name, const model_settings& one) {
    const auto found = providers_.find(one.provider);
    if (found == providers_.end()) {
      const auto path = "models." + name + ".provider";
      if (!from_.providers.entries.contains(one.provider) && !found_.says_of(path) && !one.provider.empty()) complain(path, "there is no provider '" + one.provider + "'", "declare it under `providers`");
      return;
    }
    const auto& provider = found->second;
    auto made = std::make_unique<gateway::served_model>();
    made->name = model_name{name};
    made->provider = provider.name;
    made->upstream_model = one.name.empty() ? name : one.name;
    made->to = provider.base.to;
    made->address = net::host_port(provider.base.to);
    made->encrypted = made->to.tls || net::is_this_machine(made->to.host);
    made->health = in_.health.of(made->name);
    made->region = one.region;
    made->flavour = provider.flavour;
    made->price_provider = price_provider(provider, one);
    made->headers = provider.headers;
    made->credentials = provider.credentials;
    made->keys = ring_of(provider);
    for (std::size_t i = 0; i < operations.size(); ++i)
      made->paths[i] = route::upstream_path(*provider.flavour, provider.base.path, operations[i], made->upstream_model, provider.api_version);
    made->profile = &llm::token_profile_of(made->upstream_model);
    made->limits = out.prices.limits(made->price_provider, made->upstream_model);
    if (one.max_output > 0) made->limits.max_output = one.max_output;
    made->runs_free = one.price.free || (provider.flavour->speaks == route::dialect::sim && !has_price(one.price));
    if (one.health_check) check_path("models." + name + ".health_check.path", one.health_check->path);
    models_[name] = made.get();
    out.models.push_back(std::move(made));
  }

  route::requirement conditions(const std::string& path, const target_settings& target) {
    route::requirement out;
    if (target.when.empty()) return out;
    auto& all = out.any.emplace_back();
    for (std::size_t i = 0; i < target.when.size(); ++i) {
      const auto& one = target.when[i];
      auto made = route::condition::make(one.field == "size" ? "request_bytes" : one.field == "tag" ? "tags" : one.field == "tokens" ? "input_tokens" : one.field, one.op, one.value);
      if (!made) complain(path + ".when[" + std::to_string(i) + "]", made.error().message);
      else all.push_back(std::move(*made));
    }
    return out;
  }

  void add_target(gateway::served_route& out, route::route_settings& rules, const std::string& path, const target_settings& one) {
    const auto known = models_.find(one.model);
    if (known == models_.end()) {
      if (!from_.models.entries.contains(one.model) && !one.model.empty()) complain(path + (from_.places.has(path + ".model") ? ".model" : ""), "there is no model '" + one.model + "'", hint_for(one.model));
      return;
    }
    const auto& model = *known->second;
    route::target_settings target;
    target.model = model.name;
    target.provider = model.provider;
    target.weight = static_cast<std::uint32_t>(one.weight);
    if (one.priority > 0) target.priority = static_cast<std::uint32_t>(one.priority);
    target.max_parallel = static_cast<std::uint32_t>(one.max_parallel);
    target.when = conditions(path, one);
    out.models.push_back(&model);
    rules.targets.push_back(std::move(target));
    if (std::ranges::find(out.profiles, model.profile) == out.profiles.end()) out.profiles.push_back(model.profile);
  }

  std::string hint_for(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& [known, one] : from_.models.entries) names.push_back(known);
    const auto close = nearest(name, names);
    return close.empty() ? "declare it under `models`" : "did you mean '" + close + "'?";
  }

  void fill_rules(route::route_settings& rules, const std::string& path, const route_settings& one) {
    if (const auto choose = route::parse_strategy(one.strategy)) rules.choose = *choose;
    else complain(path + ".strategy", choose.error().message);
    rules.deadlines = {one.deadline.connect, one.deadline.first_token, one.deadline.idle, one.deadline.total};
    rules.retry.max_attempts = std::max<std::uint32_t>(6, static_cast<std::uint32_t>(one.retry.attempts) * static_cast<std::uint32_t>(rules.targets.size()));
    for (const auto& target : one.targets)
      if (const auto known = models_.find(target.model); known != models_.end() && known->second->keys) rules.retry.max_attempts += known->second->keys->size();
    rules.retry.attempts = static_cast<std::uint32_t>(one.retry.attempts);
    rules.retry.prefer = rules.targets.size() > 1 ? route::retry_settings::order::other_first : route::retry_settings::order::same_first;
    rules.retry.backoff_base = one.retry.backoff;
    rules.retry.backoff_max = one.retry.max_backoff;
    rules.retry.max_retry_after = one.retry.max_retry_after;
    rules.retry.budget_ratio = one.retry.budget;
    if (!one.retry.on.empty()) rules.retry.on = faults(path + ".retry.on", one.retry.on);
    rules.hedge.after = one.hedge.after;
    rules.hedge.quantile = one.hedge.quantile;
    rules.hedge.budget_ratio = one.hedge.budget;
    rules.breaker = breaker_of(one.breaker);
    rules.queue = {static_cast<std::uint32_t>(one.queue.size), one.queue.max_wait};
    rules.outlier = {one.outlier.error_margin, one.outlier.latency_factor, static_cast<std::uint32_t>(one.outlier.min_calls), one.outlier.max_ejected};
  }

  void fallbacks(gateway::plan& out) {
    std::map<std::string, gateway::served_route*> made;
    for (const auto& one : out.routes) made[one->name.str()] = one.get();
    for (const auto& [name, one] : from_.routes.entries) {
      const std::array wanted{one.fallbacks.context_window, one.fallbacks.content_filter, one.fallbacks.rate_limit};
      for (std::size_t kind = 0; kind < wanted.size(); ++kind) {
        if (wanted[kind].empty()) continue;
        const auto path = "routes." + name + ".fallbacks." + std::string(gateway::fallback_names[kind]);
        if (!from_.routes.entries.contains(wanted[kind])) complain(path, "there is no route '" + wanted[kind] + "'", "declare it under `routes`");
        else if (made.contains(name) && made.contains(wanted[kind])) made[name]->fallbacks[kind] = made[wanted[kind]];
      }
    }
    for (const auto& [name, one] : made)
      if (!loops(*one)) reach(*one);
  }

  /// Complains where following the fallbacks of a route leads back to it.
  bool loops(const gateway::served_route& from) {
    const auto found = way_back(from, from, {});
    if (!found.empty()) complain("routes." + from.name.str() + ".fallbacks", "lead back to the route: " + from.name.str() + found, "a call must come to an end");
    return !found.empty();
  }

  static std::string way_back(const gateway::served_route& at, const gateway::served_route& home, std::vector<const gateway::served_route*> seen) {
    for (const auto* next : at.fallbacks) {
      if (next == nullptr || std::ranges::find(seen, next) != seen.end()) continue;
      if (next == &home) return " → " + home.name.str();
      seen.push_back(next);
      if (auto rest = way_back(*next, home, seen); !rest.empty()) return " → " + next->name.str() + rest;
    }
    return {};
  }

  /// All models that a call of the route may come to: its reservation covers the dearest.
  static void reach(gateway::served_route& from) {
    std::vector<const gateway::served_route*> routes{&from};
    for (std::size_t i = 0; i < routes.size(); ++i)
      for (const auto* next : routes[i]->fallbacks)
        if (next != nullptr && std::ranges::find(routes, next) == routes.end()) routes.push_back(next);
    if (routes.size() == 1) return;
    for (const auto* route : routes) {
      from.cache.by_caller |= route->cache.by_caller;
      from.batch.by_caller |= route->batch.by_caller;
    }
    bool unknown = false;
    for (const auto* route : routes)
      for (const auto* model : route->models) {
        if (std::ranges::find(from.reachable, model) == from.reachable.end()) from.reachable.push_back(model);
        if (std::ranges::find(from.profiles, model->profile) == from.profiles.end()) from.profiles.push_back(model->profile);
        from.max_output = std::max(from.max_output, model->limits.max_output);
        unknown |= model->limits.max_output == 0;
      }
    if (unknown) from.max_output = 0;
    from.cache.served = served_by(from);
  }

  /// One check per provider that has one, which feeds all of its models but those with a check of their own.
  void checks(gateway::plan& out) {
    std::map<std::string, gateway::health_check*> of_providers;
    for (const auto& [name, one] : from_.models.entries) {
      const auto known = providers_.find(one.provider);
      if (known == providers_.end() || !models_.contains(name)) continue;
      const auto& shared = from_.providers.entries.at(one.provider).health_check;
      const auto& wanted = one.health_check ? one.health_check : shared;
      if (!wanted) continue;
      auto& place = of_providers[one.health_check ? "models." + name : "providers." + one.provider];
      if (place == nullptr) place = out.checks.emplace_back(check_of(known->second, *wanted)).get();
      place->feeds.emplace_back(model_name{name}, in_.health.of(model_name{name}));
      place->slow_start = std::max(place->slow_start, slow_start_of(name));
    }
  }

  static std::unique_ptr<gateway::health_check> check_of(const known_provider& provider, const health_check_settings& from) {
    auto out = std::make_unique<gateway::health_check>();
    out->to = provider.base.to;
    out->path = from.path.empty() ? provider.base.path + "/models" : from.path;
    out->headers = provider.headers;
    if (!provider.credentials.empty()) out->headers.push_back(provider.credentials.front());
    out->one_of_keys = provider.credentials.size() > 1;
    out->interval = from.interval;
    out->timeout = from.timeout;
    out->healthy_after = static_cast<std::uint32_t>(from.healthy_after);
    out->unhealthy_after = static_cast<std::uint32_t>(from.unhealthy_after);
    return out;
  }

  /// The longest of the routes that the model serves.
  [[nodiscard]] nanoseconds slow_start_of(const std::string& model) const {
    nanoseconds longest{};
    for (const auto& [name, one] : from_.routes.entries)
      if (std::ranges::find(one.targets, model, &target_settings::model) != one.targets.end()) longest = std::max(longest, one.breaker.slow_start);
    return longest;
  }

  static route::breaker_settings breaker_of(const breaker_settings& from) {
    route::breaker_settings out;
    out.enabled = from.failures > 0;
    if (out.enabled) out.consecutive_failures = static_cast<std::uint32_t>(from.failures);
    out.error_rate = from.error_rate;
    out.min_calls = static_cast<std::uint32_t>(from.min_calls);
    out.window = from.window;
    out.open = from.open;
    out.max_open = std::max(from.max_open, from.open);
    out.half_open_calls = static_cast<std::uint32_t>(from.half_open_calls);
    out.slow_start = from.slow_start;
    return out;
  }

  route::fault_kinds faults(const std::string& path, const std::vector<std::string>& names) {
    route::fault_kinds out;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto kind = route::parse_fault_kind(names[i]);
      if (kind) out.add(*kind);
      else complain(path + "[" + std::to_string(i) + "]", kind.error().message);
    }
    return out;
  }

  void route(gateway::plan& out, const std::string& name, const route_settings& one) {
    const auto path = "routes." + name;
    const auto before = found_.found().size();
    if (one.targets.empty()) {
      if (!found_.says_of(path)) complain(path + ".targets", "a route needs at least one target");
      return;
    }
    auto made = std::make_unique<gateway::served_route>();
    made->name = route_name{name};
    route::route_settings rules;
    rules.name = made->name;
    for (std::size_t i = 0; i < one.targets.size(); ++i) add_target(*made, rules, path + ".targets[" + std::to_string(i) + "]", one.targets[i]);
    fill_rules(rules, path, one);
    if (found_.found().size() != before || made->models.size() != one.targets.size()) return;  // said already
    for (auto& target : rules.targets) target.prices = unit_prices(out, *models_.at(target.model.str()));
    auto compiled = route::route::compile(std::move(rules), in_.health);
    if (!compiled) {
      auto why = compiled.error().message;
      if (const auto prefix = "route '" + name + "': "; why.starts_with(prefix)) why.erase(0, prefix.size());
      return complain(path, std::move(why));
    }
    made->choice = std::move(*compiled);
    made->cache = cache_policy_of(one, *made);
    made->batch = batch_policy_of(one);
    made->embedder = embedder(path + ".cache", one.cache);
    made->continue_streams = one.streams.go_on;
    made->check_structure = one.structured == structured_choice::require;
    made->max_output = 0;
    for (const auto* model : made->models) made->max_output = std::max(made->max_output, model->limits.max_output);
    if (std::ranges::any_of(made->models, [](const auto* m) { return m->limits.max_output == 0; })) made->max_output = 0;
    out.routes.push_back(std::move(made));
  }

  const gateway::served_model* embedder(const std::string& path, const route_cache_settings& one) {
    const auto& wanted = one.semantic.model;
    if (wanted.empty()) return nullptr;
    const auto place = path + ".semantic.model";
    if (one.ttl <= nanoseconds{}) complain(place, "has no effect without a cache", "set cache.ttl of the route");
    const auto known = models_.find(wanted);
    if (known != models_.end()) return known->second;
    if (!from_.models.entries.contains(wanted)) complain(place, "there is no model '" + wanted + "'", hint_for(wanted));
    return nullptr;
  }

  std::optional<route::unit_prices> unit_prices(const gateway::plan& out, const gateway::served_model& model) const {
    if (model.runs_free) return route::unit_prices{};
    const auto* price = out.prices.find(model.price_provider, model.upstream_model, in_.now);
    const auto input = llm::cost_bound(price, tokens{1'000'000}, tokens{0});
    const auto output = llm::cost_bound(price, tokens{0}, tokens{1'000'000});
    if (input.state != llm::price_state::known || output.state != llm::price_state::known) return std::nullopt;
    return route::unit_prices{input.amount, output.amount};
  }

  const settings& from_;
  compile_context& in_;
  diagnostics& found_;
  std::map<std::string, known_provider> providers_;
  std::map<std::string, const gateway::served_model*> models_;
  std::map<std::string, std::shared_ptr<route::key_ring>> rings_;
};

/// What is taken up when the program starts, so that a reload and `andon check` find its faults as well.
void compile_rest(const settings& from, diagnostics& found) {
  const auto complain = [&](const char* path, std::string message) { found.add(from.places.at(path), path, std::move(message)); };
  if (const auto& url = from.telemetry.otlp_endpoint; !url.empty())
    if (const auto parsed = net::parse_base_url(url); !parsed) complain("telemetry.otlp_endpoint", parsed.error().message);
  if (const auto& key = from.ledger.encryption; key && !found.says_of("ledger.encryption"))
    if (const auto parsed = ledger::parse_master_key(*key); !parsed) complain("ledger.encryption", parsed.error().message);
}

}  // namespace

std::shared_ptr<gateway::plan> compile_plan(const settings& from, compile_context& in, diagnostics& found) {
  return plan_compiler(from, in, found).run();
}

std::optional<compiled> compile(const settings& from, compile_context& in, diagnostics& found) {
  compiled out;
  compile_rest(from, found);
  out.access = compile_access(from, found);
  out.plan = compile_plan(from, in, found);
  out.watch = compile_objectives(from, in.now, found);
  out.business = compile_business(from, out.watch, found);
  out.alerting = compile_alerting(from, found);
  out.policies = compile_policies(from, out.watch, found);
  if (!found.empty() || !out.plan) return std::nullopt;
  return out;
}

}  // namespace andon::app
