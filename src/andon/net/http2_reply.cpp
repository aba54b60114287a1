#include "andon/net/http2_reply.hpp"

#include <fmt/core.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "andon/net/client_head.hpp"
#include "andon/net/http2_link.hpp"
#include "andon/net/pool.hpp"

namespace andon::net {
namespace {

constexpr std::size_t most_fields = 256;
constexpr std::size_t field_overhead = 32;   // RFC 9113, 10.5.1
constexpr int most_interim = 8;

}  // namespace

http2_reply::http2_reply(endpoint_pool& home)
    : home_(home), timer_(home.context().at.timers(), deadline_timer::member<&http2_reply::on_deadline>(), this) {}

http2_reply::~http2_reply() {
  let_go();
  home_.context().at.blocks().give_back(std::move(unpacked_));
}

// ---- the exchange ----

task<result<void>> http2_reply::exchange(http2_link& on, const outgoing_request& request, const call_deadlines& until, mono_time began, call_switch* stop) {
  until_ = until;
  switch_.listen_to(stop);
  if (stop != nullptr && stop->cancelled()) stop_ = stop_cause::aborted;
  if (stop_ != stop_cause::none) co_return stopped();
  if (!is_well_formed(request)) co_return failed(errc::invalid_argument, "the request's method, target or a header holds a character that HTTP does not allow");
  body_ = request.body;
  to_head_request_ = request.method == "HEAD";
  sent_at_ = home_.context().at.now();
  on.begin(*this, request);
  while (!answered()) {
    if (stop_ != stop_cause::none) co_return stopped();
    if (problem_) co_return std::unexpected(*problem_);
    arm();
    co_await point_.wait();
  }
  gave_up_body_ = !body_.empty();
  body_ = {};
  phase_ = call_phase::body;
  measured.first_byte = home_.context().at.now() - began;
  co_return result<void>{};
}

// A provider may refuse before it has taken everything, but one that begins with success may need the rest.
bool http2_reply::answered() const { return has_head_ && (body_.empty() || status_ >= 300 || ended_ || problem_); }

ssize_t http2_reply::give(std::uint8_t* into, std::size_t room, std::uint32_t& flags) {
  if (gave_up_body_) return NGHTTP2_ERR_DEFERRED;
  const std::size_t step = std::min(room, body_.size());
  std::memcpy(into, body_.data(), step);
  body_.remove_prefix(step);
  if (body_.empty()) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    phase_ = call_phase::head;
  }
  return static_cast<ssize_t>(step);
}

void http2_reply::carried_by(http2_link& link, std::int32_t id) {
  link_ = &link;
  id_ = id;
  open_ = true;
  if (body_.empty()) phase_ = call_phase::head;
}

// ---- waiting ----

void http2_reply::arm() { timer_.arm(read_deadline(phase_, until_, home_.context().at.now())); }

void http2_reply::on_deadline() {
  if (!point_.waiting()) return;   // armed again by the next wait
  stop_ = stop_cause::expired;
  point_.wake();
}

void http2_reply::wake() {
  touched_ = false;
  if (!open_) link_ = nullptr;
  point_.wake();
}

void http2_reply::let_go() {
  if (http2_link* const link = std::exchange(link_, nullptr)) link->forget(id_, std::exchange(open_, false));
}

void http2_reply::abort() {
  if (stop_ != stop_cause::none) return;
  stop_ = stop_cause::aborted;
  let_go();
  point_.wake();
}

void http2_reply::release() noexcept {
  if (point_.waiting()) abort();   // the reader runs and ends with `cancelled`
  delete this;
}

std::unexpected<error> http2_reply::failed(errc code, std::string_view what) const { return home_.failed(code, what); }

std::unexpected<error> http2_reply::stopped() const {
  if (stop_ == stop_cause::aborted) return failed(errc::cancelled, "the call was cancelled");
  return std::unexpected(timed_out(home_.name(), phase_, until_, home_.context().at.now()));
}

// ---- the head ----

void http2_reply::begin_head() {
  in_trailers_ = has_head_;
  if (in_trailers_) return;
  text_.clear();
  fields_.clear();
}

void http2_reply::add_field(std::string_view name, std::string_view value) {
  if (in_trailers_ || problem_) return;
  if (text_.size() + name.size() + value.size() + field_overhead * (fields_.size() + 1) > home_.context().settings.max_head)
    return spoil(errc::upstream_bad_reply, fmt::format("the head of the reply is larger than {} bytes", home_.context().settings.max_head));
  if (fields_.size() == most_fields) return spoil(errc::upstream_bad_reply, "more than 256 header lines");
  const std::size_t at = text_.size();
  text_.append(name).append(value);
  fields_.push_back({at, at + name.size(), text_.size()});
}

void http2_reply::end_head(bool whole_reply) {
  if (in_trailers_ || problem_) return;
  take_fields();
  if (status_ < 200) {
    if (++interim_ > most_interim) spoil(errc::upstream_bad_reply, "more than 8 interim replies");
    return;
  }
  has_head_ = true;
  if (!whole_reply && !to_head_request_) choose_unpacker();
}

