#include "andon/gateway/stream_relay.hpp"
#include "andon/gateway/told_error.hpp"
#include "andon/llm/dialect/openai_error.hpp"

namespace andon::gateway {
namespace {

/// The limits that the client of the provider does not know: the first token, and an event that never ends. It fires
/// only while a read waits, so a slow client is not taken for a silent provider.
class token_watch {
public:
  token_watch(gateway& on, exchange& x, stream_relay& stream, net::client_reply& reply)
      : stream_(stream), reply_(reply), limits_(x.at->choice->settings().deadlines),
        first_(x.arrived() + x.account.attempts.back().started + limits_.first_token),
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

net::task<relayed> break_off(gateway& on, exchange& x, const served_model& model, stream_relay& stream, error why) {
  const bool gone = x.gone || why.code == errc::client_gone;
  stream.settle();
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
  co_return relayed{relayed::end::failed_after_client, std::move(why), 200, std::nullopt};
}

net::task<result<void>> pump(gateway& on, exchange& x, const served_model& model, stream_relay& stream, net::client_reply& reply) {
  token_watch watch(on, x, stream, reply);
  while (!stream.done()) {
    const auto began = on.now();
    watch.before_read();
    const auto part = co_await reply.read_some();
    watch.after_read();
    const auto came = on.now();
    x.account.upstream += came - began;
    if (!part) co_return std::unexpected(watch.why(part.error()));
    if (part->empty()) co_return stream.end();
    if (auto taken = stream.take(*part, came); !taken) co_return taken;
    if (stream.done() || stream.out().empty() || !stream.may_begin()) continue;
    begin_answer(on, x, model);
    const auto written = co_await x.call->write(stream.out());
    if (!written) co_return std::unexpected(written.error());
    stream.out().clear();
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

net::task<relayed> relay_stream(gateway& on, exchange& x, const served_model& model, net::reply_ptr& reply) {
  stream_relay stream(on, x, model);
  auto pumped = co_await pump(on, x, model, stream, *reply);
  if (pumped) co_return co_await end_stream(on, x, model, stream, reply);
  reply.reset();
  if (x.answered) co_return co_await go_on_elsewhere(on, x, model, stream, std::move(pumped.error()));
  if (stream.assembler().events() > 0) stream.settle();
  co_return relayed{relayed::end::failed_before_client, std::move(pumped.error()), 200, std::nullopt};
}

}  // namespace andon::gateway
