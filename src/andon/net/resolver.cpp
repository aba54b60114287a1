#include "andon/net/resolver.hpp"

#include <fmt/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace andon::net {
namespace {

namespace ip = boost::asio::ip;

ip::address address_of(const sockaddr& from) {
  if (from.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &from, sizeof v4);
    return ip::address_v4(ntohl(v4.sin_addr.s_addr));
  }
  sockaddr_in6 v6;
  std::memcpy(&v6, &from, sizeof v6);
  ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return ip::address_v6(bytes, v6.sin6_scope_id);
}

}  // namespace

result<addresses> resolve_with_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  if (int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); failed != 0)
    return fail(errc::dns_failed, fmt::format("{} does not resolve: {}", host, ::gai_strerror(failed)));
  addresses list;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
    auto address = address_of(*each->ai_addr);
    if (std::ranges::find(list, address) == list.end()) list.push_back(address);
  }
  ::freeaddrinfo(found);
  if (list.empty()) return fail(errc::dns_failed, fmt::format("{} has no address", host));
  return list;
}

addresses parse_literal_address(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  boost::system::error_code failed;
  auto address = ip::make_address(std::string(host), failed);
  if (failed) return {};
  return {address};
}

struct resolver::state {
  static constexpr std::size_t max_threads = 16;   // a silent name server holds one for each name that is asked for

  // What a lookup shares with its asker. The lock makes dropping the ticket and posting the answer exclude each other.
  struct question {
    callback done;
    std::mutex mutex;
    io_context* answer_on = nullptr;   // null once the ticket is dropped
  };
  using askers = std::vector<std::shared_ptr<question>>;

  explicit state(function by) : lookup(std::move(by)) {}

  void work() {
    pthread_setname_np(pthread_self(), "resolver");
    std::unique_lock lock(mutex);
    for (;;) {
      ++idle;
      ready.wait(lock, [this] { return stopping || !hosts.empty(); });
      --idle;
      if (stopping) return;
      const auto host = std::move(hosts.front());
      hosts.pop_front();
      lock.unlock();
      auto found = lookup(host);
      lock.lock();
      const auto all = std::move(waiting.extract(host).mapped());
      lock.unlock();
      for (const auto& asked : all) answer(asked, found);
      lock.lock();
    }
  }

  static void answer(const std::shared_ptr<question>& asked, const result<addresses>& found) {
    const std::lock_guard lock(asked->mutex);
    if (asked->answer_on == nullptr) return;
    boost::asio::post(*asked->answer_on, [asked, found]() mutable {
      if (asked->answer_on == nullptr) return;   // dropped meanwhile, on this very thread
      auto done = std::exchange(asked->done, nullptr);
      asked->answer_on = nullptr;
      done(std::move(found));
    });
  }

  function lookup;
  std::mutex mutex;
  std::condition_variable ready;
  std::deque<std::string> hosts;             // to be looked up, each once
  std::map<std::string, askers> waiting;     // of those hosts, and of those that are being looked up
  std::vector<std::thread> threads;
  std::size_t idle = 0;
  bool stopping = false;
};

resolver::resolver(function lookup) : state_(std::make_unique<state>(std::move(lookup))) {}

resolver::~resolver() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->hosts.clear();
  }
  state_->ready.notify_all();
  for (auto& thread : state_->threads) thread.join();
}

resolver::ticket resolver::lookup(std::string host, io_context& answer_on, callback done) {
  auto asked = std::make_shared<state::question>();
  asked->done = std::move(done);
  asked->answer_on = &answer_on;
  {
    std::lock_guard lock(state_->mutex);
    auto& others = state_->waiting[host];
    others.push_back(asked);
    if (others.size() == 1) state_->hosts.push_back(std::move(host));
    if (state_->hosts.size() > state_->idle && state_->threads.size() < state::max_threads)
      state_->threads.emplace_back([in = state_.get()] { in->work(); });
  }
  state_->ready.notify_one();
  return ticket(static_cast<void*>(asked.get()), [asked](void*) {
    std::lock_guard lock(asked->mutex);
    asked->answer_on = nullptr;
  });
}

}  // namespace andon::net
