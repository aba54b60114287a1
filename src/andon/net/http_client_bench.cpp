// A pooled round trip of a short chat: the client's own CPU, kernel included, against a minimal echo server on another
// thread; and the parsers by themselves.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ctime>
#include <string>
#include <thread>

#include "andon/net/client_head.hpp"
#include "andon/net/http_client.hpp"
#include "andon/net/resolver.hpp"
#include "andon/net/sse.hpp"

namespace andon::net {
namespace {

const std::string chat_reply = [] {
  std::string body = R"({"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":")" + std::string(300, 'x') + R"("}}]})";
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_0123456789\r\nopenai-processing-ms: 12\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}();
const std::string chat_request = R"({"model":"gpt-4o-mini","messages":[{"role":"user","content":")" + std::string(400, 'y') + R"("}]})";

// One connection, blocking: answers every read.
class echo_server {
public:
  explicit echo_server(std::string reply) : reply_(std::move(reply)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(listener_, 16) != 0) std::abort();
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~echo_server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::uint16_t port = 0;

private:
  void serve() {
    for (int peer; (peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; ::close(peer)) {
      const int on = 1;
      ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      char piece[65536];
      while (::recv(peer, piece, sizeof piece, 0) > 0) ::send(peer, reply_.data(), reply_.size(), MSG_NOSIGNAL);
    }
  }
  std::string reply_;
  int listener_;
  std::thread thread_;
};

double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

task<void> round_trips(core& at, http_client& client, endpoint to, benchmark::State& state) {
  const header headers[] = {{"Authorization", "Bearer sk-0123456789"}, {"Content-Type", "application/json"}, {"Accept-Encoding", "identity"}};
  outgoing_request request;
  request.method = "POST";
  request.target = "/v1/chat/completions";
  request.headers = headers;
  request.body = chat_request;
  double cpu = 0;
  for (auto _ : state) {
    const double began = thread_seconds();
    const mono_time now = at.now();
    const deadline limit = deadline::after(now, std::chrono::seconds{10});
    call_deadlines until{limit, limit, limit, std::chrono::seconds{10}};
    auto reply = co_await client.send(to, request, until);
    if (!reply) {
      state.SkipWithError(reply.error().message.c_str());
      break;
    }
    auto body = co_await (*reply)->read_all(1u << 20);
    benchmark::DoNotOptimize(body);
    reply->reset();
    const double took = thread_seconds() - began;
    cpu += took;
    state.SetIterationTime(took);
  }
  state.counters["cpu_us"] = benchmark::Counter(cpu * 1e6, benchmark::Counter::kAvgIterations);
  at.stop_now();
}

void pooled_round_trip(benchmark::State& state) {
  echo_server server(chat_reply);
  system_clock time;
  resolver names;
  core at(0, time, 1);
  http_client client(at, names);
  endpoint to;
  to.host = "127.0.0.1";
  to.port = server.port;
  at.spawn(round_trips(at, client, to, state));
  at.run();
  client.close_idle();
}
BENCHMARK(pooled_round_trip)->UseManualTime();

void bare_round_trip(benchmark::State& state) {
  echo_server server(chat_reply);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  where.sin_port = htons(server.port);
  const int peer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(peer, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) std::abort();
  char piece[16384];
  const std::string text = "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 460\r\n\r\n" + chat_request;
  for (auto _ : state) {
    const double began = thread_seconds();
    ::send(peer, text.data(), text.size(), MSG_NOSIGNAL);
    benchmark::DoNotOptimize(::recv(peer, piece, sizeof piece, 0));
    state.SetIterationTime(thread_seconds() - began);
  }
  ::close(peer);
}
BENCHMARK(bare_round_trip)->UseManualTime();

void parse_reply_head(benchmark::State& state) {
  reply_head head;
  for (auto _ : state) {
    std::size_t searched = 0;
    benchmark::DoNotOptimize(parse_head(chat_reply, searched, false, head));
  }
}
BENCHMARK(parse_reply_head);

void read_event_stream(benchmark::State& state) {
  std::string stream;
  for (int i = 0; i < 64; ++i) stream += "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + std::string(80, 'z') + "\"}}]}\n\n";
  for (auto _ : state) {
    sse_reader reader;
    reader.feed(stream);
    while (auto event = reader.next()) benchmark::DoNotOptimize(event->data.data());
  }
  state.SetItemsProcessed(state.iterations() * 64);
  state.SetBytesProcessed(static_cast<std::int64_t>(stream.size()) * state.iterations());
}
BENCHMARK(read_event_stream);

}  // namespace
}  // namespace andon::net
