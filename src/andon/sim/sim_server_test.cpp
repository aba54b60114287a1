// Every fault as a client on a raw socket sees it.
#include "andon/sim/sim_server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <thread>

namespace andon::sim {
namespace {

// A core on a thread of its own with one server.
class running {
public:
  explicit running(std::string_view yaml) : server_(core_, engine{parse_script(yaml).value()}) {
    auto listening = server_.listen();
    EXPECT_TRUE(listening) << (listening ? "" : listening.error().message);
    thread_ = std::thread{[this] { core_.run(); }};
  }
  ~running() {
    core_.post([this] { server_.stop(); core_.request_stop(); });
    thread_.join();
  }
  template <class Work>
  void on_core(Work work) {
    std::promise<void> done;
    core_.post([&] { work(server_); done.set_value(); });
    done.get_future().wait();
  }
  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  [[nodiscard]] sim_stats stats() const { return server_.stats(); }

private:
  system_clock clock_;
  net::core core_{0, clock_, 1};
  sim_server server_;
  std::thread thread_;
};

enum class end : std::uint8_t { closed, reset, silent };

class client {
public:
  explicit client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    int on = 1;
    timeval patience{0, 150'000};
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = ::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~client() { ::close(socket_); }
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  void send(std::string_view bytes) { (void)::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // Until the end, silence, or `enough` in the text.
  end read(std::string_view enough = {}) {
    char buffer[65'536];
    for (;;) {
      ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
      if (got == 0) return end::closed;
      if (got < 0) return errno == EAGAIN ? end::silent : end::reset;
      text.append(buffer, static_cast<std::size_t>(got));
      if (!enough.empty() && text.find(enough) != std::string::npos) return end::silent;
    }
  }
  std::string text;
  bool connected = false;

private:
  int socket_;
};

std::string request(std::string_view body, std::string_view path = "/v1/chat/completions") {
  return "POST " + std::string{path} + " HTTP/1.1\r\nHost: sim\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
}
const std::string whole = request(R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})");
const std::string stream = request(R"({"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]})");

TEST(SimServer, KeepsAliveAndPipelines) {
  running sim{"defaults: { words: 3 }"};
  client c{sim.port()};
  c.send(whole + whole + stream);
  EXPECT_EQ(c.read("data: [DONE]"), end::silent);
  c.send(whole);
  EXPECT_EQ(c.read(), end::silent);
  EXPECT_EQ(sim.stats().requests, 4u);
  EXPECT_EQ(sim.stats().connections, 1u);
}

TEST(SimServer, EverySplitOfARequest) {
  running sim{"defaults: { words: 1 }"};
  std::string chunked = "POST /v1/chat/completions HTTP/1.1\r\nHost: sim\r\nTransfer-Encoding: chunked\r\n\r\n2c\r\n{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"con\r\n10\r\ntent\":\"Hi you\"}]\r\n1\r\n}\r\n0\r\n\r\n";
  for (const auto& text : {whole, chunked}) {
    client c{sim.port()};
    for (std::size_t at = 1; at < text.size(); at += 3) {
      c.text.clear();
      c.send(text.substr(0, at));
      c.send(text.substr(at));
      c.read("}}}");
      ASSERT_TRUE(c.text.starts_with("HTTP/1.1 200")) << at << c.text;
    }
  }
}

TEST(SimServer, RefusesWhatIsNotHttp) {
  running sim{""};
  client c{sim.port()};
  c.send("nonsense\r\n\r\n");
  EXPECT_EQ(c.read(), end::closed);
  EXPECT_TRUE(c.text.starts_with("HTTP/1.1 400"));
  EXPECT_EQ(sim.stats().bad_requests, 1u);
}

struct seen { std::string_view script; bool streamed; end how; std::string_view has, lacks; };

TEST(SimServer, EveryFaultAsTheWireShowsIt) {
  const seen cases[] = {
      {"refuse", false, end::reset, "", "HTTP"},
      {"reset_in_request", false, end::reset, "", "HTTP"},
      {"reset_before_head", false, end::reset, "", "HTTP"},
      {"reset_in_head", false, end::reset, "", "\r\n\r\n"},
      {"reset_in_body, after: 20", false, end::reset, "", "finish_reason"},
      {"reset_in_body, after: 200", true, end::reset, "", "[DONE]"},
      {"blackhole", false, end::silent, "", "HTTP"},
      {"blackhole_after_head", true, end::silent, "\r\n\r\n", "data:"},
      {"half_close", false, end::closed, "chatcmpl", "finish_reason"},
      {"cut, after: 2", true, end::closed, "data: ", "[DONE]"},
      {"cut", false, end::closed, "chatcmpl", "finish_reason"},
      {"stall, after: 2", true, end::silent, "data: ", "[DONE]"},
      {"pings, after: 2, interval: 1ms", true, end::silent, "\r\n8\r\n: ping\n\n\r\n8\r\n: ping", "[DONE]"},
      {"no_done", true, end::closed, "\r\n0\r\n\r\n", "[DONE]"},
      {"duplicate_finish", true, end::closed, "[DONE]", ""},
      {"error_in_stream, after: 2", true, end::closed, "{\"error\":", "[DONE]"},
      {"comments", true, end::closed, ": keep-alive\n\ndata: ", ""},
      {"cr", true, end::closed, "}\r\r", "}\n"},
      {"crlf", true, end::closed, "}\r\n\r\n", "}\n"},
      {"drip, bytes: 400, interval: 1ms", false, end::closed, "\"usage\"", ""},
      {"slice, bytes: 7", true, end::closed, "[DONE]", ""},
      {"short_length", false, end::closed, "\"usage\"", ""},
      {"long_length", false, end::closed, "\"usage\"", ""},
      {"bad_chunk", true, end::closed, "zz\r\n", "[DONE]"},
      {"bad_chunk", false, end::closed, "zz\r\n", ""},
      {"big_chunks", true, end::closed, "xxxxxxxxxxxxxxxx", ""},
      {"invalid_json", false, end::closed, "{\"id\"", "\"usage\""},
      {"invalid_json", true, end::closed, "[{\"delta\":\n", ""},
      {"wrong_shape", false, end::closed, "\"result\"", "choices"},
      {"wrong_shape", true, end::closed, "\"choices\":{", ""},
      {"empty", false, end::closed, "content-length: 0", "choices"},
      {"empty", true, end::closed, "\r\n\r\n0\r\n\r\n", "data:"},
      {"error_in_200", false, end::closed, "{\"error\":", "choices"},
      {"error_in_200", true, end::closed, "data: {\"error\":", "choices"},
      {"bad_utf8", false, end::closed, "\xff\xfe", ""},
      {"bad_utf8", true, end::closed, "\xff\xfe", ""},
      {"none, sse: \"data: x\\n\\n\"", true, end::closed, "\r\n9\r\ndata: x\n\n\r\n0\r\n\r\n", "[DONE]"},
      {"cut, sse: \"data: x\\n\\n\"", true, end::closed, "\r\n9\r\ndata: x\n\n\r\n", "\r\n0\r\n"},
      {"stall, sse: \"data: x\\n\\n\"", true, end::silent, "data: x\n\n", "\r\n0\r\n"},
      {"none, raw: \"HTTP/9 what\\r\\n\"", false, end::closed, "HTTP/9 what\r\n", "content-length"},
      {"none, write: 3", true, end::closed, "[DONE]", ""},
      {"none, write: 100, write_pause: 1ms", false, end::closed, "\"usage\"", ""},
      {"wrong_model", true, end::closed, "another-model", ""},
  };
  for (const auto& c : cases) {
    running sim{"defaults: { words: 4, fault: " + std::string{c.script} + " }"};
    client socket{sim.port()};
    std::string text = c.streamed ? stream : whole;
    socket.send(text.insert(text.find("Host"), "Connection: close\r\n"));
    EXPECT_EQ(socket.read(c.script.starts_with("pings") ? c.has : ""), c.how) << c.script << socket.text.substr(0, 2'000);
    EXPECT_NE(socket.text.find(c.has), std::string::npos) << c.script << socket.text.substr(0, 2'000);
    if (!c.lacks.empty()) EXPECT_EQ(socket.text.find(c.lacks), std::string::npos) << c.script << socket.text.substr(0, 2'000);
    if (c.script == "big_chunks") EXPECT_GT(socket.text.size(), 1u << 20);
    if (c.script == "duplicate_finish") EXPECT_NE(socket.text.find("[DONE]"), socket.text.rfind("[DONE]"));
  }
}

TEST(SimServer, NoticesAClientThatLeaves) {
  running sim{"defaults: { delay: 30s }"};
  {
    client c{sim.port()};
    c.send(whole);
    while (sim.stats().requests == 0) std::this_thread::yield();
  }
  auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{2};
  while (sim.stats().clients_left == 0 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  EXPECT_EQ(sim.stats().clients_left, 1u);
}

TEST(SimServer, ListensNoMoreAndAgain) {
  running sim{""};
  auto port = sim.port();
  sim.on_core([](sim_server& s) { EXPECT_TRUE(s.set_listening(false)); });
  EXPECT_FALSE(client{port}.connected);
  sim.on_core([](sim_server& s) { EXPECT_TRUE(s.set_listening(true)); });
  client c{port};
  ASSERT_TRUE(c.connected);
  c.send(whole);
  c.read("}}}");
  EXPECT_TRUE(c.text.starts_with("HTTP/1.1 200"));
}

TEST(SimServer, StopsWithConnectionsInEveryState) {
  running sim{"rules: [{ match: { stream: true }, fault: stall }, { match: { nth: 1 }, delay: 30s }]"};
  client idle{sim.port()}, stalled{sim.port()}, waiting{sim.port()}, halfway{sim.port()};
  stalled.send(stream);
  stalled.read("data: ");
  waiting.send(whole);
  halfway.send(whole.substr(0, 20));
  while (sim.stats().requests < 2) std::this_thread::yield();
}

TEST(SimServer, BadAddressAndPortInUse) {
  running sim{""};
  system_clock clock;
  net::core other{1, clock, 1};
  sim_server second{other, engine{script{}}};
  EXPECT_EQ(second.listen("nowhere").error().code, errc::invalid_argument);
  EXPECT_EQ(second.listen("127.0.0.1", sim.port()).error().code, errc::io_error);
}

}  // namespace
}  // namespace andon::sim
