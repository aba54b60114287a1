#pragma once
// The directory: an immutable compilation of all projects, keys, routes, limits and budgets. The cores read it without
// locks; a change makes a new one and publishes it on the board, and it is in force for every core's next request.
// Counters are not in it: it points to meters, which live on across directories.
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "andon/access/key_hasher.hpp"
#include "andon/access/meters.hpp"
#include "andon/access/settings.hpp"

namespace andon::access {

/// A route's place in one directory; others mean nothing in it.
enum class route_index : std::uint32_t { none = 0xffffffff };

/// A limit rule applied to one key, ready to use. `state` is null where each user has its own.
struct bound_limit {
  bucket_rate requests, tokens;
  std::int64_t parallel = -1;  ///< -1: no limit
  std::uint64_t id = 0;
  limit_state* state = nullptr;
  route_index only_route = route_index::none;
  scope owner{};
  scope_set per;
  std::string name;            ///< what a refusal calls it: `key shop-web`, `project shop, model chat`
};

/// A budget rule likewise. `account` is null where each user or tag has its own.
struct bound_budget {
  nano_usd limit;
  window length{};
  const calendar* periods = nullptr;
  std::uint64_t id = 0;
  budget_account* account = nullptr;
  route_index only_route = route_index::none;
  std::string only_tag;
  scope owner{};
  scope_set per;
  int alarm_percent = 80;
  std::string name;
};

/// Shared by all directories that hold the key.
struct key_state {
  std::atomic<std::int64_t> last_used_minute{0};  ///< since 1970; written at most once a minute
};

/// Who a key stands for. Immutable.
struct principal {
  key_id key;
  std::string name;
  project_id project;                        ///< empty: not bound to one project
  access::role role = role::caller;
  std::vector<std::string> scopes;           ///< operations; empty: all that the role allows
  std::vector<std::string> tags;             ///< project's and key's, added to each exchange
  text_pairs metadata;
  std::uint8_t priority = 1;                 ///< 0 low, 1 normal, 2 high
  bool may_ask_priority = false;
  unknown_price on_unknown_price = unknown_price::allow;
  bool blocked = false;                      ///< the key or its project
  std::vector<const bound_limit*> limits;    ///< those without a route, in the order gateway, project, key
  std::vector<const bound_budget*> budgets;
  std::vector<std::vector<const bound_limit*>> route_limits;    ///< by route index; empty where no route has any
  std::vector<std::vector<const bound_budget*>> route_budgets;
  bool all_routes = true;
  std::vector<bool> routes;                  ///< by route index, where not all may be used
  std::shared_ptr<key_state> state;

  [[nodiscard]] bool may_use(route_index route) const noexcept;
  [[nodiscard]] bool may_use_operation(std::string_view operation) const noexcept;  ///< `chat`, `embeddings`, …
  /// The role has the permission, and the project is the principal's own, or the principal is bound to none.
  [[nodiscard]] bool may(permission what, const project_id& project) const noexcept;
  /// For what concerns the installation: the role has the permission and the principal is bound to no project.
  [[nodiscard]] bool may(permission what) const noexcept;
};

class directory;

/// A principal together with the directory that holds it: cheap to copy, keeps everything alive.
class caller {
public:
  caller() = default;
  caller(std::shared_ptr<const directory> in, const principal* who) : in_(std::move(in)), who_(who) {}
  [[nodiscard]] const principal& operator*() const { return *who_; }
  [[nodiscard]] const principal* operator->() const { return who_; }
  [[nodiscard]] explicit operator bool() const { return who_ != nullptr; }
  [[nodiscard]] const std::shared_ptr<const directory>& in() const { return in_; }

private:
  std::shared_ptr<const directory> in_;
  const principal* who_ = nullptr;
};

class directory {
public:
  /// Key → principal. Compares whole 256-bit keyed hashes in constant time; nothing is ever looked up by a part of a
  /// secret. Marks the key as used. Errors: invalid_key, expired_key, blocked_key; with the latter two `owner`, if given,
  /// is still set to whom the key belongs, so that the refusal can be recorded.
  [[nodiscard]] static result<caller> identify(const std::shared_ptr<const directory>& in, std::string_view secret_text, wall_time now, caller* owner = nullptr);

  [[nodiscard]] route_index find_route(std::string_view name) const noexcept;
  [[nodiscard]] const route_name& name_of(route_index route) const { return route_names_[static_cast<std::size_t>(route)]; }
  [[nodiscard]] std::span<const route_name> routes() const { return route_names_; }
  [[nodiscard]] const principal* find(const key_id& key) const noexcept;
  /// The budgets that a call of this project and key on this route counts for, also when the key is gone since.
  void each_budget(const project_id& project, const key_id& key, route_index route, const std::function<void(const bound_budget&)>& visit) const;
  [[nodiscard]] std::span<const std::unique_ptr<bound_limit>> limits() const { return limits_; }
  [[nodiscard]] std::span<const std::unique_ptr<bound_budget>> budgets() const { return budgets_; }
  [[nodiscard]] std::uint64_t version() const { return version_; }
  /// A hash that only this installation can make, for names that callers give and others get to see. Begin `text` with
  /// what it is for, so that it is never a key's own.
  [[nodiscard]] digest keyed_hash(std::string_view text) const noexcept { return hasher_->hash(text); }
  [[nodiscard]] std::size_t key_count() const { return principals_.size(); }

private:
  friend class directory_builder;
  struct credential { digest hash; std::int64_t valid_until; std::uint32_t who; };  ///< nanoseconds since 1970
  struct ownerless { std::vector<const bound_budget*> budgets; std::vector<std::vector<const bound_budget*>> route_budgets; };

  std::shared_ptr<const key_hasher> hasher_;
  std::vector<credential> credentials_;
  std::vector<std::uint32_t> slots_;  ///< open addressing on the hash's first bytes; index + 1 into credentials_
  std::vector<principal> principals_;
  std::vector<route_name> route_names_;
  std::unordered_map<std::string_view, std::uint32_t> route_slots_;
  std::unordered_map<std::string, std::uint32_t> key_slots_;
  std::unordered_map<std::string, ownerless> project_budgets_;  ///< for replay of deleted keys
  std::vector<std::unique_ptr<bound_limit>> limits_;
  std::vector<std::unique_ptr<bound_budget>> budgets_;
  std::vector<std::shared_ptr<void>> kept_;  ///< meters and calendars
  std::uint64_t version_ = 0;
};

/// Where the directory in force hangs. publish() from the management thread; readers, one per core.
class directory_board {
public:
  void publish(std::shared_ptr<const directory> next);
  [[nodiscard]] std::shared_ptr<const directory> current() const;  ///< takes a lock: not for the path
  [[nodiscard]] std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const directory> current_;
  std::atomic<std::uint64_t> version_{0};
};

/// One core's view of the board: a load and a compare per request, a lock only after a change.
class directory_reader {
public:
  explicit directory_reader(const directory_board& board) : board_(board) {}
  [[nodiscard]] const std::shared_ptr<const directory>& get() {
    if (board_.version() != seen_) refresh();
    return cached_;
  }

private:
  void refresh();
  const directory_board& board_;
  std::shared_ptr<const directory> cached_;
  std::uint64_t seen_ = 0;
};

}  // namespace andon::access
