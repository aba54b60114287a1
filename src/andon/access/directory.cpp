#include "andon/access/directory.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

#include "andon/access/key_text.hpp"

namespace andon::access {
namespace {

void mark_used(key_state& state, wall_time now) {
  const auto minute = std::chrono::floor<std::chrono::minutes>(now).time_since_epoch().count();
  if (state.last_used_minute.load(std::memory_order_relaxed) != minute) state.last_used_minute.store(minute, std::memory_order_relaxed);
}

}  // namespace

bool principal::may_use(route_index route) const noexcept {
  if (all_routes) return true;
  const auto i = static_cast<std::size_t>(route);
  return i < routes.size() && routes[i];
}

bool principal::may_use_operation(std::string_view operation) const noexcept {
  return allows(role, permission::models_call) && (scopes.empty() || std::ranges::find(scopes, operation) != scopes.end());
}

bool principal::may(permission what, const project_id& of) const noexcept {
  return allows(role, what) && (project.empty() || project == of);
}

bool principal::may(permission what) const noexcept { return allows(role, what) && project.empty(); }

result<caller> directory::identify(const std::shared_ptr<const directory>& in, std::string_view text, wall_time now, caller* owner) {
  if (text.starts_with(key_prefix) && !well_formed(text))
    return fail(errc::invalid_key, "The key is mistyped or cut off: its checksum does not fit.");
  const auto& self = *in;
  const auto hash = self.hasher_->hash(text);
  std::uint64_t at = 0;
  std::memcpy(&at, hash.data(), sizeof at);
  const auto mask = self.slots_.size() - 1;
  for (at &= mask; self.slots_[at] != 0; at = (at + 1) & mask) {
    const auto& entry = self.credentials_[self.slots_[at] - 1];
    if (CRYPTO_memcmp(entry.hash.data(), hash.data(), hash.size()) != 0) continue;
    const auto& who = self.principals_[entry.who];
    if (owner != nullptr) *owner = caller{in, &who};
    if (now.time_since_epoch().count() >= entry.valid_until) return fail(errc::expired_key, "The key '" + who.name + "' has expired.");
    if (who.blocked) return fail(errc::blocked_key, "The key '" + who.name + "' or its project is blocked.");
    mark_used(*who.state, now);
    return caller{in, &who};
  }
  return fail(errc::invalid_key, "The key is unknown.");
}

route_index directory::find_route(std::string_view name) const noexcept {
  const auto found = route_slots_.find(name);
  return found == route_slots_.end() ? route_index::none : route_index{found->second};
}

const principal* directory::find(const key_id& key) const noexcept {
  const auto found = key_slots_.find(key.str());
  return found == key_slots_.end() ? nullptr : &principals_[found->second];
}

void directory::each_budget(const project_id& project, const key_id& key, route_index route, const std::function<void(const bound_budget&)>& visit) const {
  const auto i = static_cast<std::size_t>(route);
  auto visit_all = [&](const auto& of) {
    for (const auto* bound : of.budgets) visit(*bound);
    if (i < of.route_budgets.size())
      for (const auto* bound : of.route_budgets[i]) visit(*bound);
  };
  if (const auto* who = find(key); who != nullptr && who->project == project) return visit_all(*who);
  auto found = project_budgets_.find(project.str());
  if (found == project_budgets_.end()) found = project_budgets_.find("");
  if (found != project_budgets_.end()) visit_all(found->second);
}

void directory_board::publish(std::shared_ptr<const directory> next) {
  const std::lock_guard lock(mutex_);
  current_ = std::move(next);
  version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const directory> directory_board::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void directory_reader::refresh() {
  seen_ = board_.version();
  cached_ = board_.current();
}

}  // namespace andon::access
