// CPU of the server's thread per request, kernel included, one client with one request at a time.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "andon/sim/sim_server.hpp"

namespace {

using namespace andon;

double cpu_of(std::thread& thread) {
  clockid_t id{};
  timespec at{};
  pthread_getcpuclockid(thread.native_handle(), &id);
  clock_gettime(id, &at);
  return static_cast<double>(at.tv_sec) * 1e9 + static_cast<double>(at.tv_nsec);
}

int connect_to(std::uint16_t port) {
  int socket = ::socket(AF_INET, SOCK_STREAM, 0), on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 ? socket : -1;
}

void serve(benchmark::State& state, std::string_view yaml, std::string_view body, std::string_view end) {
  system_clock clock;
  net::core core{0, clock, 1};
  sim::sim_server server{core, sim::engine{sim::parse_script(yaml).value()}};
  (void)server.listen();
  std::thread thread{[&] { core.run(); }};
  int socket = connect_to(server.port());
  std::string request = "POST /v1/chat/completions HTTP/1.1\r\nHost: sim\r\nContent-Type: application/json\r\nAuthorization: Bearer x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
  char buffer[65'536];
  double before = cpu_of(thread);
  for (auto _ : state) {
    if (::send(socket, request.data(), request.size(), 0) < 0) break;
    std::string tail;
    while (!tail.ends_with(end)) {
      ssize_t got = ::recv(socket, buffer, sizeof buffer, 0);
      if (got <= 0) return state.SkipWithError("the connection ended");
      tail.append(buffer, static_cast<std::size_t>(got));
    }
  }
  state.counters["server_cpu_ns"] = (cpu_of(thread) - before) / static_cast<double>(state.iterations());
  ::close(socket);
  core.post([&] { server.stop(); core.request_stop(); });
  thread.join();
}

constexpr std::string_view whole = R"({"model":"m","messages":[{"role":"user","content":"Tell me of lines"}]})";
constexpr std::string_view stream = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"Tell me of lines"}]})";
void served_canned(benchmark::State& state) { serve(state, "canned: { bytes: 700 }", whole, "}}}"); }
void served_canned_stream(benchmark::State& state) { serve(state, "canned: {}", stream, "0\r\n\r\n"); }
void served_made(benchmark::State& state) { serve(state, "", whole, "}}}"); }
BENCHMARK(served_canned);
BENCHMARK(served_canned_stream);
BENCHMARK(served_made);

}  // namespace