// nghttp2 has seen to it that the status is there, a number, and alone, and that Content-Length is a number.
void http2_reply::take_fields() {
  headers_.clear();
  const std::string_view all = text_;
  for (const auto& one : fields_) {
    const auto name = all.substr(one.name, one.value - one.name);
    const auto value = all.substr(one.value, one.end - one.value);
    if (name == ":status") std::from_chars(value.data(), value.data() + value.size(), status_);
    else headers_.push_back({name, value});
  }
  const auto length = find_header(headers_, "content-length");
  std::uint64_t bytes = 0;
  if (!length.empty() && std::from_chars(length.data(), length.data() + length.size(), bytes).ec == std::errc{}) length_ = bytes;
}

void http2_reply::choose_unpacker() {
  encoding_ = find_header(headers_, "content-encoding");
  if (unpacker::is_identity(encoding_)) return;
  unpack_ = unpacker::make(encoding_);
  if (unpack_ == nullptr) {
    has_head_ = false;
    return spoil(errc::upstream_bad_reply, fmt::format("Content-Encoding `{}` is not one of gzip, deflate, br, zstd", encoding_));
  }
  unpacked_ = home_.context().at.blocks().borrow();
  std::erase_if(headers_, [](const header& h) { return h.name == "content-encoding" || h.name == "content-length"; });
}

// ---- the end ----

void http2_reply::spoil(errc code, std::string_view what) {
  if (!problem_) problem_ = failed(code, what).error();
}

void http2_reply::closed(std::uint32_t code) {
  open_ = false;
  if (ended_ || problem_) return;
  const std::string_view name = nghttp2_http2_strerror(code);
  const std::string_view when = has_head_ ? "before its reply was complete" : "before it replied";
  if (broke_rules_ && has_head_ && length_ && received_bytes_ != *length_)
    return spoil(errc::upstream_reset, "the reply's body is not as long as its Content-Length says");
  if (broke_rules_) return spoil(errc::upstream_bad_reply, fmt::format("the reply breaks the rules of HTTP/2 ({})", name));
  wants_http1_ = code == NGHTTP2_HTTP_1_1_REQUIRED && !has_head_;
  undone_ = code == NGHTTP2_REFUSED_STREAM && !has_head_ && interim_ == 0;
  spoil(errc::upstream_reset, fmt::format("the provider reset the stream {} ({})", when, name));
}

void http2_reply::lost(errc code, std::string_view what, bool undone) {
  const bool stale = link_ != nullptr && measured.reused && link_->was_stale() && home_.context().at.now() - sent_at_ <= stale_within;
  link_ = nullptr;
  open_ = false;
  if (ended_ || problem_) return;
  undone_ = code == errc::upstream_reset && (undone || stale);
  spoil(code, what);
}

// ---- the body ----

void http2_reply::add_body(std::string_view bytes) {
  received_bytes_ += bytes.size();
  if (!problem_) received_.append(bytes);
}

std::string_view http2_reply::next_received() {
  handed_.clear();
  handed_.swap(received_);
  if (link_ != nullptr && !handed_.empty()) link_->consumed(id_, handed_.size());
  return handed_;
}

result<std::string_view> http2_reply::next_unpacked() {
  for (;;) {
    const unpacker::step step = unpack_->take(packed_, unpacked_.get(), block_pool::block_size);
    packed_.remove_prefix(step.consumed);
    if (step.bad) {
      spoil(errc::upstream_bad_reply, fmt::format("the reply's body is not valid {}", encoding_));
      return std::unexpected(*problem_);
    }
    if (step.produced != 0) return std::string_view{unpacked_.get(), step.produced};
    if (packed_.empty() || step.consumed == 0) packed_ = next_received();
    if (packed_.empty()) return std::string_view{};
  }
}

std::optional<result<std::string_view>> http2_reply::next_part() {
  if (unpack_ != nullptr && !problem_) {
    auto part = next_unpacked();
    if (!part || !part->empty()) return part;
    if (ended_ && !unpack_->complete()) spoil(errc::upstream_bad_reply, fmt::format("the reply's {} body ends too early", encoding_));
  } else if (unpack_ == nullptr && !received_.empty()) {
    return next_received();
  }
  if (problem_) return std::unexpected(*problem_);
  if (ended_) return std::string_view{};
  return std::nullopt;
}

// Where bytes are always there no wait ends by the deadline.
bool http2_reply::is_late() {
  if (stop_ == stop_cause::none && !ended_ && until_.total.passed(home_.context().at.now())) stop_ = stop_cause::expired;
  return stop_ != stop_cause::none;
}

task<result<std::string_view>> http2_reply::read_some() {
  for (;;) {
    if (is_late()) co_return stopped();
    if (auto part = next_part()) co_return std::move(*part);
    arm();
    co_await point_.wait();
  }
}

task<result<std::string_view>> http2_reply::read_all(std::size_t limit) {
  for (;;) {
    if (is_late()) co_return stopped();
    if (auto part = next_part()) {
      if (!*part) co_return std::unexpected(std::move(part->error()));
      if ((*part)->empty()) co_return std::string_view{whole_};
      if (whole_.size() + (*part)->size() > limit) co_return too_large(limit);
      if (whole_.empty() && ended_ && unpack_ == nullptr && received_.empty()) co_return **part;   // the usual case: one piece
      whole_.append(**part);
      continue;
    }
    arm();
    co_await point_.wait();
  }
}

std::unexpected<error> http2_reply::too_large(std::size_t limit) {
  received_.clear();
  spoil(errc::upstream_bad_reply, fmt::format("the reply's body is larger than {} bytes", limit));
  return std::unexpected(*problem_);
}

}  // namespace andon::net
