#pragma once
// What a handler of the admin API gets and gives back. Plain values: handlers run on the API's own threads.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "andon/access/directory.hpp"
#include "andon/ledger/search.hpp"

namespace andon::admin {

/// `%41` and `+` undone; nothing when an escape is broken or hides a NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

/// The arguments behind `?`, decoded, in their order.
class query_arguments {
public:
  query_arguments() = default;
  /// errc::invalid_argument: broken escapes, a name that is not among `known` (separated by spaces), a name twice
  /// that is not marked there with a `*`.
  static result<query_arguments> parse(std::string_view text, std::string_view known);

  [[nodiscard]] std::string_view text(std::string_view name) const;   ///< empty if absent
  [[nodiscard]] std::vector<std::string_view> texts(std::string_view name) const;  ///< all, of one that may be repeated
  [[nodiscard]] bool has(std::string_view name) const;
  /// errc::invalid_argument when present but no number within the bounds.
  [[nodiscard]] result<std::uint64_t> number(std::string_view name, std::uint64_t missing, std::uint64_t least, std::uint64_t most) const;
  [[nodiscard]] result<bool> flag(std::string_view name) const;       ///< absent: false
  [[nodiscard]] result<nanoseconds> duration(std::string_view name, nanoseconds missing, nanoseconds most) const;

private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

/// What a handler says of its act for the audit log.
struct act_note {
  std::string target;          ///< `key key_1`; empty: nothing beyond what the path says
  project_id project;          ///< that it concerned; empty: the installation
  std::string before, after;   ///< JSON objects, or empty
};

struct request {
  access::caller who;          ///< empty on paths that anyone may call
  std::string argument;        ///< what stands for `{…}` in the pattern, decoded
  std::string second;          ///< the same of the pattern's second one
  query_arguments query;
  std::string body;
  ledger::patience wait;       ///< ends with the client's patience
  wall_time now;
  act_note* act = nullptr;     ///< of requests that are not mere reading; note_act() fills it
};

struct reply {
  int status = 200;
  std::string body;
  std::string_view content_type = "application/json";
  bool nothing_yet = false;    ///< of a long poll: ask again later
  bool has_form = false;       ///< a page with a form that posts to this host
  std::string problem;         ///< of a page that tells of an error: why, for the audit log
  std::string retry_after;     ///< seconds, for the header; empty: none
};

/// Takes one piece of a streamed reply; an error ends it.
using piece_writer = std::function<result<void>(std::string_view piece)>;

}  // namespace andon::admin
