#pragma once
// One drill: what was asked for, in which bounds, and what came of it. Plain values.
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"

namespace andon::drill {

enum class kind : std::uint8_t { provider_down, store_down, node_kill, restore };
std::string_view to_string(kind);                      ///< `provider-down`, …
std::optional<kind> parse_kind(std::string_view text);

/// Who starts a killed gateway again.
enum class restarter : std::uint8_t { supervisor, caller };

struct order {
  kind what = kind::provider_down;
  std::string target;                ///< provider-down: a model of the configuration, or a provider (all of its models)
  double share = 1;                  ///< provider-down: of the attempts, in (0, 1]
  nanoseconds span = std::chrono::seconds{60};  ///< at most so long
  bool even_when_firing = false;     ///< although an alert that pages is firing
  restarter back_by = restarter::supervisor;    ///< node-kill
  std::string who, role;             ///< handle and role of the key that asked
};

/// `running`: something is broken. `settling`: it is whole again, recovery is being measured. `killed`: the process is to be gone.
enum class phase : std::uint8_t { running, settling, killed, over };
std::string_view to_string(phase);

/// What was measured; absent: not of this drill, or it never happened.
struct realised {
  std::optional<double> failover_s;      ///< provider-down: from the first refused call until a call was served elsewhere
  std::optional<double> recovery_s;      ///< from the end of the failure until it was as before; see the guide for each kind
  std::optional<std::uint64_t> calls, failed;  ///< provider-down: that ended meanwhile on the target's routes, and those of them in error
  std::optional<std::uint64_t> refused_attempts;
  std::optional<std::uint64_t> appended, indexed, most_waiting;  ///< store-down: Records meanwhile, Records indexed until recovery
  std::optional<std::uint64_t> data_loss;      ///< Records that were there before and are not after
  std::optional<std::uint64_t> records, bytes; ///< restore: in the restored ledger; of the backup
  std::optional<double> backup_s;        ///< restore
};

/// What is remembered of a process across its death.
struct kill_mark {
  wall_time at;
  mono_time mono;
  std::string boot;                      ///< the machine's boot: mono times compare within one
  std::vector<std::pair<std::uint32_t, std::uint64_t>> streams;  ///< Records of each journal stream
};

struct drill {
  std::int64_t id = 0;
  order asked;
  phase now = phase::running;
  wall_time began;
  std::optional<wall_time> lifted, ended;
  std::string outcome;                   ///< in one word: `recovered`, `not-recovered`, `no-failover`, `no-traffic`, `stopped`, `interrupted`, `failed`; empty while it runs
  std::string note;                      ///< what to know of it, for a person
  realised got;
  std::optional<kill_mark> mark;
};

/// For the API; `mark` too for the book.
enum class detail : std::uint8_t { shown, kept };
boost::json::object to_json(const drill& from, detail how = detail::shown);
/// errc::corrupt: not written by to_json.
result<drill> from_json(std::string_view text);

}  // namespace andon::drill
