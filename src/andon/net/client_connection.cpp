#include "andon/net/client_connection.hpp"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "andon/net/pool.hpp"

namespace andon::net {
namespace {

constexpr nanoseconds probe_after = std::chrono::milliseconds{50};

}  // namespace

client_connection::client_connection(endpoint_pool& home, int descriptor)
    : home_(home), timer_(home.context().at.timers(), deadline_timer::member<&client_connection::on_deadline>(), this) {
  events_.emplace(home.context().at, descriptor);
}

client_connection::~client_connection() {
  if (tls_ != nullptr && stop_ == stop_cause::none) tls_->send_close();
  free_buffers();
}

// ---- waiting ----

void client_connection::hold(call_switch* stop) {
  switch_.listen_to(stop);
  if (stop != nullptr && stop->cancelled() && stop_ == stop_cause::none) stop_ = stop_cause::aborted;
}

bool client_connection::arm(deadline at) {
  if (stop_ != stop_cause::none) return false;
  timer_.arm(at);
  return true;
}

task<bool> client_connection::wait_for(io_state what, deadline at) {
  if (!arm(at)) co_return false;
  waiting_ = true;
  if (what == io_state::want_write) {
    co_await events_->wait_writable();
  } else if (!events_->readable()) {
    co_await events_->wait_readable();
  }
  waiting_ = false;
  co_return stop_ == stop_cause::none;
}

void client_connection::on_deadline() {
  if (phase_ == phase::idle) return on_idle_time();
  if (!waiting_) return;   // armed again by the next wait
  stop_ = stop_cause::expired;
  events_->cancel();
}

void client_connection::abort() {
  if (phase_ == phase::idle || stop_ != stop_cause::none) return;
  stop_ = stop_cause::aborted;
  events_->cancel();
}

std::unexpected<error> client_connection::failed(errc code, std::string_view what) const {
  return fail(code, fmt::format("{}: {}", home_.name(), what));
}

std::unexpected<error> client_connection::stopped() const {
  if (stop_ == stop_cause::aborted) return failed(errc::cancelled, "the call was cancelled");
  return std::unexpected(timed_out(home_.name(), phase_, until_, home_.context().at.now()));
}

// ---- idle and busy ----

void client_connection::become_idle() {
  phase_ = phase::idle;
  free_buffers();
  hold(nullptr);
  if (tls_ == nullptr && !last_read_full_) events_->drained();
  events_->watch(on_idle_event, this);
  probed_ = false;
  timer_.arm(deadline::after(home_.context().at.now(), std::min(probe_after, home_.context().settings.idle_expiry)));
}

void client_connection::become_busy() {
  events_->watch(nullptr, nullptr);
  phase_ = phase::sending;
}

// A FIN that came together with the reply's last bytes raises no event: one look, a little later, finds it.
void client_connection::on_idle_time() {
  const nanoseconds rest = home_.context().settings.idle_expiry - probe_after;
  if (probed_ || rest <= nanoseconds::zero()) return home_.destroy(*this);
  probed_ = true;
  timer_.arm(deadline::after(home_.context().at.now(), rest));
  on_idle_event(this);
}

// Nothing may come on an idle connection but TLS's own messages.
void client_connection::on_idle_event(void* self) {
  auto* here = static_cast<client_connection*>(self);
  if (here->phase_ != phase::idle) return;
  char byte;
  if (here->receive(&byte, 1).now != io_state::want_read) here->home_.destroy(*here);
}

void client_connection::release() noexcept {
  const bool complete = phase_ == phase::body && decoder_.done() && !broken_ && raw_size_ == 0 && packed_.empty() && reusable_ &&
                        stop_ == stop_cause::none && !waiting_;
  if (complete) return home_.keep(*this);
  if (waiting_) abort();   // the reader runs and ends with `cancelled`
  home_.destroy(*this);
}

void client_connection::free_buffers() {
  auto& blocks = home_.context().at.blocks();
  if (capacity_ == block_pool::block_size) blocks.give_back(std::move(buffer_));
  buffer_.reset();
  blocks.give_back(std::move(extra_));
  blocks.give_back(std::move(unpacked_));
  capacity_ = filled_ = area_size_ = raw_size_ = 0;
  area_ = raw_ = nullptr;
  packed_ = {};
  unpack_.reset();
  whole_.clear();
  if (whole_.capacity() > 64) std::string{}.swap(whole_);  // assigning an empty text would keep the buffer
}

// ---- bytes ----

io_step client_connection::receive(char* into, std::size_t size) {
  const io_step step = tls_ != nullptr ? tls_->read(into, size) : receive_plain(into, size);
  if (step.now == io_state::want_read) events_->drained();
  return step;
}

io_step client_connection::receive_plain(char* into, std::size_t size) {
  ssize_t got;
  do got = ::recv(events_->descriptor(), into, size, 0);
  while (got < 0 && errno == EINTR);
  if (got > 0) {
    last_read_full_ = static_cast<std::size_t>(got) == size;
    return {io_state::done, static_cast<std::size_t>(got)};
  }
  if (got == 0) return {io_state::closed, 0};
  return {errno == EAGAIN || errno == EWOULDBLOCK ? io_state::want_read : io_state::failed, 0};
}

io_step client_connection::transmit() { return tls_ != nullptr ? transmit_tls() : transmit_plain(); }

io_step client_connection::transmit_plain() {
  iovec parts[2] = {{buffer_.get() + head_sent_, head_size_ - head_sent_}, {const_cast<char*>(body_.data()), body_.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = body_.empty() ? 1 : 2;
  ssize_t sent;
  do sent = ::sendmsg(events_->descriptor(), &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return {errno == EAGAIN || errno == EWOULDBLOCK ? io_state::want_write : io_state::failed, 0};
  const auto total = static_cast<std::size_t>(sent);
  const std::size_t of_head = std::min(total, head_size_ - head_sent_);
  head_sent_ += of_head;
  body_.remove_prefix(total - of_head);
  return {io_state::done, total};
}

// Small bodies were composed behind the head, so that they share its record.
io_step client_connection::transmit_tls() {
  const bool in_head = head_sent_ != head_size_;
  const io_step step = in_head ? tls_->write(buffer_.get() + head_sent_, head_size_ - head_sent_) : tls_->write(body_.data(), body_.size());
  if (step.now != io_state::done) return step;
  if (in_head) head_sent_ += step.bytes;
  else body_.remove_prefix(step.bytes);
  return step;
}

// ---- opening ----

task<result<void>> client_connection::establish(deadline until, call_switch* stop, std::string_view offered) {
  hold(stop);
  phase_ = phase::connecting;
  if (!events_->usable()) co_return failed(errc::connect_failed, "the connection cannot be watched: too many open files");
  int problem = EINPROGRESS;
  while (problem == EINPROGRESS) {
    if (!co_await wait_for(io_state::want_write, until)) co_return stopped();
    problem = connect_outcome(events_->descriptor());
  }
  if (problem != 0)
    co_return failed(errc::connect_failed, fmt::format("{}: check that the provider listens there", std::strerror(problem)));
  if (!home_.to().tls) co_return result<void>{};
  if (home_.proxied()) {
    phase_ = phase::tunnelling;
    if (auto through = co_await tunnel(until); !through) co_return through;
  }
  phase_ = phase::securing;
  co_return co_await shake_hands(until, offered);
}

task<result<void>> client_connection::shake_hands(deadline until, std::string_view offered) {
  tls_ = std::make_unique<tls_session>(*home_.tls(), events_->descriptor(), home_.bare_host(), home_.resumption());
  tls_->offer(offered);
  for (;;) {
    const io_step step = tls_->handshake();
    if (step.now == io_state::done) co_return agreed();
    if (step.now == io_state::closed || step.now == io_state::failed) {
      const std::string why = tls_->why();
      co_return failed(errc::tls_failed, fmt::format("TLS failed: {}", why.empty() ? "the peer closed the connection" : why));
    }
    if (step.now == io_state::want_read) events_->drained();
    if (!co_await wait_for(step.now, until)) co_return stopped();
  }
}

result<void> client_connection::agreed() const {
  if (home_.to().http != http_version::only_2 || speaks_http2()) return {};
  return failed(errc::tls_failed, "the provider does not agree to HTTP/2 (ALPN): set the provider's `http` to auto");
}

bool client_connection::speaks_http2() const {
  return tls_ != nullptr ? tls_->protocol() == "h2" : home_.to().http == http_version::only_2;
}

std::unique_ptr<byte_stream> client_connection::take_stream() {
  auto stream = std::make_unique<byte_stream>(events_->at(), events_->give_up());
  if (tls_ != nullptr) stream->secure(std::move(tls_));
  return stream;
}

bool client_connection::is_current() const { return tls_ == nullptr || tls_->is_of(*home_.tls()); }

}  // namespace andon::net
