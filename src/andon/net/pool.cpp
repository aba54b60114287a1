#include "andon/net/pool.hpp"

#include <fmt/core.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <cstring>

#include "andon/net/url.hpp"

namespace andon::net {

namespace ip = boost::asio::ip;

endpoint_pool::endpoint_pool(pool_context& in, const endpoint& to)
    : context_(in), to_(to), name_(host_port(to)), host_header_(net::host_header(to)), bare_host_(to.host),
      addresses_(parse_literal_address(to.host)), literal_(!addresses_.empty()) {
  if (bare_host_.size() > 2 && bare_host_.front() == '[' && bare_host_.back() == ']') bare_host_ = bare_host_.substr(1, bare_host_.size() - 2);
}

std::unexpected<error> endpoint_pool::failed(errc code, std::string_view what) const {
  return fail(code, fmt::format("{}: {}", name_, what));
}

// ---- idle connections ----

client_connection* endpoint_pool::take_idle() {
  if (idle_.empty()) return nullptr;
  client_connection* last = idle_.back();
  idle_.pop_back();
  last->become_busy();
  last->measured = {nanoseconds{}, nanoseconds{}, true};
  return last;
}

void endpoint_pool::keep(client_connection& idle) {
  if (closed_ || idle_.size() >= context_.settings.max_idle) return destroy(idle);
  idle_.push_back(&idle);
  idle.become_idle();
  for_room_.wake_one();
}

void endpoint_pool::destroy(client_connection& gone) {
  std::erase(idle_, &gone);
  const std::size_t slot = gone.slot;
  auto dying = std::move(all_[slot]);
  if (slot + 1 != all_.size()) {
    all_[slot] = std::move(all_.back());
    all_[slot]->slot = slot;
  }
  all_.pop_back();
  const bool counted = dying->counted;
  dying.reset();
  if (counted) free_room();
}

void endpoint_pool::free_room() {
  --taken_;
  if (!closed_) for_room_.wake_one();
}

void endpoint_pool::close_idle() {
  while (!idle_.empty()) destroy(*idle_.front());
}

void endpoint_pool::shut_down() {
  closed_ = true;
  looking_up_.reset();
  for_room_.wake_all(wait_end::cancelled);
  for_addresses_.wake_all(wait_end::cancelled);
  close_idle();
  std::vector<client_connection*> busy;
  for (auto& each : all_) busy.push_back(each.get());
  for (client_connection* each : busy)   // aborting one may destroy others
    if (std::ranges::any_of(all_, [each](auto& still) { return still.get() == each; })) each->abort();
}

// ---- opening ----

task<result<client_connection*>> endpoint_pool::open(const call_deadlines& until, call_switch* stop) {
  const deadline limit = until.connect.earlier(until.total);
  auto ready = co_await wait_for_room(limit, stop);
  if (!ready || *ready != nullptr) co_return ready;
  ++taken_;
  const mono_time began = context_.at.now();
  auto opened = co_await connect_any(limit, stop);
  if (!opened) {
    free_room();
    co_return opened;
  }
  (*opened)->counted = true;
  (*opened)->measured = {context_.at.now() - began, nanoseconds{}, false};
  ++context_.counts.opened;
  co_return opened;
}

task<result<client_connection*>> endpoint_pool::wait_for_room(deadline until, call_switch* stop) {
  if (closed_ || (stop != nullptr && stop->cancelled())) co_return failed(errc::cancelled, "the call was cancelled");
  while (taken_ >= context_.settings.max_connections) {
    const wait_end how = co_await for_room_.wait(context_.at, until, stop);
    if (how == wait_end::cancelled) co_return failed(errc::cancelled, "the call was cancelled");
    if (how == wait_end::expired)
      co_return failed(errc::overloaded, fmt::format("all {} connections stayed in use until deadline.connect: add targets or lower the load",
                                                     context_.settings.max_connections));
    if (client_connection* idle = take_idle()) co_return idle;
  }
  co_return nullptr;
}

task<result<client_connection*>> endpoint_pool::connect_any(deadline until, call_switch* stop) {
  auto found = co_await find_addresses(until, stop);
  if (!found) co_return std::unexpected(std::move(found.error()));
  const addresses candidates = addresses_;
  error problem{errc::connect_failed, {}};
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    deadline limit = until;
    if (i + 1 != candidates.size()) limit = until.earlier(deadline::after(context_.at.now(), context_.settings.attempt_timeout));
    auto made = make_connection(candidates[i]);
    if (!made) {
      problem = std::move(made.error());
      continue;
    }
    client_connection* const attempt = *made;
    auto up = co_await attempt->establish(limit, stop);
    if (up) co_return attempt;
    problem = std::move(up.error());
    destroy(*attempt);
    if (problem.code == errc::cancelled || problem.code == errc::tls_failed || until.passed(context_.at.now())) break;
  }
  if (!literal_ && problem.code != errc::cancelled) addresses_.clear();   // the next call asks again
  co_return std::unexpected(std::move(problem));
}

result<client_connection*> endpoint_pool::make_connection(const ip::address& address) {
  const ip::tcp::endpoint peer(address, to_.port);
  const int descriptor = ::socket(peer.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return failed(errc::connect_failed, fmt::format("no socket could be made: {}", std::strerror(errno)));
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(descriptor, peer.data(), static_cast<socklen_t>(peer.size())) != 0 && errno != EINPROGRESS) {
    const int problem = errno;
    ::close(descriptor);
    return failed(errc::connect_failed, fmt::format("{} ({})", std::strerror(problem), address.to_string()));
  }
  all_.push_back(std::make_unique<client_connection>(*this, descriptor));
  all_.back()->slot = all_.size() - 1;
  return all_.back().get();
}

// ---- addresses ----

task<result<void>> endpoint_pool::find_addresses(deadline until, call_switch* stop) {
  const bool fresh = literal_ || context_.at.now() - resolved_at_ < context_.settings.dns_ttl;
  if (!addresses_.empty()) {
    if (!fresh && looking_up_ == nullptr) start_lookup();
    co_return result<void>{};
  }
  if (looking_up_ == nullptr) start_lookup();
  const wait_end how = co_await for_addresses_.wait(context_.at, until, stop);
  if (how == wait_end::cancelled) co_return failed(errc::cancelled, "the call was cancelled");
  if (how == wait_end::expired) co_return failed(errc::connect_timeout, "the name server did not answer within deadline.connect");
  if (addresses_.empty()) co_return failed(errc::dns_failed, lookup_error_.message);
  co_return result<void>{};
}

void endpoint_pool::start_lookup() {
  looking_up_ = context_.names.lookup(bare_host_, context_.at.context(), [this](result<addresses> answer) { take_answer(std::move(answer)); });
}

void endpoint_pool::take_answer(result<addresses> answer) {
  looking_up_.reset();
  resolved_at_ = context_.at.now();
  if (answer) addresses_ = std::move(*answer);
  else lookup_error_ = std::move(answer.error());   // what is known stays in use
  for_addresses_.wake_all(wait_end::woken);
}

}  // namespace andon::net
