#pragma once
// What the client's tests share: a scripted peer on raw sockets, and a core that runs one coroutine to its end.
#include <arpa/inet.h>
#include <dirent.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "andon/net/core.hpp"
#include "andon/net/http_client.hpp"
#include "andon/net/resolver.hpp"

namespace andon::net::test {

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* list = ::opendir("/proc/self/fd");
  while (::readdir(list) != nullptr) ++count;
  ::closedir(list);
  return count;
}

/// One accepted connection, blocking.
class peer_socket {
public:
  explicit peer_socket(int descriptor) : descriptor_(descriptor) {
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  peer_socket(const peer_socket&) = delete;
  peer_socket& operator=(const peer_socket&) = delete;
  ~peer_socket() { close(); }

  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void send_bytewise(std::string_view text) {
    for (char c : text) send({&c, 1});
  }
  /// One request with its body; empty when the client closed.
  std::string read_request() {
    std::size_t head_end;
    while ((head_end = unread_.find("\r\n\r\n")) == std::string::npos)
      if (!fill()) return {};
    std::size_t size = head_end + 4;
    if (std::size_t at = unread_.find("Content-Length: "); at < head_end) {
      std::size_t length = 0;
      std::from_chars(unread_.data() + at + 16, unread_.data() + head_end, length);
      size += length;
    }
    while (unread_.size() < size)
      if (!fill()) return {};
    std::string request = unread_.substr(0, size);
    unread_.erase(0, size);
    return request;
  }
  void wait_for_close() {
    while (fill()) unread_.clear();
  }
  void half_close() { ::shutdown(descriptor_, SHUT_WR); }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }
  [[nodiscard]] int descriptor() const { return descriptor_; }

private:
  bool fill() {
    char piece[65536];
    const ssize_t got = ::recv(descriptor_, piece, sizeof piece, 0);
    if (got <= 0) return false;
    unread_.append(piece, static_cast<std::size_t>(got));
    return true;
  }
  int descriptor_;
  std::string unread_;
};

/// Listens on a free loopback port; runs `script` on a thread of its own for every connection.
class fake_peer {
public:
  using script = std::function<void(peer_socket&, int nth)>;
  explicit fake_peer(script run, int family = AF_INET) : script_(std::move(run)) {
    listener_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_storage at{};
    socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    at.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET) reinterpret_cast<sockaddr_in&>(at).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else reinterpret_cast<sockaddr_in6&>(at).sin6_addr = in6addr_loopback;
    usable = ::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) == 0 && ::listen(listener_, 128) == 0;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port = ntohs(reinterpret_cast<sockaddr_in&>(at).sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~fake_peer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (auto& each : threads_) each.join();
    ::close(listener_);
  }
  std::uint16_t port = 0;
  bool usable = false;
  std::atomic<int> accepted = 0;

private:
  void accept_all() {
    for (;;) {
      const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (descriptor < 0) return;
      const int nth = accepted++;
      threads_.emplace_back([this, descriptor, nth] {
        peer_socket socket(descriptor);
        script_(socket, nth);
      });
    }
  }
  script script_;
  int listener_;
  std::thread acceptor_;
  std::vector<std::thread> threads_;
};

/// Answers every request with the same text until the client leaves.
inline fake_peer::script answering(std::string reply) {
  return [reply = std::move(reply)](peer_socket& peer, int) {
    while (!peer.read_request().empty()) peer.send(reply);
  };
}

inline task<void> run_and_stop(core& on, task<void> work, bool& ended) {
  co_await std::move(work);
  ended = true;
  on.stop_now();
}

struct client_parts {
  explicit client_parts(const client_settings& settings = {}, resolver::function lookup = resolve_with_system)
      : names(std::move(lookup)), at(0, time, 1), client(std::make_unique<http_client>(at, names, settings)) {}
  system_clock time;
  resolver names;
  core at;
  std::unique_ptr<http_client> client;
};

/// A core, a resolver and a client, driven by the test's thread.
class client_world : public ::testing::Test {
protected:
  client_world() : before_(open_descriptors()) { world_.emplace(); }

  void remake(const client_settings& settings, resolver::function lookup = resolve_with_system) { world_.emplace(settings, std::move(lookup)); }
  void run(task<void> work) {
    bool ended = false;
    world_->at.context().restart();
    world_->at.spawn(run_and_stop(world_->at, std::move(work), ended));
    world_->at.run();
    ASSERT_TRUE(ended);
  }
  http_client& client() { return *world_->client; }
  core& at() { return world_->at; }

  [[nodiscard]] call_deadlines soon(nanoseconds limit = std::chrono::seconds{5}) {
    const deadline end = deadline::after(world_->at.now(), limit);
    return {end, end, end, nanoseconds{}};
  }
  static endpoint local(std::uint16_t port) {
    endpoint to;
    to.host = "127.0.0.1";
    to.port = port;
    return to;
  }

  void TearDown() override {
    world_.reset();
    EXPECT_EQ(open_descriptors(), before_) << "descriptors leaked";
  }

private:
  std::size_t before_;
  std::optional<client_parts> world_;
};

}  // namespace andon::net::test
