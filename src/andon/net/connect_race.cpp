#include "andon/net/connect_race.hpp"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace andon::net {

addresses alternate_families(const addresses& from) {
  addresses out;
  if (from.empty()) return out;
  addresses first, second;
  for (const auto& one : from) (one.is_v6() == from.front().is_v6() ? first : second).push_back(one);
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) out.push_back(first[i]);
    if (i < second.size()) out.push_back(second[i]);
  }
  return out;
}

result<int> start_connecting(const boost::asio::ip::tcp::endpoint& peer) {
  const int descriptor = ::socket(peer.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return fail(errc::connect_failed, std::string("no socket could be made: ") + std::strerror(errno));
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(descriptor, peer.data(), static_cast<socklen_t>(peer.size())) == 0 || errno == EINPROGRESS) return descriptor;
  const int problem = errno;
  ::close(descriptor);
  return fail(errc::connect_failed, std::string(std::strerror(problem)) + " (" + peer.address().to_string() + ")");
}

int connect_outcome(int descriptor) {
  int problem = 0;
  socklen_t size = sizeof problem;
  ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem != 0) return problem;
  sockaddr_storage peer;
  socklen_t peer_size = sizeof peer;
  return ::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0 ? 0 : EINPROGRESS;
}

connect_race::~connect_race() {
  for (const int one : running_) ::close(one);
}

void connect_race::abort() {
  aborted_ = true;
  if (events_) events_->wake_reader();
}

void connect_race::start_next() {
  const auto& address = addresses_[next_++];
  next_start_ = core_.now() + stagger_;
  auto started = start_connecting({address, port_});
  if (!started) {
    problem_ = std::move(started.error());
    next_start_ = core_.now();
    return;
  }
  epoll_event interest{};
  interest.events = EPOLLOUT;
  interest.data.fd = *started;
  running_.push_back(*started);
  if (::epoll_ctl(events_->descriptor(), EPOLL_CTL_ADD, *started, &interest) != 0) problem_.message = std::strerror(errno);
}

void connect_race::look() {
  std::array<epoll_event, 16> ready;
  const int count = ::epoll_wait(events_->descriptor(), ready.data(), ready.size(), 0);
  if (count <= 0) return events_->drained();
  for (const auto& one : std::span(ready.data(), static_cast<std::size_t>(count))) {
    const int outcome = connect_outcome(one.data.fd);
    if (outcome == EINPROGRESS) continue;
    std::erase(running_, one.data.fd);
    if (outcome == 0) {
      winner_ = one.data.fd;
      (void)::epoll_ctl(events_->descriptor(), EPOLL_CTL_DEL, winner_, nullptr);
      return;
    }
    ::close(one.data.fd);
    problem_ = {errc::connect_failed, std::string(std::strerror(outcome)) + ": check that the provider listens there"};
    next_start_ = core_.now();
  }
}

task<result<int>> connect_race::run(deadline until, call_switch* stop) {
  switch_.listen_to(stop);
  if (stop != nullptr && stop->cancelled()) aborted_ = true;
  const int poller = ::epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) co_return fail(errc::connect_failed, std::string("no epoll could be made: ") + std::strerror(errno));
  events_ = std::make_unique<socket_events>(core_, poller);
  for (;;) {
    const mono_time now = core_.now();
    if (aborted_) co_return fail(errc::cancelled, "the call was cancelled");
    if (until.passed(now)) co_return fail(errc::connect_timeout, "no connection within deadline.connect: check address and firewall, or raise the deadline");
    if (may_start(now)) {
      start_next();
      continue;
    }
    look();
    if (winner_ >= 0) co_return winner_;
    if (running_.empty() && next_ == addresses_.size()) co_return std::unexpected(problem_);
    if (events_->readable()) continue;
    timer_.arm(next_ < addresses_.size() ? until.earlier(deadline{next_start_}) : until);
    co_await events_->wait_readable();
    timer_.disarm();
  }
}

}  // namespace andon::net
