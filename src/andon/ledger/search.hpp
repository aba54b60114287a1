#pragma once
// Questions to the ledger's index and their answers. The index thread writes (store.hpp), everyone else asks here.
// All values; a question is answered from one consistent snapshot; any thread may ask, several at once.
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/base/ids.hpp"
#include "andon/base/quantity.hpp"
#include "andon/ledger/filter.hpp"
#include "andon/ledger/journal_position.hpp"
#include "andon/ledger/record.hpp"

namespace andon::ledger {

/// What the asking role may see. It is applied apart from the filter, so no filter text can widen it.
class scope {
public:
  [[nodiscard]] static scope everything() { return scope{}; }
  [[nodiscard]] static scope only(project_id project) { scope s; s.project_ = std::move(project); return s; }
  [[nodiscard]] const std::optional<project_id>& project() const { return project_; }
private:
  scope() = default;
  std::optional<project_id> project_;
};

/// Bounds of one question: it ends with errc::total_timeout or errc::cancelled.
struct patience {
  deadline until;          ///< mono time of the store's clock
  std::stop_token stop{};
};

/// What a list shows of a Record, answered from the index alone.
struct summary {
  request_id id;
  position at;
  wall_time started;
  nanoseconds duration{}, first_token{}, upstream{};
  std::string project, key, user, session, route, model, provider, upstream_model, method, path, finish_reason;
  std::string error_message, client_address, user_agent, content_type, trace_id;
  std::vector<std::string> tags;
  std::vector<std::pair<std::string, std::string>> metadata;
  operation op = operation::other;
  errc outcome = errc::none;
  delivery delivered = delivery::none;
  price_state price = price_state::unknown;
  cache_use cache = cache_use::none;
  http_version http = http_version::none, upstream_http = http_version::none;   ///< of the client; of the last attempt
  bool stream = false, interrupted = false, estimated = false, truncated = false;
  std::uint16_t http_status = 0;
  std::uint32_t attempts = 0;
  nano_usd cost;
  tokens input, output, cached, reasoning;
  std::uint64_t request_bytes = 0, reply_bytes = 0;
  bool operator==(const summary&) const = default;
};

struct search_request {
  filter where;
  scope visible = scope::everything();
  std::string cursor;        ///< empty for the first page; else page::next, unchanged
  std::size_t limit = 50;    ///< 1 … 1000
  patience wait{};
};

/// Newest first by start time, then id. A cursor names the last row seen, so Records that arrive in between neither
/// repeat nor displace rows; it survives restarts and rebuilds of the index.
struct page {
  std::vector<summary> rows;
  std::string next;          ///< empty: no older matches
  bool complete = true;      ///< false while the index is being rebuilt: older Records may still be missing
};

/// Follows from now on: pass `follow_from()` first, then the returned `next`. Rows in the order they were indexed.
struct follow_request {
  filter where;
  scope visible = scope::everything();
  std::uint64_t after = 0;   ///< sequence
  std::size_t limit = 200;
  patience wait{};
};
struct followed {
  std::vector<summary> rows;
  std::uint64_t next = 0;
};

enum class measure : std::uint8_t { latency, ttft, upstream, cost, tokens };

struct aggregate_request {
  filter where;
  scope visible = scope::everything();
  std::vector<std::string> group_by;    ///< at most 3 field names; `meta.<key>` for a metadata key
  nanoseconds bucket{};                 ///< width of a time bucket by `started`; 0: one bucket
  std::vector<measure> percentiles_of;
  std::vector<double> percentiles{0.5, 0.9, 0.99};  ///< in (0, 1]; nearest rank, exact to 1 %
  std::size_t max_groups = 1000;        ///< 1 … 10,000; rows of further groups are summed into aggregated::other
  patience wait{};
};

struct aggregate_group {
  std::vector<std::string> keys;        ///< one per group_by field; empty text when the Record has none
  wall_time bucket_start{};
  std::uint64_t count = 0;
  std::uint64_t errors = 0;             ///< outcome is not none
  std::uint64_t unpriced = 0;           ///< price unknown: not in cost
  nano_usd cost;
  tokens input, output, cached, reasoning;
  nanoseconds latency_sum{};
  std::vector<std::vector<double>> percentiles;  ///< [percentiles_of][percentiles]; ns, nano_usd or tokens; NaN when nothing was measured
  [[nodiscard]] double error_rate() const { return count == 0 ? 0 : static_cast<double>(errors) / static_cast<double>(count); }
};

struct aggregated {
  std::vector<aggregate_group> groups;  ///< by bucket, then by count descending, then by keys
  aggregate_group total;                ///< of all matches, those of `other` included
  std::optional<aggregate_group> other;
  bool complete = true;
};

}  // namespace andon::ledger
