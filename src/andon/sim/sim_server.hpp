#pragma once
// The simulated provider on a socket.
//
// Life cycle: construct on a core, listen() (before the core runs or on its thread), stop() on its thread, destroy.
// After stop() the core has to run its loop once more, so that the connections' coroutines end; destroying does both
// phases at once when the loop no longer runs. Threads: everything belongs to the core's thread; stats() is for any.
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/net/core.hpp"
#include "andon/sim/engine.hpp"

namespace andon::sim {

struct sim_stats {
  std::uint64_t connections = 0;
  std::uint64_t requests = 0;
  std::uint64_t clients_left = 0;   ///< before their reply was complete
  std::uint64_t bad_requests = 0;   ///< not HTTP
};

class sim_server {
public:
  sim_server(net::core& at, engine with);
  sim_server(const sim_server&) = delete;  // connections refer to it
  sim_server& operator=(const sim_server&) = delete;
  ~sim_server();

  /// Listens (a literal IPv4 address; port 0: any free one). Errors: invalid_argument, io_error.
  result<void> listen(std::string_view address = "127.0.0.1", std::uint16_t port = 0);
  [[nodiscard]] std::uint16_t port() const;
  /// True refusal: closes the listening socket (connects fail), or opens it again on the same port.
  result<void> set_listening(bool on);
  /// Closes everything.
  void stop();
  [[nodiscard]] sim_stats stats() const;

private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace andon::sim
