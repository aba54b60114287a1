#include "andon/gateway/attempt.hpp"
#include "andon/gateway/stream_relay.hpp"
#include "andon/llm/dialect/openai_request.hpp"
#include "andon/route/fault.hpp"

namespace andon::gateway {
namespace {

/// The rest of a broken stream, asked of the other targets of the same route one after the other, at once.
class continuation {
public:
  continuation(gateway& on, exchange& x, stream_relay& stream, deadline until)
      : on_(on), x_(x), stream_(stream), plan_(*x.at->choice, facts_of(x), x.arrived(), on.parts().on.random()) {
    plan_.limit(until);
  }
  ~continuation() { x_.running = broken_; }
  continuation(const continuation&) = delete;  // the exchange refers to its attempt
  continuation& operator=(const continuation&) = delete;

  /// Whether the call, the fault and the route allow it.
  [[nodiscard]] bool possible(const error& why) const {
    if (x_.gone || !x_.at->continue_streams || route::fault_of(why.code, 200) == route::fault_kind::none) return false;
    return stream_.assembler().continuable();
  }
  /// What is asked for next, from what the client has got and its price is booked; nothing when the request forbids it.
  [[nodiscard]] std::optional<std::string> request() {
    stream_.drop_unsent();
    const auto text = stream_.assembler().content();
    if (text.empty()) return std::nullopt;
    return llm::openai::continuing_request(x_.body, x_.facts, text, x_.delivered_use.output);
  }

  /// The attempt that broke is charged, and its target not asked again.
  void leave(const served_model& model) {
    book_part(model);
    for (std::uint32_t i = 0; i < x_.at->models.size(); ++i)
      if (x_.at->models[i] == &model) plan_.without(route::mask_of(i));
  }

  [[nodiscard]] const served_model* next() {
    if (!cover_failed(on_, x_)) return nullptr;
    const auto step = plan_.next(on_.now());
    if (!step || step->not_before > on_.now()) return nullptr;
    ++x_.failovers;
    return x_.at->models[step->index];
  }

  void note_asked() {
    auto& attempt = x_.account.attempts[broken_->number];
    if (!attempt.error_message.ends_with('.')) attempt.error_message += '.';
    attempt.error_message += " After " + std::to_string(stream_.assembler().content().size()) + " bytes of text another target was asked to go on.";
  }

  /// Asks one target. Nothing more is to be done when it has ended the stream.
  net::task<relayed> attempt(const served_model& model, std::string body) {
    stream_.resume(model);
    auto sent = co_await send(model, body);
    if (sent.how != relayed::end::done) co_return sent;
    auto pumped = co_await pump(on_, x_, *run_, stream_, pump_to::end);
    if (!pumped) co_return relayed{relayed::end::failed_after_client, std::move(pumped.error()), 200, std::nullopt};
    plan_.succeeded({.latency = on_.now() - x_.arrived() - x_.account.attempts[run_->number].started}, on_.now());
    on_.parts().meter.continued(x_.route->name.view());
    co_return co_await end_stream(on_, x_, model, stream_, run_->reply);
  }

  void failed(const served_model& model, const relayed& how) {
    run_->reply.reset();
    finish_attempt(on_, x_, *run_, how);
    if (x_.gone) {
      plan_.abandoned({}, on_.now());
    } else {
      auto failure = failure_of(x_, how);
      failure.bytes_to_client = 0;
      note_failure(on_, model, how, plan_.failed(failure, on_.now()));
    }
    if (stream_.has_token()) book_part(model);
    else book_failed(x_, model, how);
  }

private:
  /// What one provider has given to the client's stream is paid at that provider's price.
  void book_part(const served_model& model) {
    stream_.settle();
    if (!x_.billed) return;
    const auto price = cost_of(x_, model, x_.account.use);
    x_.failed_unpriced |= price.state == llm::price_state::unknown;
    x_.failed_cost += price.amount;
    x_.failed_model = &model;
    x_.delivered_use = llm::openai::sum(x_.delivered_use, x_.account.use);
    x_.delivered_use.estimated = true;
    x_.billed = false;
    stream_.part_booked();
  }

  net::task<relayed> send(const served_model& model, std::string_view body) {
    const auto limits = plan_.deadlines(on_.now());
    begin_attempt(on_, x_, *run_, model);
    x_.running = run_.get();
    auto asked = llm::openai::scan_request(x_.asked.op, body, x_.asked.azure ? llm::openai::model_from::path : llm::openai::model_from::body);
    if (!asked) co_return relayed{relayed::end::failed_before_client, std::move(asked.error()), 0, std::nullopt};
    std::swap(x_.facts, *asked);
    const auto original = std::exchange(x_.body, body);
    const net::outgoing_request request{"POST", model.paths[static_cast<std::size_t>(x_.asked.op)], run_->lines, body_for(x_, *run_)};
    x_.body = original;
    std::swap(x_.facts, *asked);
    const net::call_deadlines until{limits.connect, limits.first_byte, limits.total, limits.idle};
    if (auto refused = staged_refusal(on_, model)) co_return relayed{relayed::end::failed_before_client, std::move(*refused), 0, std::nullopt};
    auto got = co_await on_.parts().providers.send(model.to, request, until, &*run_->stop);
    if (!got) co_return relayed{relayed::end::failed_before_client, in_time(std::move(got.error()), {.total = limits.total}, on_.now()), 0, std::nullopt};
    note_head(x_, *run_, **got);
    x_.account.upstream += run_->waited;
    const int status = (*got)->status();
    if (status == 200 && is_event_stream(**got)) {
      run_->reply = std::move(*got);
      co_return relayed{};
    }
    const error why{status >= 400 ? route::error_of_status(status) : errc::upstream_bad_reply, "The provider " + model.provider.str() + " did not go on with the stream; status " + std::to_string(status) + "."};
    co_return relayed{relayed::end::failed_before_client, why, status, std::nullopt};
  }

  gateway& on_;
  exchange& x_;
  stream_relay& stream_;
  route::attempt_plan plan_;
  running_attempt* broken_ = x_.running;   // whose stream it was
  std::unique_ptr<running_attempt> run_ = std::make_unique<running_attempt>();
};

}  // namespace

net::task<void> go_on_elsewhere(gateway& on, exchange& x, const served_model& broken, stream_relay& stream, deadline until, error why) {
  continuation rest(on, x, stream, until);
  if (!rest.possible(why)) {
    co_await break_off(on, x, broken, stream, std::move(why));
    co_return;
  }
  rest.leave(broken);
  const served_model* at = &broken;
  auto body = rest.request();
  while (body) {
    const auto* next = rest.next();
    if (next == nullptr) break;
    if (at == &broken) rest.note_asked();
    at = next;
    auto how = co_await rest.attempt(*at, std::move(*body));
    if (how.how == relayed::end::done) co_return;
    rest.failed(*at, how);
    why = std::move(how.why);
    if (!x.gone && route::fault_of(why.code, how.status) == route::fault_kind::none) break;
    if (!rest.possible(why)) break;
    body = rest.request();
  }
  co_await break_off(on, x, *at, stream, std::move(why));
}

}  // namespace andon::gateway
