#pragma once
// The HTTP client of one core: a pool of kept-alive connections per endpoint, over TCP or TLS. HTTP/1.1, and HTTP/2
// where the endpoint says so: then many calls share a connection.
//
//   net::http_client client{core, resolver, {}};
//   auto reply = co_await client.send(to, request, until);       // the head has arrived
//   if (!reply) …                                                // reply.error()
//   for (;;) {
//     auto part = co_await (*reply)->read_some();                // or read_all(limit)
//     if (!part || part->empty()) break;                         // failure, or the proper end
//   }
//
// Life cycle: replies go before the client, the client before its core and the resolver. Destroying the client closes
// every idle connection; calls still waiting fail with `cancelled`.
// Threads: one client per core, used on that core's thread only. DNS runs on the shared resolver's threads.
// Every wait takes a deadline. Cancelling: destroy the reply, or call abort(). A connection whose reply was not read to
// its end is closed, never reused (with HTTP/2 its stream is reset, and the connection goes on).
//
// Errors of send() and of the reply's reads, each with a message that names host:port and what to do:
//   dns_failed, connect_failed, tls_failed (says why a certificate was refused), connect_timeout, first_token_timeout,
//   idle_timeout, total_timeout, upstream_reset, upstream_bad_reply, cancelled; overloaded when the endpoint has
//   max_connections and none becomes free in time; invalid_argument when the request cannot be written (a CR, LF or NUL
//   in method, target or a header).
//
// A kept-alive connection that turns out to be closed within 100 ms after the request was sent, before any byte of the
// reply came, is replaced once by a fresh one and the request sent again. Nothing is ever sent twice after that time,
// after a byte of the reply, or on a fresh connection: that is upstream_reset, and the caller decides. With HTTP/2 a call
// is also sent once more, on another connection, when the provider says that it did nothing for it: refused, or begun
// after what its GOAWAY names.
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/net/core.hpp"
#include "andon/net/http_types.hpp"

namespace andon::net {

class core;
class resolver;

/// An HTTP proxy that tunnels by CONNECT; none without a host.
struct proxy_address {
  std::string host{};
  std::uint16_t port = 0;
  std::string authorization{};   ///< value of Proxy-Authorization; empty: none
  bool operator==(const proxy_address&) const = default;
};

/// Where to. Equal endpoints share a pool.
struct endpoint {
  std::string host;            ///< a name or a literal address, IPv6 with or without brackets
  std::uint16_t port = 0;
  bool tls = false;
  std::string ca_file{};       ///< PEM; empty: the system's store
  bool verify = true;          ///< false only when the configuration says so, which logs a warning at start
  std::string certificate_file{};   ///< PEM: the certificate to show, its chain, and the key where key_file is empty
  std::string key_file{};
  proxy_address proxy{};       ///< used for TLS only
  http_version http = http_version::only_1_1;
  bool operator==(const endpoint&) const = default;
};

struct outgoing_request {
  std::string_view method;
  std::string_view target;                    ///< path and query
  std::span<const header> headers;            ///< without Host, Content-Length, Connection: the client adds them.
                                              ///< Accept-Encoding is the caller's: replies that come packed are unpacked
  std::string_view body;                      ///< must outlive send()
};

struct call_deadlines {
  deadline connect;      ///< TCP and TLS established (only where no pooled connection serves)
  deadline first_byte;   ///< head of the reply
  deadline total;        ///< everything
  nanoseconds idle{};    ///< between two reads of the body; zero: no limit of its own
};

/// Cancels a call from outside, also while send() still waits: give it to send(), which keeps no hold on it beyond its
/// life: once it is destroyed, or used for another call, it has no effect on this one any more. From the core's thread.
class call_switch {
public:
  call_switch() = default;
  call_switch(const call_switch&) = delete;  // the call refers to it
  call_switch& operator=(const call_switch&) = delete;
  ~call_switch() {
    if (to_ != nullptr) to_->from_ = nullptr;
  }

  /// The call's wait ends with `cancelled`; the waiting coroutine may run, and destroy this, before this returns.
  void cancel() {
    cancelled_ = true;
    if (to_ != nullptr) to_->call_(to_->context_);
  }
  [[nodiscard]] bool cancelled() const { return cancelled_; }

  /// The end that is cancelled: the client's.
  class listener {
  public:
    using callback = void (*)(void* context);
    listener(callback call, void* context) : call_(call), context_(context) {}
    listener(const listener&) = delete;  // the switch refers to it
    listener& operator=(const listener&) = delete;
    ~listener() { listen_to(nullptr); }
    void listen_to(call_switch* from) {
      if (from_ != nullptr) from_->to_ = nullptr;
      from_ = from;
      if (from == nullptr) return;
      if (from->to_ != nullptr) from->to_->from_ = nullptr;
      from->to_ = this;
    }

