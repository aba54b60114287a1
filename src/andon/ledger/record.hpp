#pragma once
// The Record: the one immutable account of an exchange. Billing, search, objectives and audits are computed from
// Records and from nothing else. This is the in-memory form; record_codec.hpp turns it into journal bytes and back.
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/base/ids.hpp"
#include "andon/llm/usage.hpp"

namespace andon::ledger {

enum class operation : std::uint8_t { chat, completion, embeddings, models, other, feedback };
/// What is known of the price. `unknown` is counted and alarmed; it is never a cost of 0. `unknown_tier` is alarmed too:
/// the service tier has no price, and the cost is the standard tier's in its place.
enum class price_state : std::uint8_t { unknown, known, free, unknown_tier };
/// complete: the client got everything. cut: it got a part (see outcome). none: nothing was sent.
enum class delivery : std::uint8_t { none, cut, complete };
/// How the call met the cache. none: its route has none. hit, semantic, shared: no target was called for it; `shared` is
/// the reply of an identical call that was under way.
enum class cache_use : std::uint8_t { none, off, miss, refresh, hit, semantic, shared };

/// Whether the reply has the structure that the request asked for. unchecked: it asked for none, or the route does not demand it.
enum class structure : std::uint8_t { unchecked, valid, invalid };
/// How an exchange's bytes travelled and lie; bits of record::transport.
enum transport_bit : std::uint8_t {
  client_encrypted = 1,    ///< TLS from the client, or a connection that never left the machine
  provider_encrypted = 2,  ///< the same of every attempt; also without attempts
  stored_encrypted = 4,    ///< the ledger encrypts at rest
};

/// The HTTP that was spoken. none: not known, because it was not noted yet when the Record was written, or no reply's head came.
enum class http_version : std::uint8_t { none, http_1_0, http_1_1, http_2 };

/// The stages of the path in their order; indexes into record::stage_nanos.
enum class stage : std::uint8_t { receive, identify, decode, admit, prepare, inspect_in, recall, dispatch, inspect_out, encode, close, count_ };
inline constexpr std::size_t stage_count = static_cast<std::size_t>(stage::count_);

/// One try of one target.
struct attempt {
  model_name model;
  provider_name provider;
  std::string upstream_model;       ///< the provider's name of the model
  std::string address;              ///< host:port
  std::string upstream_request_id;  ///< the provider's x-request-id
  errc outcome = errc::none;
  std::uint16_t http_status = 0;    ///< 0: no status arrived
  nanoseconds started{};            ///< after record::started
  nanoseconds connect{};            ///< 0 when a pooled connection served
  nanoseconds first_byte{};         ///< from started to the reply's head
  nanoseconds total{};
  std::string error_message;
  std::uint16_t key = 0;            ///< which of the provider's credentials, from 1; 0: it has one or none
  http_version http = http_version::none;   ///< of the reply
  bool operator==(const attempt&) const = default;
};

struct record {
  request_id id;
  wall_time started;
  nanoseconds duration{};
  project_id project;                ///< empty when the caller is unknown
  key_id key;
  std::string user;                  ///< the request's `user` or `safety_identifier`
  std::string session;               ///< x-andon-session
  operation op = operation::other;
  std::string method, path;
  route_name route;                  ///< what the client asked for
  model_name model;                  ///< what served it
  provider_name provider;
  std::string upstream_model;        ///< as the reply says
  bool stream = false;
  errc outcome = errc::none;
  std::uint16_t http_status = 0;     ///< what the client received
  std::string error_message;
  delivery delivered = delivery::none;
  std::string finish_reason;
  llm::usage use;
  nano_usd cost;
  price_state price = price_state::unknown;
  cache_use cache = cache_use::none;
  nano_usd saved;                    ///< what the call had cost that the kept reply came from
  bool interrupted = false;          ///< closed by recovery after a crash
  std::string client_address, user_agent;
  std::string trace_id, span_id;     ///< hex; the caller's trace, this exchange's span
  std::vector<std::string> tags;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::string content_type;          ///< of the reply body
  std::string request_body;          ///< as received (after Content-Encoding)
  std::string reply_body;            ///< as a non-streamed reply would be: a stream is assembled
  std::uint64_t request_bytes = 0;   ///< full sizes, larger than the texts above only when those are truncated
  std::uint64_t reply_bytes = 0;
  bool request_truncated = false, reply_truncated = false;
  std::uint32_t stream_events = 0;
  nanoseconds first_token{};         ///< to the first content byte sent to the client; 0: none
  nanoseconds upstream{};            ///< spent waiting for providers
  std::array<std::int64_t, stage_count> stage_nanos{};
  std::vector<attempt> attempts;
  std::string region;                ///< of the model that served, where its configuration names one
  structure structured = structure::unchecked;
  std::uint8_t transport = 0;        ///< transport_bit
  http_version http = http_version::none;   ///< of the client's request
  bool operator==(const record&) const = default;
};
/// Of the last attempt, which served if any did.
inline http_version upstream_http(const record& r) { return r.attempts.empty() ? http_version::none : r.attempts.back().http; }

/// What is journalled at admission, so that a crash cannot lose a call or its reservation.
struct opened {
  request_id id;
  wall_time started;
  project_id project;
  key_id key;
  std::string user;
  std::vector<std::string> tags;
  operation op = operation::other;
  route_name route;
  tokens reserved_tokens;
  nano_usd reserved;
  price_state price = price_state::unknown;   ///< of what is reserved
  bool operator==(const opened&) const = default;
};

}  // namespace andon::ledger
