#pragma once
// What the connections of one server share. Private to the server.
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "andon/net/byte_stream.hpp"
#include "andon/net/chunked.hpp"
#include "andon/net/http_head.hpp"
#include "andon/net/http_server.hpp"
#include "andon/net/list_link.hpp"
#include "andon/net/tls_server.hpp"

namespace andon::net {

// Everything a connection needs while it works on a request; lent, so that an idle one has none of it.
struct workspace {
  std::unique_ptr<char[]> buffer;
  std::size_t capacity = 0;
  std::size_t begin = 0;   // received and not yet used: [begin, end)
  std::size_t end = 0;
  std::size_t body_start = 0;  // behind the head
  request_head head;
  head_parser parser;
  chunk_reader chunks{0};
  std::string body;        // where it does not fit the buffer, is chunked or was packed
  std::size_t body_filled = 0;
  std::string out;         // head and framing of the answer
  std::array<std::string_view, 3> pending{};
  std::shared_ptr<std::function<void()>> gone_call;  // a posted call holds it weakly; emptied when called

  [[nodiscard]] std::string_view received() const { return {buffer.get() + begin, end - begin}; }
};

class server_connection;

struct server_state : std::enable_shared_from_this<server_state> {
  server_state(core& on, request_handler& to, const server_limits& bounds) : at(on), handler(to), limits(bounds) { connections.make_head(); }

  std::unique_ptr<workspace> lend();
  void take_back(std::unique_ptr<workspace> work);
  std::string_view date();   // IMF-fixdate of now
  void left(server_connection& gone);
  void serve(int descriptor, std::string_view peer);
  void turn_away(int descriptor, std::string_view peer);
  /// For every connection of now; the call may resume handlers that end any of them.
  void each_connection(void (server_connection::*call)());
  void abandon_all();

  core& at;
  request_handler& handler;
  server_limits limits;
  server_counts counts;
  std::shared_ptr<const tls_server_context> tls;   // null: plain
  list_link connections;
  bool draining = false;
  wait_point ended;

private:
  std::vector<std::unique_ptr<workspace>> spare_;
  std::array<char, 32> date_text_{};
  std::int64_t date_second_ = -1;
};

}  // namespace andon::net
