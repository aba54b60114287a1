#pragma once
// Connects to the first of several addresses that answers ("happy eyeballs", RFC 8305): families take turns, each
// attempt starts when the one before failed or has taken 250 ms, the first to connect wins and the rest are closed.
// One coroutine waits for all of them, on an epoll of their own. Private to the client.
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <vector>

#include "andon/net/http_client.hpp"
#include "andon/net/resolver.hpp"
#include "andon/net/socket_events.hpp"

namespace andon::net {

/// The same addresses with IPv6 and IPv4 in turn, the first one's family first.
addresses alternate_families(const addresses& from);
/// A socket whose connect() is under way or done. Errors: connect_failed.
result<int> start_connecting(const boost::asio::ip::tcp::endpoint& peer);
/// 0, EINPROGRESS, or how the connect() of a socket failed.
int connect_outcome(int descriptor);

class connect_race {
public:
  connect_race(core& at, addresses to, std::uint16_t port, nanoseconds stagger)
      : core_(at), addresses_(alternate_families(to)), port_(port), stagger_(stagger),
        timer_(at.timers(), deadline_timer::member<&connect_race::wake>(), this) {}
  connect_race(const connect_race&) = delete;  // timers and the switch refer to it
  connect_race& operator=(const connect_race&) = delete;
  ~connect_race();

  /// The connected socket, the caller's. Errors: connect_failed (of the last address), connect_timeout, cancelled.
  task<result<int>> run(deadline until, call_switch* stop);
  /// Makes run() end with `cancelled`; it runs before this returns.
  void abort();

private:
  static void on_switch(void* self) { static_cast<connect_race*>(self)->abort(); }
  void wake() { events_->wake_reader(); }
  void start_next();
  void look();
  [[nodiscard]] bool may_start(mono_time now) const { return next_ < addresses_.size() && (running_.empty() || now >= next_start_); }

  core& core_;
  addresses addresses_;
  std::uint16_t port_;
  nanoseconds stagger_;
  deadline_timer timer_;
  std::unique_ptr<socket_events> events_;   // of the epoll
  std::vector<int> running_;
  std::size_t next_ = 0;
  mono_time next_start_{};
  int winner_ = -1;
  error problem_{errc::connect_failed, "no address"};
  bool aborted_ = false;
  call_switch::listener switch_{on_switch, this};
};

}  // namespace andon::net
