#include "andon/gateway/recall.hpp"

#include "andon/gateway/exchange.hpp"
#include "andon/gateway/gateway.hpp"

namespace andon::gateway {
namespace {

net::task<result<void>> nothing_to_do() { co_return result<void>{}; }

}  // namespace

void recall_seat::wake() {
  on_.post([self = shared_from_this()] {
    if (self->tap != nullptr && self->leads()) return self->tap->unwanted();
    self->turn.wake();
  });
}

reply_tap::reply_tap(gateway& on, exchange& x, recall_wish wish) : on_(on), x_(x), inner_(*x.call), wish_(std::move(wish)) {
  if (wish_.seat) wish_.seat->tap = this;
}

reply_tap::~reply_tap() {
  if (gone_) inner_.on_client_gone(nullptr);
  if (live_) live_->break_off(nullptr, {errc::internal, "The identical call whose stream this one shared failed."}, false);
  land(nullptr);
}

/// A stream that nobody has ended.
void reply_tap::break_live() {
  if (!live_) return;
  const auto code = x_.account.outcome == errc::client_gone ? errc::cancelled : x_.account.outcome;
  auto about = account_of_reply();
  about->cost = {};
  live_->break_off(std::move(about), {code, "The identical call whose stream this one shared was broken off."}, false);
}

bool reply_tap::wanted() const { return wish_.seat && on_.parts().replies->calls.wanted(*wish_.seat); }

void reply_tap::land(cache::reply_ptr with) {
  if (!wish_.seat) return;
  wish_.seat->tap = nullptr;
  on_.parts().replies->calls.land(*wish_.seat, std::move(with));
  wish_.seat = nullptr;
}

void reply_tap::scatter() {
  if (!wish_.seat) return;
  wish_.seat->tap = nullptr;
  on_.parts().replies->calls.scatter(*wish_.seat);
  wish_.seat = nullptr;
}

void reply_tap::before_record() {
  auto& account = x_.account;
  good_ = account.outcome == errc::none && account.delivered == ledger::delivery::complete && account.http_status == 200;
  if (!left_ || !good_) return;
  account.outcome = errc::client_gone;
  account.error_message = "The client closed the connection; the call went on for others that wait for its reply.";
  account.delivered = started_ ? ledger::delivery::cut : ledger::delivery::none;
}

void reply_tap::record(std::string_view bytes) {
  const auto most = on_.parts().replies->kept.limits().max_entry;
  if (live_) {
    live_->append(bytes);
    too_large_ = live_->size() > most;
    return;
  }
  if (too_large_) return;
  too_large_ = recorded_.size() + bytes.size() > most;
  if (too_large_) recorded_ = {};
  else recorded_ += bytes;
}

std::shared_ptr<cache::reply> reply_tap::account_of_reply() const {
  const auto& account = x_.account;
  auto made = std::make_shared<cache::reply>();
  made->key = wish_.key;
  made->stream = started_;
  made->content_type = type_;
  if (started_) made->assembled = account.reply_body;
  made->events = account.stream_events;
  made->model = account.model;
  made->provider = account.provider;
  made->upstream_model = account.upstream_model;
  made->finish_reason = account.finish_reason;
  made->use = account.use;
  made->cost = account.cost - x_.failed_cost;
  made->made = on_.now();
  made->keep = wish_.age;
  return made;
}

/// Those who follow have the bytes; now they learn what they were.
void reply_tap::end_live(std::shared_ptr<cache::reply> about, cache::worth worth) {
  if (!live_) return;
  const auto& account = x_.account;
  if (good_ && (too_large_ ? marked_ : worth != cache::worth::incomplete)) return live_->complete(std::move(about));
  const auto code = account.outcome == errc::none ? errc::ledger_unavailable : account.outcome;
  about->cost = {};  // nothing is saved by it
  live_->break_off(std::move(about), {code, "The identical call whose stream this one shared broke off: " + account.error_message}, true);
}

void reply_tap::share(int status, std::string_view body) {
  const auto& account = x_.account;
  auto& replies = *on_.parts().replies;
  const auto worth = too_large_ ? cache::worth::incomplete
                                : cache::judge({.op = static_cast<llm::operation>(account.op), .status = status, .complete = good_,
                                                .price_known = account.price != ledger::price_state::unknown, .length_asked = x_.facts.max_output.has_value(),
                                                .stream = started_, .as_asked = account.structured != ledger::structure::invalid, .finish_reason = account.finish_reason, .body = body});
  const bool keep = worth == cache::worth::keep;
  if (!keep && good_ && !too_large_) replies.not_kept(worth);
  if (!keep && !live_) return good_ ? scatter() : land(nullptr);
  auto made = account_of_reply();
  if (keep) made->body = body;
  const cache::reply_ptr reply = made;
  if (keep && wish_.keep && replies.kept.put(reply) && wish_.partition && !wish_.vector.empty()) replies.questions.put(*wish_.partition, wish_.vector, wish_.key);
  end_live(std::move(made), worth);
  land(keep ? reply : nullptr);
}

net::task<result<void>> reply_tap::respond(int status, std::span<const net::header> headers, std::string_view body) {
  type_ = net::find_header(headers, "content-type");
  share(status, body);
  return inner_.respond(status, headers, body);
}

void reply_tap::start(int status, std::span<const net::header> headers) {
  type_ = net::find_header(headers, "content-type");
  status_ = status;
  started_ = true;
  if (wish_.seat) {
    const auto& replies = *on_.parts().replies;
    live_ = std::make_shared<cache::live_stream>(replies.kept.limits().max_entry, type_, model_name{std::string(net::find_header(headers, "x-andon-model"))});
    on_.parts().replies->calls.open(*wish_.seat, live_);
  }
  inner_.start(status, headers);
}

net::task<result<void>> reply_tap::write(std::string_view bytes) {
  record(bytes);
  if (left_) return nothing_to_do();
  if (!wish_.seat) return inner_.write(bytes);
  return write_or_carry_on(bytes);
}

/// A client may turn out to have left only by the write; while others wait, the call goes on.
net::task<result<void>> reply_tap::write_or_carry_on(std::string_view bytes) {
  auto written = co_await inner_.write(bytes);
  if (written || written.error().code != errc::client_gone || !wanted()) co_return written;
  left_ = true;
  co_return result<void>{};
}

net::task<result<void>> reply_tap::finish(std::string_view last_bytes) {
  if (live_) {
    marked_ = last_bytes.find("data: [DONE]") != last_bytes.npos;
    live_->hold(last_bytes);  // nobody has the end before it is known to be one
    too_large_ = live_->size() > on_.parts().replies->kept.limits().max_entry;
    share(status_, live_->contents());
  } else {
    record(last_bytes);
    share(status_, recorded_);
  }
  return inner_.finish(last_bytes);
}

void reply_tap::abort() {
  break_live();
  land(nullptr);
  inner_.abort();
}

void reply_tap::on_client_gone(std::function<void()> gone) {
  gone_ = std::move(gone);
  if (gone_) inner_.on_client_gone([this] { client_left(); });
  else inner_.on_client_gone(nullptr);
}

void reply_tap::client_left() {
  left_ = true;
  if (!wanted()) unwanted();
}

void reply_tap::unwanted() {
  if (!left_ || !gone_ || wanted()) return;
  const auto tell = gone_;  // this may be gone before it returns
  tell();
}

}  // namespace andon::gateway
