#include "andon/net/pool.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <boost/asio/ip/tcp.hpp>

#include "andon/net/url.hpp"

namespace andon::net {

namespace ip = boost::asio::ip;

namespace {
constexpr nanoseconds patience_for_news = std::chrono::milliseconds{250};   // of a name server, where addresses are known
}

endpoint_pool::endpoint_pool(pool_context& in, const endpoint& to)
    : context_(in), to_(to), name_(host_port(to)), host_header_(net::host_header(to)), bare_host_(to.host),
      addresses_(parse_literal_address(proxied() ? to.proxy.host : to.host)), literal_(!addresses_.empty()) {
  if (bare_host_.size() > 2 && bare_host_.front() == '[' && bare_host_.back() == ']') bare_host_ = bare_host_.substr(1, bare_host_.size() - 2);
  forget_spoken();
  if (may_share()) links_ = std::make_shared<http2_links>(*this);
}

void endpoint_pool::forget_spoken() {
  const bool open = to_.http == http_version::negotiated && to_.tls;
  spoken_ = to_.http == http_version::only_2 ? spoken::http2 : open ? spoken::unknown : spoken::http1;
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

void endpoint_pool::retire() {
  close_idle();
  if (links_ != nullptr) links_->retire();
}

void endpoint_pool::keep(client_connection& idle) {
  if (closed_ || !idle.is_current() || idle_.size() >= context_.settings.max_idle) return destroy(idle);
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

std::unique_ptr<byte_stream> endpoint_pool::take_stream(client_connection& from) {
  auto stream = from.take_stream();
  from.counted = false;
  destroy(from);
  return stream;
}

void endpoint_pool::free_room() {
  --taken_;
  if (taken_ == 0) forget_spoken();
  if (closed_) return;
  if (links_ != nullptr) links_->serve_waiting_soon();
  for_room_.wake_one();
}

void endpoint_pool::close_idle() {
  if (links_ != nullptr) links_->close_idle();
  while (!idle_.empty()) destroy(*idle_.front());
}

void endpoint_pool::shut_down() {
  closed_ = true;
  looking_up_.reset();
  for_room_.wake_all(wait_end::cancelled);
  for_addresses_.wake_all(wait_end::cancelled);
  if (links_ != nullptr) links_->shut_down();
  close_idle();
  const auto races = races_;
  for (connect_race* each : races)   // each takes itself off, and may end others
    if (std::ranges::find(races_, each) != races_.end()) each->abort();
  std::vector<client_connection*> busy;
  for (auto& each : all_) busy.push_back(each.get());
  for (client_connection* each : busy)   // aborting one may destroy others
    if (std::ranges::any_of(all_, [each](auto& still) { return still.get() == each; })) each->abort();
}

// ---- opening ----

task<result<client_connection*>> endpoint_pool::open(const call_deadlines& until, call_switch* stop, std::string_view offered) {
  const deadline limit = until.connect.earlier(until.total);
  auto ready = co_await wait_for_room(limit, stop);
  if (!ready || *ready != nullptr) co_return ready;
  ++taken_;
  const mono_time began = context_.at.now();
  auto opened = co_await connect_any(limit, stop, offered);
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

task<result<client_connection*>> endpoint_pool::connect_any(deadline until, call_switch* stop, std::string_view offered) {
  auto found = co_await find_addresses(until, stop);
  if (!found) co_return std::unexpected(std::move(found.error()));
  auto connected = co_await connect_first(until, stop);
  if (!connected) {
    suspect_ |= !literal_ && connected.error().code != errc::cancelled;
    co_return std::unexpected(std::move(connected.error()));
  }
  client_connection* const made = adopt(*connected);
  auto up = co_await made->establish(until, stop, offered);
  if (up) co_return made;
  const error problem = std::move(up.error());
  destroy(*made);
  suspect_ |= !literal_ && problem.code != errc::cancelled;
  co_return std::unexpected(problem);
}

// One address: its connection waits by itself. Several: they race.
task<result<int>> endpoint_pool::connect_first(deadline until, call_switch* stop) {
  const std::uint16_t port = proxied() ? to_.proxy.port : to_.port;
  if (addresses_.size() == 1) {
    auto started = start_connecting({addresses_.front(), port});
    if (!started) co_return failed(started.error().code, started.error().message);
    co_return started;
  }
  connect_race race(context_.at, addresses_, port, context_.settings.attempt_stagger);
  races_.push_back(&race);
  auto first = co_await race.run(until, stop);
  std::erase(races_, &race);
  if (!first) co_return failed(first.error().code, first.error().message);
  co_return first;
}

client_connection* endpoint_pool::adopt(int descriptor) {
  all_.push_back(std::make_unique<client_connection>(*this, descriptor));
  all_.back()->slot = all_.size() - 1;
  return all_.back().get();
}

// ---- addresses ----

task<result<void>> endpoint_pool::find_addresses(deadline until, call_switch* stop) {
  const bool fresh = literal_ || context_.at.now() - resolved_at_ < context_.settings.dns_ttl;
  if (!addresses_.empty() && !suspect_) {
    if (!fresh && looking_up_ == nullptr) start_lookup();
    co_return result<void>{};
  }
  if (looking_up_ == nullptr) start_lookup();
  const deadline patience = addresses_.empty() ? until : deadline::after(context_.at.now(), patience_for_news).earlier(until);
  const wait_end how = co_await for_addresses_.wait(context_.at, patience, stop);
  if (how == wait_end::cancelled) co_return failed(errc::cancelled, "the call was cancelled");
  if (!addresses_.empty()) co_return result<void>{};   // old ones are better than none
  if (how == wait_end::expired) co_return failed(errc::connect_timeout, "the name server did not answer within deadline.connect");
  if (addresses_.empty()) co_return failed(errc::dns_failed, lookup_error_.message);
  co_return result<void>{};
}

void endpoint_pool::start_lookup() {
  looking_up_ = context_.names.lookup(dialled_host(), context_.at.context(), [this](result<addresses> answer) { take_answer(std::move(answer)); });
}

void endpoint_pool::take_answer(result<addresses> answer) {
  looking_up_.reset();
  suspect_ = false;
  resolved_at_ = context_.at.now();
  if (answer) addresses_ = std::move(*answer);
  else lookup_error_ = std::move(answer.error());   // what is known stays in use
  for_addresses_.wake_all(wait_end::woken);
}

}  // namespace andon::net
