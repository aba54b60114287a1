#include "andon/net/http2_links.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "andon/net/http2_link.hpp"
#include "andon/net/http2_reply.hpp"
#include "andon/net/pool.hpp"

namespace andon::net {

http2_links::http2_links(endpoint_pool& home) : home_(home) {}
http2_links::~http2_links() = default;

task<result<http2_links::sent>> http2_links::send(const outgoing_request& request, const call_deadlines& until, mono_time began, call_switch* stop) {
  for (bool again = false;; again = true) {
    carrier on{with_room(), nullptr, false};
    if (on.link == nullptr) {
      auto found = co_await find(until, stop);
      if (!found) co_return std::unexpected(std::move(found.error()));
      on = std::move(*found);
    }
    if (on.link == nullptr) co_return sent{nullptr, on.alone};
    auto reply = std::make_unique<http2_reply>(home_);
    reply->measured = {on.fresh ? on.link->connect_time() : nanoseconds{}, nanoseconds{}, !on.fresh, again};
    if (!on.fresh) ++home_.context().counts.reused;
    auto outcome = co_await reply->exchange(*on.link, request, until, began, stop);
    if (outcome) co_return sent{reply_ptr(reply.release()), nullptr};
    const bool repeat = reply->undone() && !again;
    if (reply->wants_http1() && home_.to().http == http_version::negotiated) {
      home_.settle_on(spoken::http1);
      co_return sent{};
    }
    reply.reset();
    if (again) outcome.error().message += renewed_note;
    if (!repeat) co_return std::unexpected(std::move(outcome.error()));
    ++home_.context().counts.retried;
  }
}

// ---- choosing ----

std::shared_ptr<http2_link> http2_links::with_room() const {
  for (const auto& one : all_)
    if (one->room() != 0) return one;
  return nullptr;
}

bool http2_links::may_open(std::size_t wanting) const {
  const auto unsettled = std::ranges::count_if(all_, [](const auto& one) { return !one->settled(); });
  const std::size_t coming = opening_ + static_cast<std::size_t>(unsettled);
  return home_.has_room() && (coming == 0 || wanting > coming * expected_room_);
}

task<result<http2_links::carrier>> http2_links::find(const call_deadlines& until, call_switch* stop) {
  const deadline limit = until.connect.earlier(until.total);
  if (closed_ || (stop != nullptr && stop->cancelled())) co_return unserved(wait_end::cancelled);
  for (;;) {
    if (auto link = with_room()) co_return carrier{std::move(link), nullptr, false};
    if (!home_.may_share()) co_return carrier{};
    if (may_open(waiting_count_ + 1)) co_return co_await open(until, stop);
    ++waiting_count_;
    const wait_end how = co_await waiting_.wait(home_.context().at, limit, stop);
    --waiting_count_;
    if (how != wait_end::woken) co_return unserved(how);
    if (failure_) co_return std::unexpected(*failure_);
  }
}

std::unexpected<error> http2_links::unserved(wait_end how) const {
  if (how == wait_end::cancelled) return home_.failed(errc::cancelled, "the call was cancelled");
  if (home_.has_room()) return home_.failed(errc::connect_timeout, "no connection within deadline.connect: check address and firewall, or raise the deadline");
  return home_.failed(errc::overloaded, fmt::format("all {} connections stayed full until deadline.connect: add targets or lower the load",
                                                    home_.context().settings.max_connections));
}

task<result<http2_links::carrier>> http2_links::open(const call_deadlines& until, call_switch* stop) {
  ++opening_;
  auto opened = co_await home_.open(until, stop, home_.to().http == http_version::only_2 ? alpn_http2 : alpn_both);
  --opening_;
  if (!opened) {
    const errc code = opened.error().code;
    const bool its_own = code == errc::cancelled || code == errc::connect_timeout || code == errc::overloaded;
    if (!its_own && opening_ == 0) failure_ = opened.error();
    serve_waiting_soon();
    co_return std::unexpected(std::move(opened.error()));
  }
  client_connection* const made = *opened;
  serve_waiting_soon();
  if (!made->speaks_http2()) {
    home_.settle_on(spoken::http1);
    co_return carrier{nullptr, made, true};
  }
  home_.settle_on(spoken::http2);
  const nanoseconds took = made->measured.connect;
  auto link = std::make_shared<http2_link>(*this, home_, home_.take_stream(*made), took);
  all_.push_back(link);
  link->start();
  if (!link->lost()) co_return carrier{std::move(link), nullptr, true};
  auto why = home_.failed(link->lost()->code, link->lost()->message);  // the peer was faster than the call
  if (opening_ == 0) failure_ = why.error();
  serve_waiting_soon();
  co_return why;
}

// ---- those who wait ----

// Not at once: who wakes others must not have anything left to do.
void http2_links::serve_waiting_soon() {
  if (serving_soon_ || closed_ || (waiting_.empty() && !failure_)) return;
  serving_soon_ = true;
  home_.context().at.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->serve_waiting();
  });
}

void http2_links::serve_waiting() {
  serving_soon_ = false;
  if (closed_) return;
  if (failure_) {
    waiting_.wake_all(wait_end::woken);
    failure_.reset();
    return;
  }
  while (!closed_ && (!home_.may_share() || with_room() != nullptr || may_open(waiting_count_)))
    if (!waiting_.wake_one()) return;
}

void http2_links::gone(http2_link& over) {
  std::erase_if(all_, [&over](const auto& one) { return one.get() == &over; });
  home_.free_room();
}

std::size_t http2_links::idle_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(all_, [](const auto& one) { return one->calls() == 0; }));
}

void http2_links::close_idle() {
  const auto all = all_;
  for (const auto& one : all)
    if (one->calls() == 0) one->close();
}

void http2_links::retire() {
  const auto all = all_;
  for (const auto& one : all) one->retire();
}

void http2_links::shut_down() {
  closed_ = true;
  waiting_.wake_all(wait_end::cancelled);
  const auto all = std::exchange(all_, {});
  for (const auto& one : all) one->shut_down();
}

}  // namespace andon::net
