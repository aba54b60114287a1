#pragma once
// Management of projects and keys: creates, changes, persists (SQLite, `access.db` in the data directory) and publishes.
//
// Threads: every function blocks on disk; call from a management thread, never from a core. Serialised by a mutex.
// A change that returns success is on disk (WAL, synchronous=FULL) and on the board, so in force for every core's next
// request.
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "andon/access/directory.hpp"
#include "andon/access/settings.hpp"
#include "andon/base/clock.hpp"

namespace andon::access {

/// A key as lists show it. The secret is nowhere in it.
struct key_info {
  key_id id;
  key_settings settings;
  wall_time created;
  std::optional<wall_time> rotated;
  std::optional<wall_time> old_secret_until;  ///< during an overlap
  std::optional<wall_time> last_used;         ///< to the minute
  bool blocked = false;
  bool declared = false;                      ///< by the configuration file: read-only here
  std::string hint;                           ///< `sk-andon-4f…9k2m`
};

/// The only moment at which a key's text is seen.
struct new_key {
  key_id id;
  secret text;
};

/// Budget amounts as of a place in the ledger; opaque rows of budget_book.
struct checkpoint {
  struct row { std::uint64_t id; std::int64_t period_begin; std::int64_t period_end; nano_usd spent; bool operator==(const row&) const = default; };
  std::vector<std::pair<std::string, std::uint64_t>> positions;  ///< ledger stream → position
  std::vector<row> rows;
};

class keyring {
public:
  /// Opens or makes `access.db` and `pepper` in `data_directory` (made with mode 0700 if missing), migrates the schema,
  /// and publishes a first directory. Errors: io_error, corrupt (also: a database written by a newer version), locked,
  /// forbidden (pepper readable by others).
  static result<std::unique_ptr<keyring>> open(const std::filesystem::path& data_directory, const clock& time, directory_board& board);
  ~keyring();
  keyring(const keyring&) = delete;
  keyring& operator=(const keyring&) = delete;

  /// Puts the configuration file's part in force (start and reload). Nothing changes on error: invalid_argument;
  /// conflict when it declares a project or key that was created by the API.
  result<void> declare(declared_access config);

  /// The admin token in `<data>/admin-token` (mode 0600), made if missing: a key `key_admin` of role admin.
  result<secret> ensure_admin_token();
  /// On a data directory that never had a key: project `default`, key `first`. Empty otherwise.
  result<std::optional<new_key>> ensure_first_key();

  result<void> create_project(project_settings settings);                ///< already_exists, invalid_argument
  result<void> update_project(project_settings settings);                ///< not_found, conflict (declared)
  result<void> delete_project(const project_id& id);                     ///< not_found, conflict (has keys, or declared)
  [[nodiscard]] std::vector<project_settings> projects() const;
  [[nodiscard]] result<project_settings> project(const project_id& id) const;

  result<new_key> create_key(key_settings settings);                     ///< invalid_argument, not_found (project), already_exists (name)
  [[nodiscard]] result<std::vector<key_info>> keys(std::optional<project_id> of = {}) const;
  [[nodiscard]] result<key_info> key(const key_id& id) const;
  result<void> update_key(const key_id& id, key_settings settings);      ///< project and name can change, the id cannot
  /// A new secret now; the old one stays good for `overlap` (0: ends at once). A second rotation ends the oldest at once.
  result<new_key> rotate_key(const key_id& id, nanoseconds overlap);
  result<void> block_key(const key_id& id);
  result<void> unblock_key(const key_id& id);
  result<void> delete_key(const key_id& id);

  /// Writes last-used times that changed; call every minute or so and at stop.
  result<void> flush_last_used();

  result<void> save_checkpoint(const checkpoint& state);
  [[nodiscard]] result<checkpoint> load_checkpoint() const;

  [[nodiscard]] const std::shared_ptr<const key_hasher>& hasher() const;

private:
  struct state;
  explicit keyring(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

}  // namespace andon::access
