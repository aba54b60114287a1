#include "andon/access/directory_builder.hpp"

#include <bit>
#include <cstring>

namespace andon::access {
namespace {

std::uint64_t chain(std::uint64_t seed, std::string_view text) { return xxh3(text, seed); }
std::uint64_t chain(std::uint64_t seed, std::uint64_t word) { return xxh3({reinterpret_cast<const char*>(&word), sizeof word}, seed); }

std::int64_t nanos(wall_time at) { return at.time_since_epoch().count(); }

std::uint64_t first_word(const digest& d) {
  std::uint64_t word = 0;
  std::memcpy(&word, d.data(), sizeof word);
  return word;
}

/// Whether a rule says something about calls of a route only, so that it is kept by route.
template <class Rule>
bool by_route(scope owner, const Rule& rule) { return owner == scope::route || rule.per.has(scope::route) || !rule.only_route.empty(); }

}  // namespace

std::shared_ptr<limit_state> meter_pool::limit(std::uint64_t id) {
  auto& at = limits_[id];
  if (!at) at = std::make_shared<limit_state>();
  return at;
}

std::shared_ptr<budget_account> meter_pool::budget(std::uint64_t id) {
  auto& at = budgets_[id];
  if (!at) at = std::make_shared<budget_account>();
  return at;
}

std::shared_ptr<key_state> meter_pool::key(const key_id& id) {
  auto& at = keys_[id.str()];
  if (!at) at = std::make_shared<key_state>();
  return at;
}

result<std::shared_ptr<const calendar>> meter_pool::zone(const std::string& name) {
  auto& at = zones_[name.empty() ? "UTC" : name];
  if (at) return at;
  auto loaded = time_zone::load(name);
  if (!loaded) return std::unexpected(loaded.error());
  at = std::make_shared<const calendar>(name.empty() ? "UTC" : name, std::move(*loaded));
  return at;
}

void meter_pool::sweep() {
  std::erase_if(limits_, [](const auto& item) { return item.second.use_count() == 1; });
  std::erase_if(keys_, [](const auto& item) { return item.second.use_count() == 1; });
}

std::string_view directory_builder::route_text(route_index route) const {
  return route == route_index::none ? std::string_view{} : out_->name_of(route).view();
}

std::uint64_t directory_builder::identify(const owner& who, scope_set per, std::uint64_t kind, const target& of) const {
  auto id = chain(pool_.seed(), kind);
  id = chain(id, static_cast<std::uint64_t>(who.what));
  id = chain(id, who.name);
  id = chain(id, per.bits());
  if (per.has(scope::project)) id = chain(id, of.project != nullptr ? of.project->id.view() : std::string_view{});
  if (per.has(scope::key)) id = chain(id, of.key != nullptr ? of.key->id.view() : std::string_view{});
  if (per.has(scope::route)) id = chain(id, route_text(of.route));
  return id;
}

std::string directory_builder::describe(const owner& who, scope_set per, std::string_view only_tag, const target& of) const {
  std::string text;
  auto add = [&](scope what, std::string_view name) {
    if (!text.empty()) text += ", ";
    text += to_string(what);
    if (!name.empty()) (text += ' ') += name;
  };
  auto key_name = [&]() -> std::string_view { return of.key == nullptr ? "" : of.key->settings->name.empty() ? of.key->id.view() : of.key->settings->name; };
  add(who.what, who.what == scope::key ? key_name() : who.what == scope::gateway ? std::string_view{} : who.name);
  if (per.has(scope::project) && who.what != scope::project && of.project != nullptr) add(scope::project, of.project->id.view());
  if (per.has(scope::key) && who.what != scope::key) add(scope::key, key_name());
  if (of.route != route_index::none && who.what != scope::route) add(scope::route, route_text(of.route));
  if (!only_tag.empty()) add(scope::tag, only_tag);
  return text;
}

const calendar* directory_builder::calendar_of(const owner& who, const target& of) const {
  const bool own = (who.what == scope::project || who.what == scope::key) && of.project != nullptr && !of.project->zone.empty();
  return zones_.at(own ? of.project->zone : from_.declared->zone);
}

const bound_limit* directory_builder::bind(const owner& who, const limit_rule& rule, const target& of) {
  auto id = chain(identify(who, rule.per, 1, of), rule.only_route.view());
  auto& known = bound_limits_[id];
  if (known != nullptr) return known;
  auto bound = std::make_unique<bound_limit>();
  if (rule.requests_per_minute) bound->requests = bucket_rate::per_minute(*rule.requests_per_minute);
  if (rule.tokens_per_minute) bound->tokens = bucket_rate::per_minute(*rule.tokens_per_minute);
  bound->parallel = rule.parallel.value_or(-1);
  bound->id = id;
  bound->only_route = of.route;
  bound->owner = who.what;
  bound->per = rule.per;
  bound->name = describe(who, rule.per, {}, of);
  if (!rule.per.has(scope::user)) {
    auto state = pool_.limit(id);
    bound->state = state.get();
    out_->kept_.push_back(std::move(state));
  }
  known = bound.get();
  out_->limits_.push_back(std::move(bound));
  return known;
}

const bound_budget* directory_builder::bind(const owner& who, const budget_rule& rule, const target& of) {
  auto id = chain(identify(who, rule.per, 2, of), rule.only_route.view());
  id = chain(chain(id, rule.only_tag), static_cast<std::uint64_t>(rule.period));
  auto& known = bound_budgets_[id];
  if (known != nullptr) return known;
  auto bound = std::make_unique<bound_budget>();
  bound->limit = rule.limit;
  bound->length = rule.period;
  bound->periods = calendar_of(who, of);
  bound->id = id;
  bound->only_route = of.route;
  bound->only_tag = rule.only_tag;
  bound->owner = who.what;
  bound->per = rule.per;
  bound->alarm_percent = rule.alarm_percent;
  bound->name = describe(who, rule.per, rule.only_tag, of);
  if (!rule.per.has(scope::user) && !rule.per.has(scope::tag)) {
    auto account = pool_.budget(id);
    bound->account = account.get();
    out_->kept_.push_back(std::move(account));
  }
  known = bound.get();
  out_->budgets_.push_back(std::move(bound));
  return known;
}

void directory_builder::bind_limits(const owner& who, const std::vector<limit_rule>& rules, const target& of, principal& to) {
  for (const auto& rule : rules) {
    if (!by_route(who.what, rule)) {
      to.limits.push_back(bind(who, rule, of));
      continue;
    }
    for (std::uint32_t i = 0; i < out_->route_names_.size(); ++i) {
      const auto& route = out_->route_names_[i];
      if ((!rule.only_route.empty() && rule.only_route != route) || (who.what == scope::route && who.name != route.view())) continue;
      if (to.route_limits.empty()) to.route_limits.resize(out_->route_names_.size());
      to.route_limits[i].push_back(bind(who, rule, {of.project, of.key, route_index{i}}));
    }
  }
}

template <class Sink>
void directory_builder::bind_budgets(const owner& who, const std::vector<budget_rule>& rules, const target& of, const Sink& sink) {
  for (const auto& rule : rules) {
    if (of.key == nullptr && rule.per.has(scope::key)) continue;
    if (!by_route(who.what, rule)) {
      sink(route_index::none, bind(who, rule, of));
      continue;
    }
    for (std::uint32_t i = 0; i < out_->route_names_.size(); ++i) {
      const auto& route = out_->route_names_[i];
      if ((!rule.only_route.empty() && rule.only_route != route) || (who.what == scope::route && who.name != route.view())) continue;
      sink(route_index{i}, bind(who, rule, {of.project, of.key, route_index{i}}));
    }
  }
}

template <class Sink>
void directory_builder::all_budgets(const target& of, const Sink& sink) {
  bind_budgets({scope::gateway, {}}, from_.declared->budgets, of, sink);
  for (const auto& route : from_.declared->routes) bind_budgets({scope::route, route.name.view()}, route.budgets, of, sink);
  if (of.project != nullptr) bind_budgets({scope::project, of.project->id.view()}, of.project->budgets, of, sink);
  if (of.key != nullptr) bind_budgets({scope::key, of.key->id.view()}, of.key->settings->budgets, of, sink);
}

void directory_builder::add_routes() {
  for (const auto& route : from_.declared->routes) out_->route_names_.push_back(route.name);
  for (std::uint32_t i = 0; i < out_->route_names_.size(); ++i) out_->route_slots_.emplace(out_->route_names_[i].view(), i);
}

result<void> directory_builder::load_zones() {
  std::vector<std::string> names{from_.declared->zone};
  for (const auto* project : from_.projects)
    if (!project->zone.empty()) names.push_back(project->zone);
  for (const auto& name : names) {
    auto zone = pool_.zone(name);
    if (!zone) return std::unexpected(zone.error());
    zones_[name] = zone->get();
    out_->kept_.push_back(std::const_pointer_cast<calendar>(*zone));
  }
  return {};
}

void directory_builder::add_key(const key_source& key) {
  const auto found = projects_.find(key.settings->project.view());
  const auto* project = found == projects_.end() ? nullptr : found->second;
  principal who;
  who.key = key.id;
  who.name = key.settings->name;
  who.project = key.settings->project;
  who.role = key.settings->role;
  who.scopes = key.settings->scopes;
  who.priority = key.settings->priority;
  who.may_ask_priority = key.settings->may_ask_priority;
  who.metadata = key.settings->metadata;
  who.blocked = key.blocked || (project != nullptr ? project->blocked : !who.project.empty());
  who.state = pool_.key(key.id);
  if (project != nullptr) {
    who.tags = project->tags;
    who.on_unknown_price = project->on_unknown_price;
  }
  for (const auto& tag : key.settings->tags)
    if (std::ranges::find(who.tags, tag) == who.tags.end()) who.tags.push_back(tag);

  const target of{project, &key, route_index::none};
  bind_limits({scope::gateway, {}}, from_.declared->limits, of, who);
  for (const auto& route : from_.declared->routes) bind_limits({scope::route, route.name.view()}, route.limits, of, who);
  if (project != nullptr) bind_limits({scope::project, project->id.view()}, project->limits, of, who);
  bind_limits({scope::key, key.id.view()}, key.settings->limits, of, who);
  all_budgets(of, [&](route_index route, const bound_budget* bound) {
    if (route == route_index::none) return who.budgets.push_back(bound);
    if (who.route_budgets.empty()) who.route_budgets.resize(out_->route_names_.size());
    who.route_budgets[static_cast<std::size_t>(route)].push_back(bound);
  });

  const auto allowed = [](const std::vector<route_name>& list, const route_name& route) { return list.empty() || std::ranges::find(list, route) != list.end(); };
  if (!key.settings->routes.empty() || (project != nullptr && !project->routes.empty()))
    for (const auto& route : out_->route_names_)
      who.routes.push_back(allowed(key.settings->routes, route) && (project == nullptr || allowed(project->routes, route)));
  who.all_routes = key.settings->routes.empty() && (project == nullptr || project->routes.empty());

  const auto index = static_cast<std::uint32_t>(out_->principals_.size());
  const auto expires = key.settings->expires ? nanos(*key.settings->expires) : INT64_MAX;
  out_->credentials_.push_back({key.hash, expires, index});
  if (key.old_hash) out_->credentials_.push_back({*key.old_hash, std::min(expires, nanos(key.old_until)), index});
  out_->key_slots_.emplace(key.id.str(), index);
  out_->principals_.push_back(std::move(who));
}

void directory_builder::add_credentials() {
  const auto size = std::bit_ceil(std::max<std::size_t>(out_->credentials_.size() * 2, 8));
  out_->slots_.assign(size, 0);
  for (std::uint32_t i = 0; i < out_->credentials_.size(); ++i) {
    auto at = first_word(out_->credentials_[i].hash) & (size - 1);
    while (out_->slots_[at] != 0) at = (at + 1) & (size - 1);
    out_->slots_[at] = i + 1;
  }
}

void directory_builder::add_project_budgets() {
  auto add = [&](const std::string& name, const project_settings* project) {
    auto& to = out_->project_budgets_[name];
    to.route_budgets.resize(out_->route_names_.size());
    all_budgets({project, nullptr, route_index::none}, [&](route_index route, const bound_budget* bound) {
      if (route == route_index::none) to.budgets.push_back(bound);
      else to.route_budgets[static_cast<std::size_t>(route)].push_back(bound);
    });
  };
  add("", nullptr);
  for (const auto* project : from_.projects) add(project->id.str(), project);
}

result<std::shared_ptr<const directory>> directory_builder::build() {
  out_ = std::make_shared<directory>();
  out_->hasher_ = from_.hasher;
  out_->version_ = from_.version;
  if (auto zones = load_zones(); !zones) return std::unexpected(zones.error());
  for (const auto* project : from_.projects) projects_.emplace(project->id.view(), project);
  add_routes();
  out_->principals_.reserve(from_.keys.size());
  for (const auto& key : from_.keys) add_key(key);
  add_credentials();
  add_project_budgets();
  return std::shared_ptr<const directory>(std::move(out_));
}

}  // namespace andon::access
