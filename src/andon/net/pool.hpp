#pragma once
// The connections of one endpoint on one core: idle ones kept for the next call, new ones opened within bounds.
// Private to the client.
#include <memory>
#include <string>
#include <vector>

#include "andon/net/client_connection.hpp"
#include "andon/net/client_waits.hpp"
#include "andon/net/connect_race.hpp"
#include "andon/net/http2_links.hpp"
#include "andon/net/http_client.hpp"
#include "andon/net/resolver.hpp"
#include "andon/net/tls.hpp"

namespace andon::net {

/// A connection that the peer had closed before the request tells so within a round trip. What lasts longer may be a
/// provider at work on the request, whose calls cost money.
constexpr nanoseconds stale_within = std::chrono::milliseconds{100};
constexpr std::string_view renewed_note = " (on a new connection: the kept-alive one had been closed)";

/// What the pools of a client share.
struct pool_context {
  core& at;
  resolver& names;
  client_settings settings;
  client_counts counts;
  std::string scratch{};   ///< where heads of requests are composed
};

constexpr std::string_view alpn_http1 = "\x08http/1.1";
constexpr std::string_view alpn_http2 = "\x02h2";
constexpr std::string_view alpn_both = "\x02h2\x08http/1.1";

/// What an endpoint speaks. What ALPN told holds as long as a connection of that time lives.
enum class spoken : std::uint8_t { http1, http2, unknown };

class endpoint_pool {
public:
  endpoint_pool(pool_context& in, const endpoint& to);
  endpoint_pool(const endpoint_pool&) = delete;  // connections refer to it
  endpoint_pool& operator=(const endpoint_pool&) = delete;

  [[nodiscard]] const endpoint& to() const { return to_; }
  [[nodiscard]] const std::string& name() const { return name_; }                ///< host:port
  [[nodiscard]] const std::string& host_header() const { return host_header_; }
  [[nodiscard]] const std::string& bare_host() const { return bare_host_; }      ///< without brackets
  [[nodiscard]] bool proxied() const { return to_.tls && !to_.proxy.host.empty(); }
  [[nodiscard]] pool_context& context() { return context_; }
  [[nodiscard]] tls_resumption& resumption() { return resumption_; }
  [[nodiscard]] const std::shared_ptr<tls_context>& tls() const { return tls_; }
  /// For connections to come; sessions of other contexts are forgotten, and not taken from those still in use.
  void use_tls(std::shared_ptr<tls_context> shared) {
    tls_ = std::move(shared);
    resumption_.begin(tls_->get());
  }
  void retire();                           ///< connections that are open now carry no further call
  /// Calls go through links(), which find out what is spoken.
  [[nodiscard]] bool may_share() const { return spoken_ != spoken::http1; }
  [[nodiscard]] http2_links& links() { return *links_; }
  void settle_on(spoken what) { spoken_ = what; }

  /// The connection that served last, or null.
  client_connection* take_idle();
  /// Waits for room, resolves, connects (every address in turn) and shakes hands. May return a connection that became
  /// idle while waiting for room: its timings say so.
  /// `offered` by ALPN, where TLS is spoken; what was agreed on is the connection's to tell.
  task<result<client_connection*>> open(const call_deadlines& until, call_switch* stop, std::string_view offered);
  void keep(client_connection& idle);      ///< the connection has become idle
  void destroy(client_connection& gone);   ///< any state
  /// The stream of a connection on which HTTP/2 was agreed. The connection is gone, its room stays taken.
  std::unique_ptr<byte_stream> take_stream(client_connection& from);
  void free_room();
  [[nodiscard]] bool has_room() const { return taken_ < context_.settings.max_connections; }
  [[nodiscard]] std::size_t idle_count() const { return idle_.size() + (links_ != nullptr ? links_->idle_count() : 0); }
  [[nodiscard]] std::size_t count() const { return all_.size() + (links_ != nullptr ? links_->count() : 0); }

  [[nodiscard]] std::unexpected<error> failed(errc code, std::string_view what) const;   ///< names the endpoint
  void close_idle();
  /// Ends everything under way with `cancelled`.
  void shut_down();

private:
  task<result<client_connection*>> wait_for_room(deadline until, call_switch* stop);   ///< null: there is room
  task<result<client_connection*>> connect_any(deadline until, call_switch* stop, std::string_view offered);
  task<result<void>> find_addresses(deadline until, call_switch* stop);
  void forget_spoken();
  void start_lookup();
  void take_answer(result<addresses> answer);
  task<result<int>> connect_first(deadline until, call_switch* stop);
  client_connection* adopt(int descriptor);
  [[nodiscard]] const std::string& dialled_host() const { return proxied() ? to_.proxy.host : bare_host_; }

  pool_context& context_;
  endpoint to_;
  std::string name_;
  std::string host_header_;
  std::string bare_host_;
  std::shared_ptr<tls_context> tls_;
  tls_resumption resumption_;
  spoken spoken_ = spoken::http1;
  std::shared_ptr<http2_links> links_;        ///< null where only HTTP/1.1 is spoken
  std::vector<std::unique_ptr<client_connection>> all_;
  std::vector<client_connection*> idle_;      ///< the last one served last
  std::size_t taken_ = 0;              ///< room taken: connections, and calls that are opening one
  wait_list for_room_;
  addresses addresses_;
  std::vector<connect_race*> races_;   ///< under way
  bool literal_ = false;
  bool suspect_ = false;               ///< connecting to them has failed: ask again before they are tried again
  mono_time resolved_at_{};
  error lookup_error_{errc::none, {}};
  resolver::ticket looking_up_;
  wait_list for_addresses_;
  bool closed_ = false;
};

}  // namespace andon::net
