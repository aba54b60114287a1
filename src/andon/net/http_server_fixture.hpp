#pragma once
// A server on its own thread with a handler that does what the path says, and a plain blocking client. For tests only.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "andon/net/http_server.hpp"

namespace andon::net::testing {

class scripted_handler final : public request_handler {
public:
  explicit scripted_handler(core& on) : core_(on) {}

  task<void> handle(incoming_call& call) override {
    const auto path = call.path();
    if (path == "/echo") return echo(call);
    if (path == "/stream") return stream(call);
    if (path == "/abort") return cut(call);
    if (path == "/wait") return wait(call);
    if (path == "/late") return watch_late(call);
    if (path == "/bytes") return bytes(call);
    if (path == "/flood") return flood(call);
    if (path == "/watched") return watched(call);
    if (path == "/sleep") return sleep();
    if (path == "/silent") return nothing();
    if (path == "/throw") throw std::runtime_error("thrown on purpose");
    if (path == "/inject") return inject(call);
    if (path == "/show") return show(call);
    if (path == "/spoken") return spoken(call);
    return hello(call);
  }
  void refused(const error& why, std::string_view) override {
    const std::lock_guard hold(lock_);
    refusals_.push_back(why.code);
  }
  refusal_answer describe(const error& why) override {
    if (!own_words) return request_handler::describe(why);
    return {"x/words", std::string(kind_of(why.code).name) + " because of [" + why.param + "]", {{"X-More", "more"}}};
  }

  std::vector<errc> refusals() {
    const std::lock_guard hold(lock_);
    return refusals_;
  }
  std::atomic<bool> own_words{false};
  std::atomic<int> gone{0};
  std::atomic<int> waiting{0};
  std::atomic<int> write_failures{0};
  std::atomic<int> calls_after_end{0};  // of a callback that was withdrawn
  std::atomic<std::size_t> flooded{0};
  std::function<void()> after_write;   // of a flood, in the same turn of the loop
  void wake_sleeper() { sleeping_.wake(); }

private:
  task<void> nothing() { co_return; }
  task<void> hello(incoming_call& call) {
    const header type{"Content-Type", "text/plain"};
    (void)co_await call.respond(200, std::span(&type, 1), "hello");
  }
  task<void> spoken(incoming_call& call) {
    constexpr std::string_view names[] = {"1.0", "1.1", "2"};
    (void)co_await call.respond(200, {}, names[static_cast<std::size_t>(call.spoken())]);
  }
  task<void> echo(incoming_call& call) {
    auto body = co_await call.read_body();
    if (body) {
      (void)co_await call.respond(200, {}, *body);
    } else {
      const std::string said = body.error().message + " [" + body.error().param + "]";
      (void)co_await call.respond(kind_of(body.error().code).http_status, {}, said);
    }
  }
  task<void> show(incoming_call& call) {
    std::string text = std::string(call.method()) + " " + std::string(call.path()) + " ?" + std::string(call.query()) + "\n";
    for (const auto& line : call.headers()) text.append(line.name).append("=[").append(line.value).append("]\n");
    (void)co_await call.respond(200, {}, text);
  }
  task<void> stream(incoming_call& call) {
    const header type{"Content-Type", "text/event-stream"};
    call.start(200, std::span(&type, 1));
    for (int i = 0; i < 3; ++i) {
      const std::string event = "data: " + std::to_string(i) + "\n\n";
      (void)co_await call.write(event);
    }
    (void)co_await call.finish("data: [DONE]\n\n");
  }
  task<void> cut(incoming_call& call) {
    call.start(200, {});
    (void)co_await call.write("partial");
    call.abort();
  }
  task<void> wait(incoming_call& call) {
    wait_point point;
    bool left = false;
    call.on_client_gone([this, &point, &left] {
      left = true;
      ++gone;
      point.wake();
    });
    deadline_timer limit(core_.timers(), deadline_timer::member<&wait_point::wake>(), &point);
    limit.arm(deadline::after(core_.now(), std::chrono::seconds{20}));
    ++waiting;
    co_await point.wait();
    call.on_client_gone(nullptr);
    const auto sent = co_await call.respond(200, {}, left ? "left" : "stayed");
    if (!sent) ++write_failures;
  }
  task<void> watch_late(incoming_call& call) {
    co_await sleep();
    co_await wait(call);
  }
  /// So many as the query says, in one write.
  task<void> bytes(incoming_call& call) {
    const std::string body(std::stoul(std::string(call.query())), 'x');
    const auto sent = co_await call.respond(200, {}, body);
    if (!sent) ++write_failures;
  }
  task<void> flood(incoming_call& call) {
    const std::string chunk(64 * 1024, 'x');
    call.start(200, {});
    for (int i = 0; i < 1024; ++i) {
      const auto sent = co_await call.write(chunk);
      if (!sent) {
        ++write_failures;
        co_return call.abort();
      }
      flooded += chunk.size();
      if (after_write) after_write();
    }
    (void)co_await call.finish({});
  }
  // Floods while it watches the client; its state ends with it. Wakes the sleeper on its way out.
  task<void> watched(incoming_call& call) {
    auto ended = std::make_shared<bool>(false);
    auto state = std::make_unique<int>(0);
    call.on_client_gone([this, ended, state = state.get()] {
      if (*ended) ++calls_after_end;
      ++*state;
    });
    ++waiting;
    co_await flood(call);
    call.on_client_gone(nullptr);
    *ended = true;
    state.reset();
    sleeping_.wake();
  }
  task<void> sleep() {
    ++waiting;
    co_await sleeping_.wait();
  }
  task<void> inject(incoming_call& call) {
    const header bad{"X-Note", "a\r\nSet-Cookie: b"};
    const auto refused = co_await call.respond(200, std::span(&bad, 1), "x");
    const std::string said = refused ? "sent" : std::string(kind_of(refused.error().code).name);
    (void)co_await call.respond(200, {}, said);
  }

