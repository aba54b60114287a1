#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "andon/net/http_head.hpp"
#include "andon/net/http_server.hpp"

namespace andon::net {
namespace {

class fixed_answer final : public request_handler {
public:
  task<void> handle(incoming_call& call) override {
    static constexpr std::array<header, 2> headers{{{"Content-Type", "application/json"}, {"x-andon-request-id", "req_01ARZ3NDEKTSV4RRFFQ69G5FAV"}}};
    if (call.method() == "POST") (void)co_await call.read_body();
    (void)co_await call.respond(200, headers, body_);
  }
  void refused(const error&, std::string_view) override {}

private:
  std::string body_ = std::string(300, 'b');
};

double thread_cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

int connect_to(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) throw std::runtime_error("connect");
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return descriptor;
}

const std::string chat_body = R"({"model":"chat","messages":[{"role":"user","content":")" + std::string(300, 'q') + R"("}]})";
const std::string chat_head =
    "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:4000\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n"
    "Accept: application/json\r\nContent-Type: application/json\r\nUser-Agent: OpenAI/Python 1.50.0\r\nX-Stainless-Lang: python\r\n"
    "X-Stainless-Package-Version: 1.50.0\r\nX-Stainless-OS: Linux\r\nAuthorization: Bearer sk-andon-0123456789abcdefghijklmnopqrstuvwxyz\r\n"
    "Content-Length: " + std::to_string(chat_body.size()) + "\r\n\r\n";

void drive(std::span<const int> clients, const std::string& request, std::size_t rounds) {
  std::array<char, 4096> into;
  for (std::size_t i = 0; i < rounds; ++i) {
    for (const int each : clients)
      if (::send(each, request.data(), request.size(), 0) < 0) throw std::runtime_error("send");
    for (const int each : clients)
      if (::recv(each, into.data(), into.size(), 0) <= 0) throw std::runtime_error("recv");
  }
}

// CPU of the server's thread per request, kernel time included; and a bare recv/send pair for comparison.
void keep_alive_request(benchmark::State& state, const std::string& request) {
  system_clock clock;
  core at(0, clock, 1);
  fixed_answer handler;
  http_server server(at, handler, {});
  const auto port = *server.listen("127.0.0.1", 0);
  double cpu = 0;
  std::thread thread([&] {
    at.run();
    cpu = thread_cpu_ns();
  });
  std::vector<int> clients;
  for (int i = 0; i < state.range(0); ++i) clients.push_back(connect_to(port));
  double requests = 0;
  for (auto _ : state) {
    drive(clients, request, 200);
    requests += 200.0 * static_cast<double>(clients.size());
  }
  for (const int each : clients) ::close(each);
  at.post([&] { server.stop(); });
  at.request_stop();
  thread.join();
  state.counters["cpu_ns_per_request"] = cpu / requests;
}
void get_request(benchmark::State& state) { keep_alive_request(state, "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"); }
void chat_request(benchmark::State& state) { keep_alive_request(state, chat_head + chat_body); }
BENCHMARK(get_request)->Arg(1)->Arg(16)->Arg(64)->UseRealTime();
BENCHMARK(chat_request)->Arg(1)->Arg(64)->UseRealTime();

// The least a server can do: edge-triggered epoll, one recv and one send per request, nothing parsed.
double serve_bare(int listening, std::size_t clients) {
  const int events = ::epoll_create1(0);
  std::vector<int> peers;
  for (std::size_t i = 0; i < clients; ++i) {
    peers.push_back(::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK));
    epoll_event about{};
    about.events = EPOLLIN | EPOLLET;
    about.data.fd = peers.back();
    ::epoll_ctl(events, EPOLL_CTL_ADD, peers.back(), &about);
  }
  std::array<char, 16384> bytes{};
  std::array<epoll_event, 128> ready;
  for (std::size_t open = clients; open > 0;) {
    const int count = ::epoll_wait(events, ready.data(), static_cast<int>(ready.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int peer = ready[static_cast<std::size_t>(i)].data.fd;
      if (::recv(peer, bytes.data(), bytes.size(), 0) > 0) (void)::send(peer, bytes.data(), 480, MSG_NOSIGNAL);
      else --open;
    }
  }
  for (const int peer : peers) ::close(peer);
  ::close(events);
  return thread_cpu_ns();
}

void kernel_floor(benchmark::State& state) {
  const int listening = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const int on = 1;
  ::setsockopt(listening, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::bind(listening, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listening, 128) != 0) throw std::runtime_error("listen");
  ::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size);
  double cpu = 0;
  const auto count = static_cast<std::size_t>(state.range(0));
  std::thread thread([&] { cpu = serve_bare(listening, count); });
  std::vector<int> clients;
  for (std::size_t i = 0; i < count; ++i) clients.push_back(connect_to(ntohs(address.sin_port)));
  double requests = 0;
  for (auto _ : state) {
    drive(clients, chat_head + chat_body, 200);
    requests += 200.0 * static_cast<double>(count);
  }
  for (const int each : clients) ::shutdown(each, SHUT_WR);
  thread.join();
  for (const int each : clients) ::close(each);
  ::close(listening);
  state.counters["cpu_ns_per_request"] = cpu / requests;
}
BENCHMARK(kernel_floor)->Arg(1)->Arg(16)->Arg(64)->UseRealTime();

void parse_chat_head(benchmark::State& state) {
  request_head head;
  for (auto _ : state) {
    head_parser parser;
    benchmark::DoNotOptimize(parser.parse(chat_head, head));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * chat_head.size()));
}
BENCHMARK(parse_chat_head);

void memory_of_an_idle_connection(benchmark::State& state) {
  system_clock clock;
  core at(0, clock, 1);
  fixed_answer handler;
  http_server server(at, handler, {});
  const auto port = *server.listen("127.0.0.1", 0);
  std::thread thread([&] { at.run(); });
  const std::string request = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n";
  std::vector<int> clients;
  clients.reserve(2000);
  const int first = connect_to(port);
  drive(std::span(&first, 1), request, 2000);
  const auto before = ::mallinfo2().uordblks;
  for (auto _ : state) {
    for (int i = 0; i < 2000; ++i) clients.push_back(connect_to(port));
    drive(clients, request, 1);
  }
  state.counters["bytes_per_connection"] = static_cast<double>(::mallinfo2().uordblks - before) / static_cast<double>(clients.size());
  for (const int each : clients) ::close(each);
  ::close(first);
  at.post([&] { server.stop(); });
  at.request_stop();
  thread.join();
}
BENCHMARK(memory_of_an_idle_connection)->Iterations(1);

}  // namespace
}  // namespace andon::net
