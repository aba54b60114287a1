#include "andon/gateway/exchange_telemetry.hpp"
#include "andon/gateway/stages.hpp"
#include "andon/gateway/told_error.hpp"
#include "andon/llm/dialect/openai_error.hpp"
#include "andon/llm/dialect/openai_stream.hpp"
#include "andon/net/sse.hpp"

namespace andon::gateway {
namespace {

/// A stream between a provider and a client. One coroutine reads and writes in turn, so a slow client pauses the
/// provider and no more than one read is ever pending.
class stream_relay {
public:
  stream_relay(gateway& on, exchange& x, const served_model& model)
      : on_(on), x_(x), model_(model),
        assembler_(x.asked.op, {x.facts.include_usage, x.facts.choices, x.under->limits.max_reply}) {}

  /// Takes the next bytes of the provider; what goes to the client is in out().
  result<void> take(std::string_view bytes, mono_time at) {
    at_ = at;
    events_.feed(bytes);
    while (const auto event = events_.next()) {
      if (done_) continue;  // nothing is sent after the end marker
      if (auto taken = take(*event); !taken) return taken;
    }
    if (events_.failed()) return fail(errc::upstream_bad_reply, "An event of the provider's stream is larger than 16 MiB.");
    return {};
  }

  /// The end of the provider's bytes: complete only with the end marker.
  result<void> end() const {
    if (done_) return {};
    return fail(errc::stream_truncated, "The provider's stream ended without its end marker.");
  }

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] std::string& out() { return out_; }
  [[nodiscard]] const llm::openai::stream_assembler& assembler() const { return assembler_; }

  /// Books what came so far: text, usage, reasons.
  void settle() {
    auto& account = x_.account;
    x_.billed = assembler_.events() > 0;
    account.use = assembler_.use().value_or(llm::usage{});
    if (!assembler_.use()) estimate(account.use);
    account.upstream_model = assembler_.model();
    x_.service_tier = assembler_.service_tier().substr(0, max_service_tier);
    if (on_.tells_spans(x_)) x_.response_id = assembler_.id().substr(0, max_response_id);
    account.finish_reason = assembler_.finish_reason();
    account.stream_events = assembler_.events();
    account.reply_body = assembler_.events() > 0 ? assembler_.assemble() : std::string{};
    account.reply_truncated = assembler_.assembled_truncated();
    account.reply_bytes = account.reply_body.size();
    account.content_type = "text/event-stream";
    account.http_status = 200;
  }

private:
  result<void> take(const net::sse_event& event) {
    if (!event.has_data) {
      if (x_.answered) out_ += event.raw;  // a keep-alive comment does not begin an answer
      return {};
    }
    const auto about = assembler_.feed(event.data, event.name);
    if (!about) return std::unexpected(about.error());
    if (about->kind == llm::event_kind::failure) return failure();
    if (about->has_content && x_.account.first_token == nanoseconds{}) x_.account.first_token = on_.now() - x_.arrived();
    if (about->kind == llm::event_kind::done) done_ = true;
    else time_chunk();
    forward(event, *about);
    return {};
  }

  /// Seconds between two chunks, after the first.
  void time_chunk() {
    if (last_chunk_ != mono_time{}) {
      if (between_ == nullptr) between_ = &on_.parts().meter.chunk_seconds(operation_name(x_.account.op), target_facts(model_));
      between_->observe(std::chrono::duration<double>(at_ - last_chunk_).count());
    }
    last_chunk_ = at_;
  }

  void forward(const net::sse_event& event, const llm::stream_event& about) {
    if (about.action == llm::event_action::forward) out_ += event.raw;
    if (about.action != llm::event_action::edit) return;
    out_ += "data: ";
    out_ += llm::openai::stream_assembler::without_usage(event.data, about, edited_);
    out_ += "\n\n";
  }

  [[nodiscard]] std::unexpected<error> failure() const {
    const auto& what = *assembler_.failure();
    return fail(llm::openai::to_errc(what.what), "The provider " + model_.provider.str() + " reported an error in its stream: " + what.message);
  }

  void estimate(llm::usage& use) {
    use.input = x_.input_estimate;
    assembler_.visit_texts([&](std::string_view raw) {
      auto& text = on_.text_scratch();
      text.clear();
      llm::append_unescaped(text, raw);
      use.output += on_.parts().counter.count(*model_.profile, text);
    });
    use.estimated = true;
  }

  gateway& on_;
  exchange& x_;
  const served_model& model_;
  llm::openai::stream_assembler assembler_;
  net::sse_reader events_;
  std::string out_, edited_;
  mono_time at_{}, last_chunk_{};
  metrics::histogram* between_ = nullptr;
  bool done_ = false;
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

/// The stream broke after the client had got a part: an error event, never an end marker.
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
  while (!stream.done()) {
    const auto began = on.now();
    const auto part = co_await reply.read_some();
    const auto came = on.now();
    x.account.upstream += came - began;
    if (!part) co_return std::unexpected(part.error());
    if (part->empty()) co_return stream.end();
    if (auto taken = stream.take(*part, came); !taken) co_return taken;
    if (stream.done() || stream.out().empty()) continue;
    begin_answer(on, x, model);
    const auto written = co_await x.call->write(stream.out());
    if (!written) co_return std::unexpected(written.error());
    stream.out().clear();
  }
  co_return result<void>{};
}

}  // namespace

net::task<relayed> relay_stream(gateway& on, exchange& x, const served_model& model, net::reply_ptr& reply) {
  stream_relay stream(on, x, model);
  auto pumped = co_await pump(on, x, model, stream, *reply);
  if (!pumped) {
    reply.reset();
    if (x.answered) co_return co_await break_off(on, x, model, stream, std::move(pumped.error()));
    if (stream.assembler().events() > 0) stream.settle();
    co_return relayed{relayed::end::failed_before_client, std::move(pumped.error()), 200, std::nullopt};
  }
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

}  // namespace andon::gateway
