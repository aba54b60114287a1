#include "andon/gateway/stream_relay.hpp"
#include "andon/gateway/told_error.hpp"
#include "andon/llm/dialect/openai_error.hpp"

namespace andon::gateway {
namespace {

/// The limits that the client of the provider does not know: the first token, and an event that never ends. It fires
/// only while a read waits, so a slow client is not taken for a silent provider.
class token_watch {
public:
  token_watch(gateway& on, exchange& x, const running_attempt& run, stream_relay& stream)
      : stream_(stream), reply_(*run.reply), limits_(x.at->choice->settings().deadlines),
        first_(x.arrived() + x.account.attempts[run.number].started + limits_.first_token),
        timer_(on.parts().on.timers(), net::deadline_timer::member<&token_watch::fired>(), this) {}

  void before_read() {
    if (!stream_.has_token()) timer_.arm(deadline{first_});
    else if (stream_.in_event()) timer_.arm(deadline{stream_.last_event() + limits_.idle});
  }
  void after_read() { timer_.disarm(); }

  [[nodiscard]] error why(error otherwise) const {
    if (!fired_) return otherwise;
    if (!stream_.has_token()) return {errc::first_token_timeout, "The provider sent no token within deadline.first_token."};
    return {errc::idle_timeout, "The provider did not end an event within deadline.idle."};
  }

private:
  void fired() {
    fired_ = true;
    reply_.abort();
  }

  stream_relay& stream_;
  net::client_reply& reply_;
  const route::deadline_settings& limits_;
  mono_time first_;
  bool fired_ = false;
  net::deadline_timer timer_;
};

void begin_answer(gateway& on, exchange& x, const served_model& model) {
  if (x.answered) return;
  x.answered = true;
  x.account.http_status = 200;
  add_common_headers(on, x, &model);
  x.headers.add("content-type", "text/event-stream; charset=utf-8");
  x.headers.add("cache-control", "no-cache");
  x.call->start(200, x.headers.lines());
  x.streaming = true;
  on.parts().meter.stream_opened();
}

}  // namespace

net::task<void> break_off(gateway& on, exchange& x, const served_model& model, stream_relay& stream, error why) {
  const bool gone = x.gone || why.code == errc::client_gone;
  stream.settle();
  why = in_time(std::move(why), x.given(), on.now());
  x.gone = gone;
  x.account.outcome = gone ? errc::client_gone : why.code;
  x.account.error_message = why.message;
  x.account.delivered = ledger::delivery::cut;
  (void)co_await close(on, x, &model);
  if (gone) {
    x.call->abort();
  } else {
    const auto last = stream.out() + llm::openai::error_event(told_error(model, why));
    (void)co_await x.call->finish(last);
  }
}

net::task<result<void>> pump(gateway& on, exchange& x, running_attempt& run, stream_relay& stream, pump_to how_far) {
  const bool opens = how_far == pump_to::first_token;
  token_watch watch(on, x, run, stream);
  while (!stream.done()) {
    if (!stream.out().empty() && stream.may_begin()) {
      if (opens) break;
      begin_answer(on, x, *run.model);
      const auto written = co_await x.call->write(stream.out());
      if (!written) co_return std::unexpected(written.error());
      stream.out().clear();
    }
    const auto began = on.now();
    watch.before_read();
    const auto part = co_await run.reply->read_some();
    watch.after_read();
    const auto came = on.now();
    (opens ? run.waited : x.account.upstream) += came - began;
    if (!part) co_return std::unexpected(watch.why(part.error()));
    if (part->empty()) co_return stream.end();
    if (auto taken = stream.take(*part, came); !taken) co_return taken;
  }
  co_return result<void>{};
}

net::task<relayed> end_stream(gateway& on, exchange& x, const served_model& model, stream_relay& stream, net::reply_ptr& reply) {
  x.enter(ledger::stage::encode, on.now());
  begin_answer(on, x, model);
  stream.settle();
  x.account.delivered = ledger::delivery::complete;
  const bool durable = co_await close(on, x, &model);
  if (!durable) stream.out() = llm::openai::error_event({errc::ledger_unavailable, "The reply could not be recorded durably."});
  (void)co_await x.call->finish(stream.out());
  on.finish_reading(std::move(reply));
  co_return relayed{};
}

net::task<relayed> open_stream(gateway& on, exchange& x, running_attempt& run) {
  run.stream = std::make_unique<stream_relay>(on, x, *run.model);
  auto opened = co_await pump(on, x, run, *run.stream, pump_to::first_token);
  if (opened) co_return relayed{};
  run.reply.reset();
  if (run.stream->assembler().events() > 0) run.stream->settle();
  co_return relayed{relayed::end::failed_before_client, std::move(opened.error()), 200, std::nullopt};
}

net::task<relayed> relay_stream(gateway& on, exchange& x, running_attempt& run) {
  auto pumped = co_await pump(on, x, run, *run.stream, pump_to::end);
  if (pumped) co_return co_await end_stream(on, x, *run.model, *run.stream, run.reply);
  run.reply.reset();
  run.stream->settle();
  co_return relayed{relayed::end::failed_after_client, std::move(pumped.error()), 200, std::nullopt};
}

}  // namespace andon::gateway
