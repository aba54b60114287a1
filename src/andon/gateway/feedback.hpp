#pragma once
// What people make of replies: `POST /v1/feedback`, with the key that made the call. It becomes a Record of operation
// `feedback`, so that it is stored, searched, exported and replayed like everything else; its values stand in the Record's
// metadata under names that begin with `feedback.`, a comment stays in the body alone. Whoever counts (satisfaction,
// resolution) joins it with the call by project and request id or session: an id of another project meets nothing.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "andon/base/error.hpp"
#include "andon/gateway/stages.hpp"

namespace andon::gateway {

/// What one body says. Absent: not said.
struct feedback {
  std::string request, session, user, prompt;   ///< what it is about; prompt: the version of a prompt
  std::optional<double> score;                  ///< 0 to 1, larger is better
  std::optional<bool> thumbs_up;
  std::optional<std::int64_t> csat;             ///< 1 to 5: how satisfied
  std::optional<std::int64_t> nps;              ///< 0 to 10: would recommend
  std::optional<bool> resolved;                 ///< the conversation solved what it was about
  bool comment = false;                         ///< there is one
};

/// Strict: an unknown field, a wrong type or a value out of bounds is errc::bad_request that names it; errc::bad_json.
[[nodiscard]] result<feedback> read_feedback(std::string_view body);
/// As a Record's metadata tells it: names without values are left out.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> as_metadata(const feedback& said);

[[nodiscard]] bool is_feedback_path(std::string_view path);

/// Limits count it as a request; it reserves and costs nothing. Answers 201 with the id of its Record.
net::task<result<void>> take_feedback(gateway& on, exchange& x);

}  // namespace andon::gateway
