#include "andon/net/http2_call.hpp"

#include <algorithm>
#include <cstring>

#include "andon/base/log.hpp"
#include "andon/net/encoding.hpp"
#include "andon/net/http2_fields.hpp"
#include "andon/net/http_syntax.hpp"

namespace andon::net {
namespace {

constexpr nanoseconds linger = std::chrono::seconds{2};   // for the rest of a body after its answer: some clients take a reset for a failure
constexpr std::size_t discarded_up_to = 48 * 1024;
constexpr std::size_t field_overhead = 32;   // RFC 9113, 10.5.1

std::unexpected<error> left() { return fail(errc::client_gone, "the client closed the stream before the answer was sent"); }

bool may_be_sent(const header& line) { return is_sendable(line.name, line.value); }

bool set_by_the_server(std::string_view name) { return is_of_the_connection(name) || header_equals(name, "date") || header_equals(name, "content-length"); }

void call_once(const std::weak_ptr<std::function<void()>>& gone) {
  const auto held = gone.lock();
  if (held == nullptr) return;
  if (const auto call = std::exchange(*held, nullptr)) call();
}

}  // namespace

http2_call::http2_call(http2_session& in, std::int32_t id)
    : session_(in), id_(id), arrived_(in.server_.at.now()),
      body_limit_(in.server_.at.timers(), deadline_timer::member<&http2_call::on_body_limit>(), this),
      send_limit_(in.server_.at.timers(), deadline_timer::member<&http2_call::on_send_limit>(), this) {}

void http2_call::on_body_limit() {
  if (handling_) {
    body_late_ = true;
    return body_point_.wake();
  }
  if (!answer_sent_) return body_limit_.arm(deadline::after(session_.server_.at.now(), linger));
  nghttp2_submit_rst_stream(session_.session_, NGHTTP2_FLAG_NONE, id_, NGHTTP2_NO_ERROR);
  session_.flush();
}

void http2_call::expect_progress() { send_limit_.arm(deadline::after(session_.server_.at.now(), session_.server_.limits.write_timeout)); }

// The stream's window stayed closed. Where the kernel takes nothing, the connection has a limit of its own.
void http2_call::on_send_limit() {
  if (!open_ || answer_sent_) return;
  if (session_.blocked_) return expect_progress();
  nghttp2_submit_rst_stream(session_.session_, NGHTTP2_FLAG_NONE, id_, NGHTTP2_CANCEL);
  session_.flush();
}

// ---- what arrives ----

bool http2_call::add_field(std::string_view name, std::string_view value) {
  value = without_blanks(value);
  if (text_.size() + name.size() + value.size() + field_overhead * (fields_.size() + 1) > session_.server_.limits.max_head) {
    head_too_large_ = true;
    return false;
  }
  const std::size_t at = text_.size();
  text_.append(name).append(value);
  fields_.push_back({at, at + name.size(), text_.size()});
  return true;
}

void http2_call::take_head() {
  const std::string_view all = text_;
  std::string_view authority;
  for (const auto& one : fields_) {
    const auto name = all.substr(one.name, one.value - one.name);
    const auto value = all.substr(one.value, one.end - one.value);
    if (name == ":method") method_ = value;
    else if (name == ":path") path_ = value;
    else if (name == ":authority") authority = value;
    else if (!name.starts_with(':')) headers_.push_back({name, value});
  }
  if (!authority.empty() && find_header(headers_, "host").empty()) headers_.push_back({"host", authority});
  const auto question = path_.find('?');
  if (question != path_.npos) {
    query_ = path_.substr(question + 1);
    path_ = path_.substr(0, question);
  }
  head_only_ = method_ == "HEAD";
}

void http2_call::add_body(std::string_view bytes) {
  if (!handling_) {
    discarded_ += bytes.size();
    if (discarded_ + body_.size() > discarded_up_to && answer_sent_) nghttp2_submit_rst_stream(session_.session_, NGHTTP2_FLAG_NONE, id_, NGHTTP2_NO_ERROR);
    return;
  }
  if (body_too_large_) return;
  if (body_.size() + bytes.size() > session_.server_.limits.max_body) {
    body_too_large_ = true;
    return body_point_.wake();
  }
  body_.append(bytes);
  if (wants_body_) nghttp2_session_consume_stream(session_.session_, id_, bytes.size());
  if (wants_body_) body_limit_.arm(deadline::after(session_.server_.at.now(), session_.server_.limits.body_timeout));
}

void http2_call::body_ended() {
  body_complete_ = true;
  body_point_.wake();
}

void http2_call::closed() {
  open_ = false;
  cut_ = !answer_sent_;
  pending_ = {};
  send_limit_.disarm();
  const std::weak_ptr gone = cut_ && answer_ != answer::finished ? gone_call_ : nullptr;
  body_point_.wake();   // may withdraw the callback
  sent_point_.wake();
  if (handling_) call_once(gone);
}

void http2_call::on_client_gone(std::function<void()> gone) {
  gone_call_ = gone ? std::make_shared<std::function<void()>>(std::move(gone)) : nullptr;
  if (!cut_ || gone_call_ == nullptr || answer_ == answer::finished) return;
  session_.server_.at.post([call = std::weak_ptr(gone_call_)] { call_once(call); });   // it left before
}

// A client that asked for it waits with its body (RFC 9110, 10.1.1).
void http2_call::invite_body() {
  if (!body_.empty() || body_complete_ || answer_ != answer::none || !header_equals(find_header(headers_, "expect"), "100-continue")) return;
  const nghttp2_nv line = to_nv(":status", "100");
  nghttp2_submit_headers(session_.session_, NGHTTP2_FLAG_NONE, id_, nullptr, &line, 1, nullptr);
}

task<result<std::string_view>> http2_call::read_body() {
  if (!wants_body_ && open_) {
    wants_body_ = true;
    nghttp2_session_consume_stream(session_.session_, id_, body_.size());
    invite_body();
    session_.flush();
  }
  const auto& limits = session_.server_.limits;
  const deadline all = deadline::after(arrived_, limits.receive_timeout);
  while (!body_complete_ && !body_too_large_ && open_ && !body_late_ && !all.passed(session_.server_.at.now())) {
    body_limit_.arm(deadline::after(session_.server_.at.now(), limits.body_timeout).earlier(all));
    co_await body_point_.wait();
    body_limit_.disarm();
  }
  if (body_too_large_) co_return fail(errc::body_too_large, "the body is larger than " + std::to_string(limits.max_body) + " bytes", "max_body");
  if (!body_complete_ && !open_) co_return fail(errc::client_gone, "the client left before its request was complete");
  if (!body_complete_) co_return fail(errc::client_timeout, "the body of the request did not arrive in time", "body_timeout");
  const auto encoding = find_header(headers_, "content-encoding");
  if (unpacked_ || is_plain_encoding(encoding)) co_return std::string_view(body_);
  auto plain = unpack(encoding, body_, limits.max_body);
  if (!plain) {
    if (plain.error().code == errc::body_too_large) plain.error().param = "max_body";
    co_return std::unexpected(std::move(plain.error()));
  }
  body_ = std::move(*plain);
  unpacked_ = true;
  co_return std::string_view(body_);
}

// ---- what goes out ----

bool http2_call::submit(int status, std::span<const header> headers, bool with_body, std::size_t length, bool length_known) {
  std::size_t names = 0;
  for (const auto& line : headers) names += line.name.size();
  const std::string code = std::to_string(status);
  const std::string size = std::to_string(length);
  std::string lower;
  lower.reserve(names);
  std::vector<nghttp2_nv> lines;
  lines.reserve(headers.size() + 3);
  lines.push_back(to_nv(":status", code));
  lines.push_back(to_nv("date", session_.server_.date()));
  for (const auto& line : headers) {
    if (set_by_the_server(line.name)) continue;
    lines.push_back(to_nv(append_lower(lower, line.name), line.value));
  }
  if (length_known && status != 204 && status != 304) lines.push_back(to_nv("content-length", size));
  nghttp2_data_provider from{};
  from.source.ptr = this;
  from.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t room, std::uint32_t* flags, nghttp2_data_source* source, void*) {
    return static_cast<http2_call*>(source->ptr)->give(into, room, flags);
  };
  return nghttp2_submit_response(session_.session_, id_, lines.data(), lines.size(), with_body ? &from : nullptr) == 0;
}

