#include "andon/sim/connection.hpp"

#include <sys/socket.h>

#include <algorithm>

#include <cerrno>
#include <cstring>

#include "andon/llm/dialect/openai_error.hpp"
#include "andon/net/chunked.hpp"
#include "andon/sim/rendering.hpp"

namespace andon::sim {
namespace {

constexpr std::size_t max_body = 64u << 20;
constexpr std::size_t read_size = 16 * 1024;

std::string refusal(std::string_view why) {
  auto body = llm::openai::error_body(why, "invalid_request_error", "", "");
  return render_head(400, "application/json", static_cast<std::int64_t>(body.size()), "req_bad", {{"connection", "close"}}) + body;
}

}  // namespace

void shared_state::close_all() {
  while (first != nullptr) {
    auto* one = first;
    one->events_.cancel();
    if (first == one) {  // not waiting: it notices at its next step
      first = one->next_;
      if (first != nullptr) first->previous_ = nullptr;
      one->next_ = one->previous_ = nullptr;
      one->server_ = nullptr;
    }
  }
}

connection::connection(shared_state& server, int descriptor)
    : server_(&server), events_(server.core, descriptor), timer_(server.core.timers(), net::deadline_timer::member<&connection::woken>(), this) {
  next_ = server.first;
  if (next_ != nullptr) next_->previous_ = this;
  server.first = this;
}

connection::~connection() {
  if (server_ == nullptr) return;
  (previous_ != nullptr ? previous_->next_ : server_->first) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
}

connection::progress connection::receive() {
  std::size_t old = input_.size();
  input_.resize(old + read_size);
  ssize_t got = ::recv(events_.descriptor(), input_.data() + old, read_size, 0);
  input_.resize(old + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0 && errno == EINTR) return receive();
  if (got < static_cast<ssize_t>(read_size)) events_.drained();
  probe_ = false;
  if (got > 0) return progress::ready;
  if (got == 0) return progress::over;
  return errno == EAGAIN || errno == EWOULDBLOCK ? progress::again : progress::over;
}

net::task<bool> connection::fill() {
  for (;;) {
    if (!probe_ && !events_.readable()) co_await events_.wait_readable();
    if (events_.cancelled() || server_ == nullptr) co_return false;
    auto state = receive();
    if (state != progress::again) co_return state == progress::ready;
  }
}

net::task<bool> connection::read_chunked(std::string& body) {
  net::chunk_reader reader{max_body};
  for (;;) {
    std::size_t used = 0;
    auto state = reader.take(std::string_view{input_}.substr(consumed_), body, used);
    consumed_ += used;
    if (state == net::chunk_reader::state::done) co_return true;
    if (state == net::chunk_reader::state::bad) co_return false;
    input_.clear();
    consumed_ = 0;
    if (!co_await fill()) co_return false;
  }
}

// The buffer has moved: the views of the head follow it.
void connection::parse_again() {
  parser_.restart();
  (void)parser_.parse(input_, head_);
}

net::task<bool> connection::read_request() {
  input_.erase(0, consumed_);
  consumed_ = 0;
  parser_.restart();
  for (;;) {
    auto state = input_.empty() ? net::head_state::more : parser_.parse(input_, head_);
    if (state == net::head_state::complete) break;
    if (state == net::head_state::bad) {
      server_->bad_requests.fetch_add(1, std::memory_order_relaxed);
      std::string answer = refusal(parser_.why());
      (void)co_await send(answer);
      co_return false;
    }
    if (!co_await fill()) co_return false;
  }
  if (head_.expects_continue && !co_await send("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
  if (head_.content_length > max_body) co_return false;
  if (!head_.chunked) {
    consumed_ = head_.size + static_cast<std::size_t>(head_.content_length);
    bool whole = input_.size() >= consumed_;
    while (input_.size() < consumed_)
      if (!co_await fill()) co_return false;
    if (!whole) parse_again();
    body_ = std::string_view{input_}.substr(head_.size, consumed_ - head_.size);
    co_return true;
  }
  std::string head = input_.substr(0, head_.size);
  consumed_ = head_.size;
  chunked_body_.clear();
  if (!co_await read_chunked(chunked_body_)) co_return false;
  input_.insert(0, head);
  consumed_ += head.size();
  parse_again();
  body_ = chunked_body_;
  co_return true;
}

bool connection::send_some(std::string_view& bytes) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(events_.descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    else if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
    else if (errno != EINTR) return false;
  }
  return true;
}

net::task<bool> connection::send(std::string_view bytes) {
  for (;;) {
    if (events_.cancelled() || !send_some(bytes)) co_return false;
    if (bytes.empty()) co_return true;
    co_await events_.wait_writable();
  }
}

// Sleeps, but for a client that leaves.
net::task<bool> connection::pause(nanoseconds span) {
  auto until = deadline::after(server_->core.now(), span);
  timer_.arm(until);
  while (server_ != nullptr && !events_.cancelled() && !until.passed(server_->core.now())) {
    events_.drained();
    co_await events_.wait_readable();
    if (events_.cancelled() || server_ == nullptr || events_.peer_gone()) break;
  }
  timer_.disarm();
  probe_ = true;
  co_return server_ != nullptr && !events_.cancelled() && until.passed(server_->core.now());
}

net::task<void> connection::wait_for_leaving() {
  while (server_ != nullptr && !events_.cancelled()) {
    input_.clear();
    if (receive() == progress::over) co_return;
    if (events_.readable()) continue;
    co_await events_.wait_readable();
  }
}

void connection::reset() {
  linger now{1, 0};
  ::setsockopt(events_.descriptor(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

net::task<bool> connection::finish(ending how) {
  switch (how) {
    case ending::keep: co_return head_.keep_alive;
    case ending::close: co_return false;
    case ending::reset: reset(); co_return false;
    case ending::half_close: ::shutdown(events_.descriptor(), SHUT_WR); break;
    case ending::hang: break;
  }
  co_await wait_for_leaving();
  co_return false;
}

net::task<bool> connection::carry_out(reply_plan& plan) {
  bool sent = true;
  if (!plan.canned.empty()) sent = co_await send(plan.canned);
  for (auto& one : plan.steps) {
    if (!sent) break;
    if (one.wait > nanoseconds{}) sent = co_await pause(one.wait);
    if (sent) sent = co_await send(one.bytes);
  }
  if (sent) co_return co_await finish(plan.end);
  if (server_ != nullptr) server_->clients_left.fetch_add(1, std::memory_order_relaxed);
  co_return false;
}

net::task<void> connection::serve(std::unique_ptr<connection> self, bool reset_in_request) {
  if (reset_in_request) {
    if (co_await self->fill()) self->reset();
    co_return;
  }
  while (co_await self->read_request()) {
    auto& server = *self->server_;
    server.requests.fetch_add(1, std::memory_order_relaxed);
    const auto& head = self->head_;
    sim_request request{head.method, head.path, head.query, head.headers, self->body_};
    auto plan = server.behaviour.answer(request, server.age());
    if (!co_await self->carry_out(plan)) break;
    if (self->server_ == nullptr) break;
  }
}

}  // namespace andon::sim