  core& core_;
  wait_point sleeping_;
  std::mutex lock_;
  std::vector<errc> refusals_;
};

class test_server {
public:
  explicit test_server(server_limits limits = {}) : core_(0, clock_, 1), handler(core_), server_(core_, handler, limits) {
    auto port = server_.listen("127.0.0.1", 0);
    EXPECT_TRUE(port.has_value());
    port_ = port.value_or(std::uint16_t{0});
    thread_ = std::thread([this] { core_.run(); });
  }
  ~test_server() {
    on_core([this] { server_.stop(); });
    core_.request_stop();
    thread_.join();
    EXPECT_EQ(server_.counts().open, 0u);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  core& at() { return core_; }
  http_server& server() { return server_; }
  void on_core(std::function<void()> work) {
    std::promise<void> done;
    core_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  server_counts counts() {
    server_counts seen;
    on_core([&] { seen = server_.counts(); });
    return seen;
  }
  /// Bytes that the whole process has allocated now.
  std::size_t allocated() {
    std::size_t bytes = 0;
    on_core([&] { bytes = ::mallinfo2().uordblks + ::mallinfo2().hblkhd; });
    return bytes;
  }
  /// `before` runs in the turn of the core's loop before the one in which the drain begins.
  void start_drain(nanoseconds patience, std::promise<bool>& done, const std::function<void()>& before = [] {}) {
    on_core([&, patience] {
      before();
      core_.spawn(drain(server_, deadline::after(core_.now(), patience), done));
    });
  }
  /// Lets everything that is ready run, and what that makes ready.
  void settle() {
    for (int i = 0; i < 20; ++i) on_core([] {});
  }
  /// Polls without sleeping until the condition holds or five seconds passed.
  bool eventually(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{5};
    while (!holds()) {
      if (std::chrono::steady_clock::now() > until) return false;
      on_core([] {});
      std::this_thread::yield();
    }
    return true;
  }

private:
  static task<void> drain(http_server& server, deadline until, std::promise<bool>& done) {
    const bool all = co_await server.drain(until);
    done.set_value(all);
  }
  system_clock clock_;
  core core_;

public:
  scripted_handler handler;

private:
  http_server server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

class test_client {
public:
  explicit test_client(std::uint16_t port, int receive_buffer = 0, void (*before_connect)(int descriptor) = nullptr) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer != 0) ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (before_connect != nullptr) before_connect(descriptor_);
    EXPECT_EQ(::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    limit_waits();
  }
  /// The other end of a pair whose first end the server adopts: buffers of a fixed size.
  explicit test_client(test_server& server) {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ::fcntl(pair[0], F_SETFL, O_NONBLOCK);
    server.on_core([&] { server.server().adopt(pair[0]); });
    descriptor_ = pair[1];
    limit_waits();
  }
  test_client(test_client&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  test_client& operator=(test_client&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(rest_, other.rest_);
    return *this;
  }
  ~test_client() { close(); }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  /// As much as the kernel takes at once.
  void try_send(std::string_view bytes) { (void)!::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT); }
  [[nodiscard]] bool nothing_to_read() const {
    pollfd look{descriptor_, POLLIN, 0};
    return ::poll(&look, 1, 0) == 0;
  }
  /// Until the peer closes (or ten seconds of silence).
  std::string read_all() {
    std::string all;
    while (more(all)) {}
    return all;
  }
  /// Reads at least so many bytes, and gives how many came.
  std::size_t read_all_of(std::size_t wanted) {
    std::size_t total = 0;
    for (std::string part; total < wanted; part.clear()) {
      if (!more(part)) break;
      total += part.size();
    }
    return total;
  }
  /// One answer: head and the body that its Content-Length or chunks announce.
  std::string read_answer(bool head_only = false) {
    std::string got = std::exchange(rest_, {});
    std::size_t head = 0;
    while ((head = got.find("\r\n\r\n")) == std::string::npos)
      if (!more(got)) return got;
    std::size_t total = head + 4;
    if (got.starts_with("HTTP/1.1 1")) {
    } else if (const auto at = got.find("Content-Length: "); at < head && !head_only) {
      total += static_cast<std::size_t>(std::stoul(got.substr(at + 16)));
    } else if (got.find("Transfer-Encoding: chunked") < head && !head_only) {
      std::size_t end = 0;
      while ((end = got.find("0\r\n\r\n", head + 2)) == std::string::npos)
        if (!more(got)) return got;
      total = end + 5;
    }
    while (got.size() < total)
      if (!more(got)) return got;
    rest_ = got.substr(total);
    got.resize(total);
    return got;
  }
  bool closed_by_peer() {
    std::string extra;
    return !more(extra) && extra.empty();
  }
  void shut_write() { ::shutdown(descriptor_, SHUT_WR); }
  void reset() {
    const ::linger hard{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }
  [[nodiscard]] int descriptor() const { return descriptor_; }

private:
  bool more(std::string& into) {
    char part[16 * 1024];
    const ssize_t n = ::recv(descriptor_, part, sizeof part, 0);
    if (n > 0) into.append(part, static_cast<std::size_t>(n));
    return n > 0;
  }
  void limit_waits() {
    const timeval limit{10, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  int descriptor_;
  std::string rest_;
};

inline int status_of(std::string_view answer) {
  return answer.size() > 12 && answer.starts_with("HTTP/1.1 ") ? std::stoi(std::string(answer.substr(9, 3))) : 0;
}
inline std::string body_of(std::string_view answer) {
  const auto head = answer.find("\r\n\r\n");
  return head == std::string_view::npos ? std::string{} : std::string(answer.substr(head + 4));
}

}  // namespace andon::net::testing