  private:
    friend call_switch;
    call_switch* from_ = nullptr;
    callback call_;
    void* context_;
  };

private:
  listener* to_ = nullptr;
  bool cancelled_ = false;
};

struct call_timings {
  nanoseconds connect{};      ///< 0 when a pooled connection served
  nanoseconds first_byte{};   ///< from send() to the reply's head
  bool reused = false;
  bool renewed = false;       ///< the request had been sent on a kept-alive connection first, which turned out to be closed
};

/// A reply whose head has arrived. The body is pulled.
class client_reply {
public:
  [[nodiscard]] virtual int status() const = 0;
  /// As received, without Content-Encoding and Content-Length where the body is being unpacked.
  /// Views live as long as the reply.
  [[nodiscard]] virtual std::span<const header> headers() const = 0;
  [[nodiscard]] virtual const call_timings& timings() const = 0;
  [[nodiscard]] virtual spoken_http spoken() const = 0;
  /// Next bytes of the body, un-chunked and unpacked, as soon as any are there; an empty view is the proper end. The
  /// view lives until the next call. Errors: upstream_reset (closed early, body shorter than declared),
  /// upstream_bad_reply (bad chunking or packing), idle_timeout, total_timeout, cancelled.
  virtual task<result<std::string_view>> read_some() = 0;
  /// All of it; fails with upstream_bad_reply when larger than `limit`. The view lives as long as the reply.
  virtual task<result<std::string_view>> read_all(std::size_t limit) = 0;
  /// Makes a pending read fail with `cancelled` at once and closes the connection. From the core's thread; may resume
  /// the reader, which may let the reply go, before it returns. Doing it twice is harmless.
  virtual void abort() = 0;
  /// What reply_ptr calls: gives the connection back to its pool, or closes it.
  virtual void release() noexcept = 0;

protected:
  ~client_reply() = default;
};

struct release_reply {
  void operator()(client_reply* reply) const noexcept { reply->release(); }
};
/// Owns a reply. Not a heap object of its own: the reply lives in its connection.
using reply_ptr = std::unique_ptr<client_reply, release_reply>;

struct client_settings {
  std::size_t max_connections = 16'384;                    ///< per endpoint and core, idle and busy
  std::size_t max_idle = 512;                              ///< per endpoint and core
  nanoseconds idle_expiry = std::chrono::seconds{45};      ///< a connection unused for this long is closed
  std::size_t max_head = 64 * 1024;                        ///< bytes of a reply's head
  nanoseconds dns_ttl = std::chrono::seconds{30};          ///< then resolved again, in the background
  nanoseconds attempt_stagger = std::chrono::milliseconds{250};   ///< then the next address is tried beside the one before
  std::size_t max_streams = 256;                           ///< HTTP/2: calls at once on a connection, where its peer allows as many
  nanoseconds ping_after = std::chrono::seconds{15};       ///< HTTP/2: a connection that calls wait on and that is silent for so long is asked whether it lives,
  nanoseconds ping_patience = std::chrono::seconds{5};     ///< and given up when it doesn't answer
};

struct client_counts {
  std::uint64_t opened = 0;     ///< connections established
  std::uint64_t reused = 0;     ///< requests on a kept-alive connection
  std::uint64_t retried = 0;    ///< requests repeated because the kept-alive connection was dead, or the provider had refused them undone
  std::size_t idle = 0;         ///< connections waiting in pools
  std::size_t busy = 0;         ///< connections serving
};

class http_client {
public:
  http_client(core& on, resolver& names, const client_settings& settings = {});
  ~http_client();
  http_client(const http_client&) = delete;  // connections refer to it
  http_client& operator=(const http_client&) = delete;

  /// Sends the request and waits for the head of the reply (1xx are skipped). `to`, `request` and all it refers to must
  /// live until this has ended. CPU: about one write and one read system call on a kept-alive connection.
  task<result<reply_ptr>> send(const endpoint& to, const outgoing_request& request, const call_deadlines& until,
                               call_switch* stop = nullptr);

  void close_idle();
  /// Reads the files of trust and of own certificates again. Connections made from now on use them; those in use end as they
  /// are, idle ones are closed. What cannot be read leaves the one before in force and is told. From the core's thread.
  void renew_trust(const std::function<void(const endpoint&, const error&)>& refused);
  [[nodiscard]] client_counts counts() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace andon::net