ssize_t http2_call::give(std::uint8_t* into, std::size_t room, std::uint32_t* flags) {
  if (pending_.empty() && !last_) return NGHTTP2_ERR_DEFERRED;
  const std::size_t step = std::min(room, pending_.size());
  if (step != 0) std::memcpy(into, pending_.data(), step);
  pending_.remove_prefix(step);
  if (send_limit_.armed()) expect_progress();
  if (pending_.empty() && last_) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(step);
}

task<result<void>> http2_call::respond(int status, std::span<const header> headers, std::string_view body) {
  if (answer_ != answer::none) co_return fail(errc::internal, "the call was answered before");
  if (!open_) co_return left();
  const bool no_body = head_only_ || status == 204 || status == 304;
  last_ = true;
  pending_ = no_body ? std::string_view{} : body;
  if (!std::ranges::all_of(headers, may_be_sent)) {
    pending_ = {};
    last_ = false;
    co_return fail(errc::invalid_argument, "a header holds bytes that are not allowed");
  }
  answer_ = answer::finished;
  if (!submit(status, headers, !no_body && !body.empty(), body.size(), true)) {   // the connection is being ended
    pending_ = {};
    co_return left();
  }
  session_.flush();
  while (open_ && !pending_.empty()) {
    expect_progress();
    co_await sent_point_.wait();
  }
  send_limit_.disarm();
  if (cut_ || session_.over_) co_return left();
  co_return result<void>{};
}

