#pragma once
// What the admin API writes into the audit log: every request but reading ones, refused ones included.
//
// Threads: refusal_pace belongs to the admin core; the rest is plain values.
#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "andon/admin/request.hpp"
#include "andon/admin/route_table.hpp"
#include "andon/base/clock.hpp"
#include "andon/ledger/audit_log.hpp"

namespace andon::admin {

/// An act is what is not mere reading.
[[nodiscard]] bool is_act(const admin_path& path);

/// Who, from where, what; the outcome comes later.
[[nodiscard]] ledger::audit_entry audit_entry_of(const admin_path& path, const request& asked, std::string_view called_path, std::string_view peer);
/// The outcome, with what the handler noted.
void conclude(ledger::audit_entry& entry, const act_note& noted, const result<reply>& with, nanoseconds took);

/// For handlers: what was acted on, the project it belongs to (empty: the installation), and its settings before and
/// after. Only fields that differ are kept, and no part of a secret.
void note_act(const request& asked, std::string target, const project_id& project, boost::json::object before, boost::json::object after);

[[nodiscard]] boost::json::object to_json(const ledger::audit_entry& from);

/// Keeps a key that is refused again and again from filling the log: in each minute a key's first refusals are listed,
/// the others counted in the next one that is.
class refusal_pace {
public:
  static constexpr std::uint32_t listed_per_minute = 20;
  static constexpr std::size_t max_keys = 4'096;

  /// True: list this one, with `unlisted` that came before it.
  bool list(std::string_view key, mono_time now, std::uint32_t& unlisted);

private:
  struct entry {
    mono_time since;
    std::uint32_t listed = 0, unlisted = 0;
  };
  std::unordered_map<std::string, entry> keys_;
};

}  // namespace andon::admin
