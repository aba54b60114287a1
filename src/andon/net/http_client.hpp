#pragma once
// The HTTP/1.1 client of one core: a pool of kept-alive connections per endpoint, over TCP or TLS.
//
// Threads: one client per core, used on that core's thread only. DNS runs on a shared resolver thread.
// Every wait takes a deadline. Cancelling: destroy the reply, or call abort(); a connection whose reply was not read to
// its end is closed, never reused.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/net/core.hpp"
#include "andon/net/http_types.hpp"

namespace andon::net {

/// Where to. Equal endpoints share a pool.
struct endpoint {
  std::string host;
  std::uint16_t port = 0;
  bool tls = false;
  std::string ca_file;         ///< empty: the system's store
  bool verify = true;          ///< false only when the configuration says so, which logs a warning at start
  bool operator==(const endpoint&) const = default;
};

struct outgoing_request {
  std::string_view method;
  std::string_view target;                    ///< path and query
  std::span<const header> headers;            ///< without Host, Content-Length, Connection: the client adds them
  std::string_view body;                      ///< must outlive send()
};

struct call_deadlines {
  deadline connect;      ///< TCP and TLS established
  deadline first_byte;   ///< head of the reply
  deadline total;        ///< everything
  nanoseconds idle{};    ///< between two reads of the body
};

struct call_timings {
  nanoseconds connect{};      ///< 0 when a pooled connection served
  nanoseconds first_byte{};   ///< from send() to the reply's head
  bool reused = false;
};

/// A reply whose head has arrived. The body is pulled.
class client_reply {
public:
  virtual ~client_reply() = default;
  [[nodiscard]] virtual int status() const = 0;
  [[nodiscard]] virtual std::span<const header> headers() const = 0;
  [[nodiscard]] virtual const call_timings& timings() const = 0;
  /// Next bytes of the body, un-chunked, as soon as any are there; an empty view is the proper end. The view lives until
  /// the next call. Errors: upstream_reset (closed early, body shorter than declared), upstream_bad_reply (bad chunking),
  /// idle_timeout, total_timeout, cancelled.
  virtual task<result<std::string_view>> read_some() = 0;
  /// All of it; fails with upstream_bad_reply when larger than `limit`. The view lives as long as the reply.
  virtual task<result<std::string_view>> read_all(std::size_t limit) = 0;
  /// Makes a pending read fail with `cancelled` at once and closes the connection. From the core's thread.
  virtual void abort() = 0;
};

}  // namespace andon::net
