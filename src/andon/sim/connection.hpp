#pragma once
// One client of the simulated provider: reads requests strictly enough, carries plans out to the byte.
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "andon/net/core.hpp"
#include "andon/net/http_head.hpp"
#include "andon/net/socket_events.hpp"
#include "andon/net/timers.hpp"
#include "andon/sim/engine.hpp"

namespace andon::sim {

class connection;

/// What all connections of a server share. Outlives them: each holds a token.
struct shared_state {
  shared_state(net::core& at, engine with) : core(at), behaviour(std::move(with)), started(at.now()) {}
  [[nodiscard]] nanoseconds age() const { return core.now() - started; }
  void close_all();

  net::core& core;
  engine behaviour;
  mono_time started;
  connection* first = nullptr;
  std::atomic<std::uint64_t> connections{0}, requests{0}, clients_left{0}, bad_requests{0};
};

class connection {
public:
  connection(shared_state& server, int descriptor);
  connection(const connection&) = delete;  // timer and list refer to it
  connection& operator=(const connection&) = delete;
  ~connection();

  /// Serves requests until one side closes. Owns itself.
  static net::task<void> serve(std::unique_ptr<connection> self, bool reset_in_request);

private:
  friend struct shared_state;
  enum class progress : std::uint8_t { again, ready, over };

  net::task<bool> fill();                          // at least one more byte; false: the client is gone
  net::task<bool> read_request();
  net::task<bool> read_chunked(std::string& body);
  net::task<bool> send(std::string_view bytes);
  net::task<bool> pause(nanoseconds span);
  net::task<void> wait_for_leaving();
  net::task<bool> carry_out(reply_plan& plan);     // true: the connection goes on
  net::task<bool> finish(ending how);
  progress receive();
  bool send_some(std::string_view& bytes);         // false: failed
  void woken() { events_.wake_reader(); }
  void reset();
  void parse_again();

  shared_state* server_;
  net::socket_events events_;
  net::deadline_timer timer_;
  net::head_parser parser_;
  net::request_head head_;
  std::string input_;      // received, not yet consumed
  std::string_view body_;
  std::string chunked_body_;
  std::size_t consumed_ = 0;
  bool probe_ = true;      // an event may have been missed: read before waiting
  connection* next_ = nullptr;
  connection* previous_ = nullptr;
};

}  // namespace andon::sim
