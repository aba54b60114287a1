#pragma once
// The HTTP/2 connections of one endpoint: which of them carries a call, when another is opened, and what is sent again.
// Private to the client.
//
// A call goes to the oldest connection with room, so that surplus ones fall idle and expire. While none has room, one
// call opens the next connection and the others wait for it; more are opened at once only for more calls than one will
// carry. Until the first connection is up nobody knows what the endpoint speaks: if it is HTTP/1.1, the calls are given
// back to be carried by that.
#include <memory>
#include <optional>
#include <vector>

#include "andon/net/client_waits.hpp"
#include "andon/net/http_client.hpp"

namespace andon::net {

class client_connection;
class endpoint_pool;
class http2_link;

class http2_links : public std::enable_shared_from_this<http2_links> {
public:
  explicit http2_links(endpoint_pool& home);
  http2_links(const http2_links&) = delete;  // connections refer to it
  http2_links& operator=(const http2_links&) = delete;
  ~http2_links();

  struct sent {
    reply_ptr reply;
    client_connection* alone = nullptr;   ///< without a reply: the endpoint speaks HTTP/1.1, on this connection if one was opened
  };
  /// As http_client::send().
  task<result<sent>> send(const outgoing_request& request, const call_deadlines& until, mono_time began, call_switch* stop);

  void gone(http2_link& over);       ///< the connection has ended
  void expect_room(std::size_t calls) { expected_room_ = calls; }   ///< of a connection, as the peer says
  void serve_waiting_soon();         ///< there may be room for those who wait
  [[nodiscard]] std::size_t count() const { return all_.size(); }
  [[nodiscard]] std::size_t idle_count() const;
  void close_idle();
  void retire();                     ///< connections that are open now carry no further call
  void shut_down();                  ///< ends everything under way with `cancelled`

private:
  /// What a call will be carried by; neither: the endpoint turned out to speak HTTP/1.1.
  struct carrier {
    std::shared_ptr<http2_link> link;
    client_connection* alone = nullptr;
    bool fresh = false;
  };
  [[nodiscard]] std::shared_ptr<http2_link> with_room() const;
  [[nodiscard]] bool may_open(std::size_t wanting) const;   ///< so many calls without a connection
  task<result<carrier>> find(const call_deadlines& until, call_switch* stop);
  task<result<carrier>> open(const call_deadlines& until, call_switch* stop);
  std::unexpected<error> unserved(wait_end how) const;
  void serve_waiting();

  endpoint_pool& home_;              ///< not to be touched once closed_
  std::vector<std::shared_ptr<http2_link>> all_;
  wait_list waiting_;
  std::size_t waiting_count_ = 0;
  std::size_t opening_ = 0;
  std::size_t expected_room_ = 100;      ///< of the next connection, as the last one's
  std::optional<error> failure_;     ///< of the last opening, for those who waited for it
  bool serving_soon_ = false;
  bool closed_ = false;
};

}  // namespace andon::net