void http2_call::start(int status, std::span<const header> headers) {
  if (answer_ != answer::none || !open_) return;
  const bool no_body = head_only_ || status == 204 || status == 304;
  head_only_ = no_body;
  if (!std::ranges::all_of(headers, may_be_sent) || !submit(status, headers, !no_body, 0, false)) return abort();
  answer_ = answer::started;
}

task<result<void>> http2_call::write(std::string_view bytes) { return send(bytes, false); }

task<result<void>> http2_call::finish(std::string_view last_bytes) { return send(last_bytes, true); }

task<result<void>> http2_call::send(std::string_view bytes, bool last) {
  if (cut_) co_return left();
  if (answer_ != answer::started) co_return fail(errc::internal, "the answer was not started, or is over");
  if (last) answer_ = answer::finished;
  if (!head_only_) {
    pending_ = bytes;
    last_ = last;
    nghttp2_session_resume_data(session_.session_, id_);
  }
  session_.flush();
  while (open_ && !pending_.empty()) {
    expect_progress();
    co_await sent_point_.wait();
  }
  send_limit_.disarm();
  if (session_.over_ || cut_) co_return left();
  co_return result<void>{};
}

void http2_call::abort() {
  answer_ = answer::aborted;
  pending_ = {};
  if (open_) nghttp2_submit_rst_stream(session_.session_, NGHTTP2_FLAG_NONE, id_, NGHTTP2_INTERNAL_ERROR);
  session_.flush();
}

bool http2_call::refuse_large_head() {
  if (!head_too_large_) return false;
  answer_by_itself({errc::headers_too_large, "the head of the request is larger than " + std::to_string(session_.server_.limits.max_head) + " bytes", "max_head"});
  ++session_.server_.counts.refused;
  return true;
}

void http2_call::answer_by_itself(const error& why) {
  if (why.code != errc::internal) session_.server_.handler.refused(why, peer_address());
  auto said = session_.server_.handler.describe(why);
  std::vector<header> lines{{"content-type", said.content_type}};
  for (const auto& line : said.more) lines.push_back({line.name, line.value});
  own_words_ = std::move(said.body);
  pending_ = head_only_ ? std::string_view{} : std::string_view(own_words_);
  last_ = true;
  answer_ = answer::finished;
  (void)submit(kind_of(why.code).http_status, lines, !pending_.empty(), own_words_.size(), true);
}

void http2_call::settle() {
  gone_call_ = nullptr;
  body_limit_.disarm();
  send_limit_.disarm();
  if (!open_ || session_.over_) return;
  if (answer_ == answer::none) {
    log::error("handler_gave_no_answer", {{"path", path_}});
    answer_by_itself({errc::internal, "internal error", {}});
  } else if (answer_ == answer::started) {
    abort();
  }
  if (open_ && !answer_sent_) expect_progress();   // of what nobody waits for any more
  const bool large = body_.size() > discarded_up_to;
  if (answer_ == answer::finished && !body_complete_) body_limit_.arm(deadline::after(session_.server_.at.now(), large && answer_sent_ ? nanoseconds::zero() : linger));
}

}  // namespace andon::net
