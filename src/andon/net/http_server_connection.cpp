#include "andon/net/http_server_connection.hpp"

#include <sys/socket.h>

#include <cstring>
#include <utility>

#include "andon/base/log.hpp"
#include "andon/net/http2_session.hpp"

namespace andon::net {
namespace {

constexpr nanoseconds idle_probe_after = std::chrono::milliseconds{250};
constexpr nanoseconds gone_probe_after = std::chrono::milliseconds{50};
constexpr nanoseconds linger_limit = std::chrono::seconds{2};
constexpr std::uint16_t turns_before_yield = 64;
constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\n";

void call_once(std::function<void()>& gone) {
  if (const auto call = std::exchange(gone, nullptr)) call();
}

}  // namespace

server_connection::server_connection(std::shared_ptr<server_state> server, int descriptor, std::string_view peer)
    : server_(std::move(server)),
      stream_(server_->at, descriptor),
      timer_(server_->at.timers(), deadline_timer::member<&server_connection::on_timer>(), this) {
  peer_size_ = static_cast<std::uint8_t>(std::min(peer.size(), peer_.size()));
  std::memcpy(peer_.data(), peer.data(), peer_size_);
  insert_before(server_->connections);
  ++server_->counts.open;
  events().drained();
}

server_connection::~server_connection() {
  if (reset_) stream_.make_close_hard();
  if (work_) server_->take_back(std::move(work_));
  unlink();
  server_->left(*this);
}

task<void> server_connection::serve() {
  std::unique_ptr<server_connection> self(this);
  while (events().usable()) {
    const intake got = take_request();
    if (got == intake::wait) {
      await_bytes();
      co_await events().wait_readable();
      continue;
    }
    if (got == intake::http2) {
      core& at = server_->at;
      at.spawn(self.release()->serve_http2());
      co_return;
    }
    if (got != intake::request) break;
    try {
      co_await server_->handler.handle(*this);
    } catch (const std::exception& e) {
      log::error("handler_failed", {{"what", e.what()}});
    }
    settle();
    if (keep_ && (body_ == body_at::unread || body_ == body_at::partial)) co_await receive_body();
    if (!end_request()) break;
    if (++turns_ % turns_before_yield == 0) co_await server_->at.yield();
  }
  if (linger_ && !gone_) co_await linger();
}

task<void> server_connection::serve_http2() {
  const std::unique_ptr<server_connection> self(this);
  timer_.disarm();
  http2_session session(*server_, stream_, peer_address());
  http2_ = &session;
  std::string received;
  if (work_) {
    received = work_->received();
    server_->take_back(std::move(work_));
  }
  co_await session.run(received);
  http2_ = nullptr;
}

server_connection::intake server_connection::take_request() {
  if (events().cancelled() || gone_) {
    if (phase_ == phase::head && !gone_) return refuse(errc::client_timeout, "the head of the request did not arrive in time", "head_timeout");
    return intake::closed;
  }
  for (;;) {
    if (work_ && work_->begin < work_->end) {
      if (!arrived_set_) {
        arrived_ = server_->at.now();
        arrived_set_ = true;
      }
      const intake got = on_head(work_->parser.parse(work_->received(), work_->head));
      if (got != intake::wait) return got;
    }
    if (!events().readable()) return server_->draining && !arrived_set_ ? intake::closed : intake::wait;
    if (!receive()) return intake::closed;
  }
}

server_connection::intake server_connection::on_head(head_state state) {
  if (state == head_state::more) return intake::wait;
  if (state == head_state::bad) return on_bad_head();
  if (body_needs_room()) {
    make_room();
    work_->parser.restart();
    (void)work_->parser.parse(work_->received(), work_->head);
  }
  begin_request();
  return intake::request;
}

server_connection::intake server_connection::on_bad_head() {
  const auto received = work_->received();
  if (server_->limits.http2 && received.starts_with(http2_preface)) return intake::http2;
  if (server_->limits.http2 && http2_preface.starts_with(received)) return intake::wait;
  return refuse(work_->parser.code(), work_->parser.why(), work_->parser.bound());
}

bool server_connection::receive() {
  if (!work_) work_ = server_->lend();
  if (work_->begin == work_->end && !arrived_set_) work_->begin = work_->end = 0;
  if (work_->end == work_->capacity) make_room();
  const std::size_t room = work_->capacity - work_->end;
  const io_step got = stream_.read(work_->buffer.get() + work_->end, room);
  work_->end += got.bytes;
  return got.now == io_state::done || got.now == io_state::want_read;
}

bool server_connection::body_needs_room() const {
  const auto& head = work_->head;
  if (!head.chunked && !head.has_length) return false;
  const bool all_here = head.has_length && work_->end - work_->begin - head.size >= head.content_length;
  return !all_here && work_->capacity - work_->end < 2048;
}

void server_connection::make_room() {
  auto& work = *work_;
  const std::size_t size = work.end - work.begin;
  if (work.begin != 0 && work.capacity - size >= work.capacity / 4) {
    std::memmove(work.buffer.get(), work.buffer.get() + work.begin, size);
  } else {
    const std::size_t capacity = work.capacity * 2;
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    std::memcpy(larger.get(), work.buffer.get() + work.begin, size);
    work.buffer = std::move(larger);
    work.capacity = capacity;
  }
  work.begin = 0;
  work.end = size;
}

void server_connection::begin_request() {
  auto& work = *work_;
  timer_.disarm();
  phase_ = phase::working;
  ++server_->counts.requests;
  work.begin += work.head.size;
  work.body_start = work.begin;
  unpacked_ = false;
  const bool has_body = work.head.chunked || work.head.content_length != 0;
  body_ = has_body ? body_at::unread : body_at::whole;
  in_place_ = !work.head.chunked && work.begin + work.head.content_length <= work.capacity;
  if (work.head.chunked) work.chunks = chunk_reader(server_->limits.max_body);
  answer_ = answer::none;
  keep_ = work.head.keep_alive;
  head_only_ = work.head.method == "HEAD";
}

void server_connection::settle() {
  if (work_->gone_call) on_client_gone(nullptr);
  timer_.disarm();
  if (answer_ == answer::none) {
    log::error("handler_gave_no_answer", {{"path", path()}});
    send_refusal(error{errc::internal, "internal error"});
  }
  if (answer_ != answer::finished) {
    keep_ = false;
    reset_ = work_->head.http_1_0;
  }
  if (body_ == body_at::failed) keep_ = false;
  linger_ = !keep_ && body_ != body_at::whole && answer_ == answer::finished;
}

bool server_connection::end_request() {
  auto& work = *work_;
  if (!keep_ || gone_ || body_ != body_at::whole || events().cancelled()) return false;
  if (in_place_) work.begin += work.head.content_length;
  work.body.clear();
  work.body_filled = 0;
  work.parser.restart();
  arrived_set_ = false;
  return true;
}

void server_connection::await_bytes() {
  turns_ = 0;
  if (arrived_set_) {
    if (phase_ != phase::head) arm(phase::head, server_->limits.head_timeout);
    return;
  }
  if (work_) server_->take_back(std::move(work_));
  arm(phase::idle_probe, std::min(idle_probe_after, server_->limits.idle_timeout));
}

void server_connection::arm(phase next, nanoseconds limit) {
  phase_ = next;
  timer_.arm(deadline::after(server_->at.now(), limit));
}

void server_connection::on_timer() {
  switch (phase_) {
    case phase::working: return check_gone();
    case phase::idle_probe:
      if (events().peer_gone() || server_->limits.idle_timeout <= idle_probe_after) return events().cancel();
      return arm(phase::idle, server_->limits.idle_timeout - idle_probe_after);
    default: return events().cancel();
  }
}

server_connection::intake server_connection::refuse(errc code, std::string_view why, std::string_view bound) {
  const error refusal{code, std::string(why), std::string(bound)};
  ++server_->counts.refused;
  keep_ = false;
  head_only_ = false;
  answer_ = answer::none;
  server_->handler.refused(refusal, peer_address());
  send_refusal(refusal);
  linger_ = true;
  return intake::refused;
}

// Only as much as the kernel takes at once: nobody waits for a client that breaks the rules.
void server_connection::send_refusal(const error& why) {
  const auto said = server_->handler.describe(why);
  std::vector<header> lines{{"Content-Type", said.content_type}};
  for (const auto& line : said.more) lines.push_back({line.name, line.value});
  keep_ = false;
  if (!compose(kind_of(why.code).http_status, lines, body_length::given, said.body.size())) return;
  if (!head_only_) work_->out += said.body;
  work_->pending = {work_->out, {}, {}};
  answer_ = answer::finished;
  (void)flush_now();
}

task<void> server_connection::linger() {
  stream_.shut_write();
  arm(phase::lingering, linger_limit);
  while (!events().cancelled()) {
    if (events().readable()) {
      work_->begin = work_->end = 0;
      if (!receive()) break;
    } else {
      co_await events().wait_readable();
    }
  }
}

void server_connection::on_client_gone(std::function<void()> gone) {
  auto& held = work_->gone_call;
  held = gone ? std::make_shared<std::function<void()>>(std::move(gone)) : nullptr;
  if (!held) return events().watch(nullptr, nullptr);
  events().watch(&server_connection::noticed, this);
  if (phase_ == phase::working) arm(phase::working, events().readable() ? nanoseconds::zero() : gone_probe_after);
}

void server_connection::check_gone() {
  if (!work_ || !work_->gone_call || !events().peer_gone()) return;
  gone_ = true;
  const auto call = std::exchange(work_->gone_call, nullptr);
  events().watch(nullptr, nullptr);
  call_once(*call);
}

void server_connection::wake_for_drain() {
  if (http2_ != nullptr) return http2_->wake_for_drain();
  if (phase_ != phase::idle && phase_ != phase::idle_probe) return;
  events().assume_readable();
  events().wake_reader();
}

void server_connection::abandon() {
  gone_ = true;
  if (http2_ != nullptr) return http2_->abandon();
  ::shutdown(stream_.descriptor(), SHUT_RDWR);
  if (work_ && work_->gone_call) {
    events().watch(nullptr, nullptr);
    server_->at.post([call = std::weak_ptr(work_->gone_call)] {
      if (const auto held = call.lock()) call_once(*held);
    });
  }
  events().cancel();
}

}  // namespace andon::net
