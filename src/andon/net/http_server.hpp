#pragma once
// The HTTP server of one core: HTTP/1.1, and HTTP/2 where a client chooses it (every stream is a call of its own).
//
// A listener accepts on its core's io_context (SO_REUSEPORT, one socket per core) and runs one coroutine per
// connection. An idle connection owns no buffer: it waits for readability, then borrows one. The handler is called
// once per request with an incoming_call; it must answer with respond(), or with start() … finish(), or abort(). What
// the handler leaves unread of the body is drained up to a bound, else the connection closes.
//
// The server refuses by itself, before any handler: malformed heads, both Content-Length and Transfer-Encoding,
// repeated or odd lengths, obsolete folding, NUL and control bytes, heads over the bound (431; 414 where the request line alone is), slow heads
// (408), transfer codings other than chunked (501), CONNECT (405), HTTP/1.1 without exactly one Host, connections over the bound (503). Such a refusal goes to the
// handler's `refused` hook so that it is counted; its `describe` words the answer; then the connection closes. Bad
// chunking and slow or oversized bodies are errors of read_body(), so that the handler answers them in its own form. A
// handler that returns without an answer gets 500 sent for it, in the words of `describe`.
//
// An error that a bound caused has the name of its field of server_limits as `param`.
//
// Threads: everything of a listener belongs to its core's thread.
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/net/core.hpp"
#include "andon/net/http_types.hpp"

namespace andon::net {

struct server_limits {
  std::size_t max_head = 64 * 1024;
  std::size_t max_body = 32u << 20;                 ///< as received and as unpacked
  nanoseconds handshake_timeout = std::chrono::seconds{10};  ///< TLS established, from the connection's first moment
  nanoseconds head_timeout = std::chrono::seconds{15};   ///< from a head's first byte to its last
  nanoseconds body_timeout = std::chrono::seconds{60};   ///< between two reads of a body
  nanoseconds receive_timeout = std::chrono::minutes{10};  ///< from a head's first byte to the body's last
  nanoseconds idle_timeout = std::chrono::minutes{5};    ///< keep-alive without a request
  nanoseconds write_timeout = std::chrono::seconds{60};  ///< a client that takes nothing for this long is gone
  bool http2 = true;   ///< also without TLS, from clients that begin with it ("prior knowledge")
  std::size_t max_connections = 100'000;            ///< per core; one more is answered 503 and closed
};

/// One request being answered. Lives on the connection's coroutine; used only by the handler that got it, on its core.
class incoming_call {
public:
  virtual ~incoming_call() = default;

  [[nodiscard]] virtual std::string_view method() const = 0;
  [[nodiscard]] virtual std::string_view path() const = 0;   ///< as sent, without the query; not percent-decoded
  [[nodiscard]] virtual std::string_view query() const = 0;
  [[nodiscard]] virtual std::span<const header> headers() const = 0;
  [[nodiscard]] virtual std::string_view peer_address() const = 0;  ///< without the port
  [[nodiscard]] virtual bool encrypted() const = 0;                 ///< it came through TLS
  [[nodiscard]] virtual spoken_http spoken() const = 0;
  [[nodiscard]] virtual mono_time arrived() const = 0;              ///< when the head's first byte was read

  /// The whole body, un-chunked and unpacked (gzip, deflate, br, zstd). Sends 100 Continue where asked. The view lives
  /// until the answer is finished. Errors: body_too_large, bad_http, unsupported_encoding, client_timeout, client_gone.
  virtual task<result<std::string_view>> read_body() = 0;

  /// A whole answer in one write. Content-Length, Date and Connection are added; such headers among the given ones are
  /// left out, as is Transfer-Encoding. HEAD, 204 and 304 get no body. Errors: client_gone; invalid_argument (a header's
  /// name or value holds a byte that is not allowed: nothing was sent, answer again).
  virtual task<result<void>> respond(int status, std::span<const header> headers, std::string_view body) = 0;

  /// A streamed answer: chunked for HTTP/1.1, until-close for 1.0. The head goes out together with the first write.
  virtual void start(int status, std::span<const header> headers) = 0;
  /// One write of one chunk; returns when the kernel took it (flow control). Errors: client_gone.
  virtual task<result<void>> write(std::string_view bytes) = 0;
  /// Last bytes (may be empty) and the terminator in one write.
  virtual task<result<void>> finish(std::string_view last_bytes) = 0;
  /// Ends a started answer without its terminator, so that no client takes it for complete; closes the connection.
  virtual void abort() = 0;

  /// Calls `gone` once, on the core's thread, when the client closes or resets while the handler works. Costs no system
  /// call until it happens, but one for calls that last longer than 50 ms. A client that shuts only its sending side
  /// counts as gone; pipelined requests do not. Dropped by on_client_gone(nullptr) and when the handler returns.
  virtual void on_client_gone(std::function<void()> gone) = 0;
};

class tls_server_context;

/// What a client reads when the server answers by itself; the status is that of the error.
struct refusal_answer {
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  header_lines more;   ///< further headers; Content-Length, Date and Connection are added
};

class request_handler {
public:
  virtual ~request_handler() = default;
  virtual task<void> handle(incoming_call& call) = 0;
  /// A request, or a connection, refused before it became a call.
  virtual void refused(const error& why, std::string_view peer_address) = 0;
  /// The server's own answers in the handler's words and form; the error's message as plain text where it is not overridden.
  virtual refusal_answer describe(const error& why);
};

/// What a server has seen so far.
struct server_counts {
  std::uint64_t accepted = 0;
  std::uint64_t turned_away = 0;   ///< over max_connections
  std::uint64_t requests = 0;      ///< handed to the handler
  std::uint64_t refused = 0;       ///< requests, before they became a call
  std::uint64_t handshakes = 0;        ///< TLS established
  std::uint64_t handshakes_resumed = 0;
  std::uint64_t handshakes_failed = 0;
  std::uint64_t accept_failures = 0;  ///< out of descriptors or memory; each backs off
  std::size_t open = 0;            ///< connections now
};

/// The listener of one core and its connections.
///
/// Life cycle: construct, listen() (before the core runs, or on its thread), drain() or stop(), destroy. It must be
/// destroyed before its core. Several cores listen on one address (SO_REUSEPORT): for port 0 let the first listen, and
/// the others on the port that it got.
class http_server {
public:
  http_server(core& at, request_handler& handler, const server_limits& limits);
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;
  ~http_server();

  /// Once per server. A literal IPv4 or IPv6 address. Gives the port. Errors: invalid_argument, io_error (address in use …).
  /// The kernel lets any process of the same user share a SO_REUSEPORT address; `first` makes sure that nobody holds it.
  enum class place : std::uint8_t { first, beside_own };
  result<std::uint16_t> listen(std::string_view address, std::uint16_t port, place where = place::first);
  /// Connections to come speak TLS with this certificate (null: plain); those of now keep what they have.
  void use_tls(std::shared_ptr<const tls_server_context> with);
  /// Serves an already connected stream socket; takes it over.
  void adopt(int descriptor);

  /// Stops accepting, closes idle connections, ends keep-alive on busy ones, and waits until all have ended (true) or
  /// the deadline passed (false: the rest is closed, their handlers see client_gone).
  task<bool> drain(deadline until);
  /// Closes everything at once.
  void stop();

  [[nodiscard]] server_counts counts() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace andon::net
