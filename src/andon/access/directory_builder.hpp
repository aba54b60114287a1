#pragma once
// Compiles settings into a directory, and owns the meters that outlive it. Management thread only.
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "andon/access/directory.hpp"
#include "andon/access/settings.hpp"

namespace andon::access {

/// Meters by the identity of what they count: owner, `per`, filters and members, but not the amounts, so that a changed
/// limit keeps its count and a changed budget what is spent.
class meter_pool {
public:
  explicit meter_pool(std::uint64_t seed) : seed_(seed) {}
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  std::shared_ptr<limit_state> limit(std::uint64_t id);
  std::shared_ptr<budget_account> budget(std::uint64_t id);
  std::shared_ptr<key_state> key(const key_id& id);
  result<std::shared_ptr<const calendar>> zone(const std::string& name);
  /// Forgets limits and key states that no directory holds. Budget accounts stay until the program ends: a rule taken out
  /// and put back must find its sum.
  void sweep();

private:
  std::uint64_t seed_;
  std::unordered_map<std::uint64_t, std::shared_ptr<limit_state>> limits_;
  std::unordered_map<std::uint64_t, std::shared_ptr<budget_account>> budgets_;
  std::unordered_map<std::string, std::shared_ptr<key_state>> keys_;
  std::unordered_map<std::string, std::shared_ptr<const calendar>> zones_;
};

struct key_source {
  key_id id;
  const key_settings* settings = nullptr;
  digest hash{};
  std::optional<digest> old_hash;
  wall_time old_until;
  bool blocked = false;
};

struct directory_source {
  std::shared_ptr<const key_hasher> hasher;
  std::vector<const project_settings*> projects;
  std::vector<key_source> keys;
  const declared_access* declared = nullptr;  ///< routes, the gateway's own rules and zone; its projects and keys are not read
  std::uint64_t version = 0;
};

class directory_builder {
public:
  directory_builder(meter_pool& pool, const directory_source& from) : pool_(pool), from_(from) {}
  /// Errors: not_found for a time zone that is not installed.
  result<std::shared_ptr<const directory>> build();

private:
  struct owner { scope what; std::string_view name; };
  /// Whose call a rule is bound for.
  struct target { const project_settings* project; const key_source* key; route_index route; };

  result<void> load_zones();
  void add_routes();
  void add_key(const key_source& key);
  void add_credentials();
  void add_project_budgets();
  void bind_limits(const owner& who, const std::vector<limit_rule>& rules, const target& of, principal& to);
  template <class Sink>
  void bind_budgets(const owner& who, const std::vector<budget_rule>& rules, const target& of, const Sink& sink);
  template <class Sink>
  void all_budgets(const target& of, const Sink& sink);
  const bound_limit* bind(const owner& who, const limit_rule& rule, const target& of);
  const bound_budget* bind(const owner& who, const budget_rule& rule, const target& of);
  [[nodiscard]] std::uint64_t identify(const owner& who, scope_set per, std::uint64_t kind, const target& of) const;
  [[nodiscard]] std::string describe(const owner& who, scope_set per, std::string_view only_tag, const target& of) const;
  [[nodiscard]] const calendar* calendar_of(const owner& who, const target& of) const;
  [[nodiscard]] std::string_view route_text(route_index route) const;

  meter_pool& pool_;
  const directory_source& from_;
  std::shared_ptr<directory> out_;
  std::unordered_map<std::string_view, const project_settings*> projects_;
  std::unordered_map<std::string, const calendar*> zones_;
  std::unordered_map<std::uint64_t, const bound_limit*> bound_limits_;
  std::unordered_map<std::uint64_t, const bound_budget*> bound_budgets_;
};

}  // namespace andon::access
