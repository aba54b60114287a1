#pragma once
// access.db: projects, keys (as keyed hashes only), rules and budget checkpoints. keyring owns it and locks.
// Every write is one transaction; what it replaces and what it adds appear together or not at all.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "andon/access/keyring.hpp"
#include "andon/sql/database.hpp"

namespace andon::access {

struct stored_key {
  key_id id;
  key_settings settings;
  digest hash{};
  std::optional<digest> old_hash;
  wall_time old_until;
  wall_time created;
  std::optional<wall_time> rotated;
  std::int64_t last_used_minute = 0;
  bool blocked = false;
  std::string hint;
};

class access_store {
public:
  /// Opens or makes the file (mode 0600) and migrates it. Errors as keyring::open.
  static result<std::unique_ptr<access_store>> open(const std::filesystem::path& file, wall_time now);

  [[nodiscard]] std::uint64_t seed() const { return seed_; }  ///< of account ids; random, made with the file
  result<std::vector<project_settings>> projects();
  result<std::vector<stored_key>> keys();
  result<bool> had_keys();                                    ///< ever, deleted ones included
  result<void> put(const project_settings& project);
  result<void> put(const stored_key& key);
  result<void> erase_project(const project_id& id);
  result<void> erase_key(const key_id& id);
  result<void> put_last_used(const std::vector<std::pair<key_id, std::int64_t>>& minutes);
  result<void> put_checkpoint(const checkpoint& state);
  result<checkpoint> get_checkpoint();

private:
  static result<std::unique_ptr<access_store>> open_any(const std::filesystem::path& file, wall_time now);
  explicit access_store(sql::database db) : db_(std::move(db)) {}
  result<void> load_seed();
  /// What projects and keys have alike.
  struct details { std::vector<limit_rule> limits; std::vector<budget_rule> budgets; std::vector<route_name> routes; std::vector<std::string> tags, scopes; text_pairs metadata; };
  result<void> put_details(std::string_view kind, std::string_view owner, const details& d);
  result<void> erase_details(std::string_view kind, std::string_view owner);
  result<details> get_details(std::string_view kind, std::string_view owner);

  sql::database db_;
  std::uint64_t seed_ = 0;
};

}  // namespace andon::access
