#pragma once
// What is declared of projects, keys and routes: by the configuration file, or by the admin API (kept in access.db).
// Plain values; directory.hpp compiles them into what the cores read.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "andon/access/role.hpp"
#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/base/ids.hpp"
#include "andon/base/quantity.hpp"
#include "andon/base/secret.hpp"

namespace andon::access {

/// Who or what a limit or budget counts.
enum class scope : std::uint8_t { gateway, project, key, route, user, tag };
std::string_view to_string(scope);  ///< `gateway`, `project`, `key`, `model`, `user`, `tag`: as clients read it
std::optional<scope> parse_scope(std::string_view text);

class scope_set {
public:
  constexpr scope_set() = default;
  constexpr scope_set(std::initializer_list<scope> members) { for (auto s : members) add(s); }
  constexpr void add(scope s) { bits_ = static_cast<std::uint8_t>(bits_ | bit(s)); }
  [[nodiscard]] constexpr bool has(scope s) const { return (bits_ & bit(s)) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr std::uint8_t bits() const { return bits_; }
  static constexpr scope_set from_bits(std::uint8_t bits) { scope_set s; s.bits_ = bits; return s; }
  constexpr bool operator==(const scope_set&) const = default;

private:
  static constexpr std::uint8_t bit(scope s) { return static_cast<std::uint8_t>(1U << static_cast<unsigned>(s)); }
  std::uint8_t bits_ = 0;
};

/// A rule belongs to its owner (the gateway, a project, a key, a route) and counts everything of that owner together;
/// `per` splits it further, in any combination of project, key, route, user: a project's rule `per {user, route}` gives
/// each of its users a meter for each route. `only_route` restricts it to calls of one route.
///
/// Requests and tokens per minute are token buckets that hold one minute's worth: at an instant at most the limit passes,
/// after a quiet minute a burst of the limit is followed by the refill, so a minute sees up to twice the limit, and more when
/// tokens that were reserved and not used come back; in the long run exactly the limit.
struct limit_rule {
  scope_set per;
  route_name only_route;
  std::optional<std::int64_t> requests_per_minute;  ///< 0 … 10^10; 0 refuses everything
  std::optional<std::int64_t> tokens_per_minute;
  std::optional<std::int64_t> parallel;
  bool operator==(const limit_rule&) const = default;
};

enum class window : std::uint8_t { day, week, month };  ///< calendar periods; weeks begin on Monday
std::string_view to_string(window);
std::optional<window> parse_window(std::string_view text);  ///< `day`/`daily`, `week`/`weekly`, `month`/`monthly`

/// As limit_rule; `per` may also hold tag (each tag of a call has its own account), `only_tag` restricts to calls that
/// carry a tag. `alarm_percent`: readings at or above it are marked (soft thresholds; nothing is refused).
struct budget_rule {
  scope_set per;
  route_name only_route;
  std::string only_tag;
  window period = window::month;
  nano_usd limit;
  int alarm_percent = 80;
  bool operator==(const budget_rule&) const = default;
};

enum class unknown_price : std::uint8_t { allow, refuse };
using text_pairs = std::vector<std::pair<std::string, std::string>>;

struct project_settings {
  project_id id;                             ///< letters, digits, `-`, `_`, `.`; at most 64
  std::string title;
  std::vector<limit_rule> limits;
  std::vector<budget_rule> budgets;
  std::vector<route_name> routes;            ///< may use; empty: all
  std::vector<std::string> tags;             ///< added to every exchange of the project
  text_pairs metadata;
  std::string zone;                          ///< IANA name for budget periods; empty: the gateway's
  unknown_price on_unknown_price = unknown_price::allow;
  bool blocked = false;
  bool operator==(const project_settings&) const = default;
};

/// What may be set of a key; identity and life-cycle fields are in key_info.
struct key_settings {
  std::string name;
  project_id project;                        ///< empty: not bound to one project (admin, operator, auditor only)
  access::role role = role::caller;
  std::vector<limit_rule> limits;
  std::vector<budget_rule> budgets;
  std::vector<route_name> routes;            ///< may use, within the project's; empty: all of those
  std::vector<std::string> scopes;           ///< operations such as `chat`, `embeddings`; empty: all that the role allows
  std::vector<std::string> tags;
  text_pairs metadata;
  std::optional<wall_time> expires;
  std::uint8_t priority = 1;                 ///< of its calls where they have to wait: 0 low, 1 normal, 2 high. Declared keys only: not stored
  bool may_ask_priority = false;             ///< a request's own header counts instead; declared keys only
  bool operator==(const key_settings&) const = default;
};

/// A key of the configuration file; its secret comes from the environment or a file and is hashed at once.
struct declared_key {
  key_id id;       ///< `key_` + name in the configuration
  secret text;     ///< any text of at least 16 bytes; need not have Andon's form
  key_settings settings;
};

struct route_settings {
  route_name name;
  std::vector<limit_rule> limits;   ///< `per` may name project, key, user
  std::vector<budget_rule> budgets;
};

/// Everything that the configuration file says about access.
struct declared_access {
  std::vector<project_settings> projects;
  std::vector<declared_key> keys;
  std::vector<route_settings> routes;        ///< all routes of the Plan; those not named here cannot be called
  std::vector<limit_rule> limits;            ///< of the gateway as a whole
  std::vector<budget_rule> budgets;
  std::string zone = "UTC";
};

/// Checks names, ranges, references and time zones. All problems at once, one line each, in `message`.
result<void> validate(const project_settings&);
result<void> validate(const key_settings&);
result<void> validate(const declared_access&);

}  // namespace andon::access
