#pragma once
// What the tests of the HTTP/1.1 client share: one call told as a value, replies in each framing, and the fixture.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "andon/net/client_test_peer.hpp"
#include "andon/net/http_client.hpp"

namespace andon::net::test {

using namespace std::chrono_literals;

struct outcome {
  errc code = errc::none;
  std::string message;
  int status = 0;
  std::string body;
  bool reused = false;
  bool renewed = false;
  spoken_http spoken{};
};

enum class reading : std::uint8_t { all, parts };

struct call_plan {
  endpoint to;
  std::string method = "POST";
  std::string target = "/v1/chat/completions";
  std::string body = "{}";
  std::size_t limit = 64u << 20;
  reading how = reading::all;
};

inline task<void> read_parts(client_reply& reply, outcome& out) {
  for (;;) {
    auto part = co_await reply.read_some();
    if (!part) {
      out.code = part.error().code;
      out.message = part.error().message;
      co_return;
    }
    if (part->empty()) co_return;
    out.body.append(*part);
  }
}

inline task<void> call(http_client& client, call_plan plan, call_deadlines until, outcome& out, call_switch* stop = nullptr) {
  out = {};
  outgoing_request request;
  request.method = plan.method;
  request.target = plan.target;
  request.body = plan.body;
  auto reply = co_await client.send(plan.to, request, until, stop);
  if (!reply) {
    out.code = reply.error().code;
    out.message = reply.error().message;
    co_return;
  }
  out.status = (*reply)->status();
  out.reused = (*reply)->timings().reused;
  out.renewed = (*reply)->timings().renewed;
  out.spoken = (*reply)->spoken();
  if (plan.how == reading::parts) {
    co_await read_parts(**reply, out);
    co_return;
  }
  auto whole = co_await (*reply)->read_all(plan.limit);
  if (whole) {
    out.body = *whole;
  } else {
    out.code = whole.error().code;
    out.message = whole.error().message;
  }
}

inline std::string with_length(std::string_view body, std::string_view more = {}) {
  return "HTTP/1.1 200 OK\r\n" + std::string(more) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline std::string chunked(const std::vector<std::string>& parts) {
  std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const auto& part : parts) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    text += size + part + "\r\n";
  }
  return text + "0\r\n\r\n";
}

class http_client_test : public client_world {
protected:
  outcome one(call_plan plan, nanoseconds limit = 5s) {
    outcome out;
    run(call(client(), std::move(plan), soon(limit), out));
    return out;
  }
  outcome one_from(fake_peer::script script, nanoseconds limit = 5s, reading how = reading::all) {
    fake_peer peer(std::move(script));
    call_plan plan;
    plan.to = local(peer.port);
    plan.how = how;
    outcome out = one(plan, limit);
    client().close_idle();
    return out;
  }
};

}  // namespace andon::net::test
