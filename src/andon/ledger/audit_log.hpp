#pragma once
// The audit log: who did what to the installation, when, from where, and how it ended.
//
// A journal of its own in <data>/audit: acts are kept when Records expire, are not counted among them, and are
// encrypted with the same keyring. Two entries an act: one before it is done, one with its outcome, so that an act that
// a crash interrupted is listed too (closed at the next start, marked interrupted). What was appended survives kill -9
// at once, a power loss when end() returns.
//
// Life cycle: open → begin/end/read → destroy. Threads: all functions from any thread; end() and read() block on disk.
// Space: at most audit_options::max_disk_bytes; then the oldest acts go, which is counted and alarmed.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/base/ids.hpp"
#include "andon/base/secret.hpp"
#include "andon/ledger/journal_position.hpp"
#include "andon/ledger/record_codec.hpp"
#include "andon/ledger/search.hpp"

namespace andon::metrics { class registry; }

namespace andon::ledger {

class file_operations;

/// One administrative act. Holds no secret: whoever fills it in takes care.
struct audit_entry {
  request_id id;                  ///< made by begin() when nil
  wall_time began;
  nanoseconds took{};
  bool interrupted = false;       ///< the program ended before the act did; status is 0
  std::string key, role;          ///< who: public handle of the key; `signal` or `file` for acts without one
  std::string project;            ///< that the key is bound to; empty: none
  std::string peer;               ///< address it came from
  std::string action;             ///< `POST /api/v1/keys/{id}/rotate`
  std::string path;               ///< as it was called, with the query
  std::string target;             ///< what was acted on: `key key_1`, `project shop`, `model gpt`
  std::string target_project;     ///< the project that the act concerned; empty: the installation
  std::string before, after;      ///< JSON objects of what changed, or empty; cut beyond 8 KiB
  std::uint16_t status = 0;       ///< HTTP status of the reply
  std::string reason;             ///< of a refusal
  std::uint32_t unlisted = 0;     ///< refusals of this key that came too fast to be listed one by one, before this one
  bool operator==(const audit_entry&) const = default;
};

[[nodiscard]] std::vector<unsigned char> encode_audit(const audit_entry& from, bool ended);
/// The entry, and whether it is the one with the outcome. errc::corrupt.
[[nodiscard]] result<std::pair<audit_entry, bool>> decode_audit(byte_span bytes);

struct audit_options {
  std::filesystem::path data;                    ///< the data directory
  std::optional<secret> master_key;              ///< as the ledger's: set together or not at all
  std::uint64_t segment_bytes = 256u << 10;
  std::uint64_t max_disk_bytes = 256u << 20;     ///< about half a million acts
  file_operations* files = nullptr;              ///< null: the machine's
};

struct audit_query {
  std::optional<wall_time> since, until;         ///< began at or after; began before
  std::optional<std::string> only_project;       ///< acts that concerned this project, and no others
  std::string key, target;                       ///< empty: any
  bool refused = false;                          ///< only what did not succeed
  std::optional<position> before;                ///< cursor: audit_page::next
  std::size_t limit = 100;
  patience wait;
};

struct audit_page {
  std::vector<audit_entry> entries;              ///< newest first
  std::optional<position> next;                  ///< set: there may be more
};

class audit_log {
public:
  /// Takes <data>/audit, closes the acts that a crash interrupted. errc::locked, forbidden (encrypted, and no or a
  /// wrong master key), io_error, disk_full, corrupt.
  [[nodiscard]] static result<std::unique_ptr<audit_log>> open(audit_options options, const clock& time, metrics::registry* metrics);
  ~audit_log();
  audit_log(const audit_log&) = delete;
  audit_log& operator=(const audit_log&) = delete;

  /// Before the act is done; gives it its id. Does not block. errc::disk_full, io_error: counted and alarmed.
  result<void> begin(audit_entry& act);
  /// `on_disk`: blocks until a power loss cannot take it. `in_memory`: does not block; survives the process, and a power
  /// loss with the next act that is on disk.
  enum class safety : std::uint8_t { on_disk, in_memory };
  /// After it, with its outcome.
  result<void> end(const audit_entry& act, safety how = safety::on_disk);
  /// Both in one, for an act that was refused before it began.
  result<void> note(audit_entry& act, safety how);

  /// errc::io_error, and cancelled or deadline_exceeded by the query's patience.
  [[nodiscard]] result<audit_page> read(const audit_query& query) const;
  [[nodiscard]] std::uint64_t failures() const;  ///< entries that could not be written, since start

private:
  struct state;
  explicit audit_log(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

}  // namespace andon::ledger
