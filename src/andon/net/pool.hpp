#pragma once
// The connections of one endpoint on one core: idle ones kept for the next call, new ones opened within bounds.
// Private to the client.
#include <memory>
#include <string>
#include <vector>

#include "andon/net/client_connection.hpp"
#include "andon/net/client_waits.hpp"
#include "andon/net/connect_race.hpp"
#include "andon/net/http_client.hpp"
#include "andon/net/resolver.hpp"
#include "andon/net/tls.hpp"

namespace andon::net {

/// What the pools of a client share.
struct pool_context {
  core& at;
  resolver& names;
  client_settings settings;
  client_counts counts;
  std::string scratch{};   ///< where heads of requests are composed
};

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
  void use_tls(std::shared_ptr<tls_context> shared) { tls_ = std::move(shared); }

  /// The connection that served last, or null.
  client_connection* take_idle();
  /// Waits for room, resolves, connects (every address in turn) and shakes hands. May return a connection that became
  /// idle while waiting for room: its timings say so.
  task<result<client_connection*>> open(const call_deadlines& until, call_switch* stop);
  void keep(client_connection& idle);      ///< the connection has become idle
  void destroy(client_connection& gone);   ///< any state
  [[nodiscard]] std::size_t idle_count() const { return idle_.size(); }
  [[nodiscard]] std::size_t count() const { return all_.size(); }

  void close_idle();
  /// Ends everything under way with `cancelled`.
  void shut_down();

private:
  task<result<client_connection*>> wait_for_room(deadline until, call_switch* stop);   ///< null: there is room
  task<result<client_connection*>> connect_any(deadline until, call_switch* stop);
  task<result<void>> find_addresses(deadline until, call_switch* stop);
  void free_room();
  void start_lookup();
  void take_answer(result<addresses> answer);
  task<result<int>> connect_first(deadline until, call_switch* stop);
  client_connection* adopt(int descriptor);
  [[nodiscard]] const std::string& dialled_host() const { return proxied() ? to_.proxy.host : bare_host_; }
  [[nodiscard]] std::unexpected<error> failed(errc code, std::string_view what) const;

  pool_context& context_;
  endpoint to_;
  std::string name_;
  std::string host_header_;
  std::string bare_host_;
  std::shared_ptr<tls_context> tls_;
  tls_resumption resumption_;
  std::vector<std::unique_ptr<client_connection>> all_;
  std::vector<client_connection*> idle_;      ///< the last one served last
  std::size_t taken_ = 0;              ///< room taken: connections, and calls that are opening one
  wait_list for_room_;
  addresses addresses_;
  std::vector<connect_race*> races_;   ///< under way
  bool literal_ = false;
  mono_time resolved_at_{};
  error lookup_error_{errc::none, {}};
  resolver::ticket looking_up_;
  wait_list for_addresses_;
  bool closed_ = false;
};

}  // namespace andon::net
