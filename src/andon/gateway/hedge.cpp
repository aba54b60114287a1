#include "andon/gateway/hedge.hpp"

#include <algorithm>
#include <exception>

#include "andon/base/log.hpp"
#include "andon/gateway/stream_relay.hpp"
#include "andon/route/fault.hpp"

namespace andon::gateway {
namespace {

class race {
public:
  race(gateway& on, exchange& x, const served_route& at, route::attempt_plan& attempts)
      : on_(on), x_(x), at_(at), attempts_(attempts), alarm_(on.parts().on.timers(), net::deadline_timer::member<&race::due>(), this) {}
  race(const race&) = delete;  // its timer and the hedge's coroutine refer to it
  race& operator=(const race&) = delete;

  void start(nanoseconds after) {
    after_ = after;
    alarm_.arm(deadline::after(on_.now(), after));
  }

  /// The first attempt's reply is open, or it has failed. What the exchange goes on with.
  net::task<relayed> conclude(relayed how) {
    first_over_ = true;
    alarm_.disarm();
    if (state_ == state::none || state_ == state::failed) co_return how;
    if (how.how == relayed::end::done || x_.gone || (state_ == state::running && is_final(how))) {
      co_await stop_beside();
      lose(how.how == relayed::end::done);
      co_return how;
    }
    if (state_ == state::open && how.why.code == errc::cancelled) outrun_first();
    else account(x_.first, how);
    while (state_ == state::running && !x_.gone) co_await x_.pause.wait();
    co_await stop_beside();
    take_over();
    co_return std::move(how_);
  }

  /// The first attempt has thrown: nothing of the other may be left that refers to the exchange.
  net::task<void> give_up() {
    first_over_ = true;
    alarm_.disarm();
    const bool asked = state_ == state::running || state_ == state::open;
    co_await stop_beside();
    if (asked) lose(false);
  }

private:
  enum class state : std::uint8_t { none, running, open, failed };

  [[nodiscard]] static bool is_final(const relayed& how) { return route::fault_of(how.why.code, how.status) == route::fault_kind::none; }
  [[nodiscard]] ledger::attempt& account_of(const running_attempt& run) { return x_.account.attempts[run.number]; }
  [[nodiscard]] telemetry::exchange_meter& meter() { return on_.parts().meter; }

  void due() {
    if (first_over_ || x_.gone) return;
    if (on_.load().level() > 0) return meter().hedge_denied(at_.name.view(), "load");
    const auto step = attempts_.hedge(on_.now());
    if (!step) return meter().hedge_denied(at_.name.view(), route::to_string(step.error()));
    const auto& model = *at_.models[step->index];
    if (!cover(model)) {
      attempts_.drop_hedge({}, on_.now());
      return meter().hedge_denied(at_.name.view(), "spend");
    }
    if (!x_.beside) x_.beside = std::make_unique<running_attempt>();
    begin_attempt(on_, x_, *x_.beside, model);
    account_of(*x_.beside).error_message = beside_text() + ".";
    state_ = state::running;
    meter().hedge_started(at_.name.view());
    on_.parts().on.spawn(run_beside(*this));
  }

  /// The reservation must also hold what the one that loses may cost: its input, on the dearer of the two.
  [[nodiscard]] bool cover(const served_model& model) {
    llm::usage use;
    use.input = x_.input_estimate;
    const auto most = std::max(cost_of(x_, model, use).amount, cost_of(x_, *x_.first.model, use).amount);
    if (raise_reservation(on_, x_, most)) return false;
    x_.covered_cost += most;
    return true;
  }

  [[nodiscard]] std::string beside_text() const {
    return "Asked beside attempt " + std::to_string(x_.first.number + 1) + ", which was silent for " + std::to_string(after_ / std::chrono::milliseconds{1}) +
           " ms";
  }

  static net::task<void> run_beside(race& in) {
    const auto limits = in.attempts_.deadlines(in.on_.now());
    relayed how;
    try {
      how = co_await open(in.on_, in.x_, *in.x_.beside, limits);
    } catch (const std::exception& fault) {  // a bug, or no memory: the race must hear of it
      how = {relayed::end::failed_before_client, {errc::internal, fault.what()}, 0, std::nullopt};
    }
    in.ended(std::move(how));  // may end the exchange and the race: nothing is touched after this
  }

  void ended(relayed how) {
    how_ = std::move(how);
    state_ = how_.how == relayed::end::done ? state::open : state::failed;
    if (first_over_) return x_.pause.wake();
    if (state_ == state::open) return x_.first.stop->cancel();
    attempts_.turn();
    account(*x_.beside, how_);
    attempts_.turn();
    meter().hedge_ended(at_.name.view(), "failed");
  }

  net::task<void> stop_beside() {
    if (state_ == state::running) x_.beside->stop->cancel();
    while (state_ == state::running) co_await x_.pause.wait();
  }

  /// A failure of the attempt that the plan speaks of, while the other one is still to be heard of.
  void account(running_attempt& run, relayed& how) {
    finish_attempt(on_, x_, run, how);
    blame_target(on_, x_, at_, attempts_, run, how);
    book_failed(x_, *run.model, how);
    const auto first_token = x_.account.first_token;
    x_.forget_attempt();
    if (state_ == state::open) x_.account.first_token = first_token;
    run.reply.reset();
  }

  /// A call that is not needed any more; its provider may have worked for it.
  void cancel(running_attempt& run, std::string why) {
    run.reply.reset();
    run.stream.reset();
    const relayed how{relayed::end::failed_before_client, {errc::cancelled, std::move(why)}, 0, std::nullopt};
    finish_attempt(on_, x_, run, how);
    const bool billed = std::exchange(x_.billed, false);  // of the other attempt
    book_failed(x_, *run.model, how);
    x_.billed = billed;
  }

  void lose(bool other_served) {
    auto& run = *x_.beside;
    cancel(run, beside_text() + (other_served ? ", but that one answered first: cancelled." : "; cancelled with it."));
    if (other_served) attempts_.outrun(account_of(run).total, on_.now());
    else attempts_.drop_hedge({}, on_.now());
    meter().hedge_ended(at_.name.view(), other_served ? "lost" : "dropped");
  }

  void outrun_first() {
    cancel(x_.first, "Had not answered when attempt " + std::to_string(x_.beside->number + 1) + ", which was asked beside it, did: cancelled.");
    outrun_ = true;
  }

  void take_over() {
    attempts_.turn();
    if (outrun_) attempts_.outrun(account_of(x_.first).total, on_.now());
    x_.running = x_.beside.get();
    x_.account.upstream += account_of(*x_.beside).started - account_of(x_.first).started;
    meter().hedge_ended(at_.name.view(), state_ == state::open ? "won" : x_.gone ? "dropped" : "failed");
  }

  gateway& on_;
  exchange& x_;
  const served_route& at_;
  route::attempt_plan& attempts_;
  net::deadline_timer alarm_;
  nanoseconds after_{};
  state state_ = state::none;
  relayed how_;
  bool first_over_ = false, outrun_ = false;
};

}  // namespace

net::task<relayed> open_hedged(gateway& on, exchange& x, const served_route& at, route::attempt_plan& attempts, nanoseconds after) {
  race both(on, x, at, attempts);
  both.start(after);
  const auto limits = attempts.deadlines(on.now());
  std::exception_ptr fault;
  relayed how;
  try {
    how = co_await open(on, x, x.first, limits);
  } catch (...) {
    fault = std::current_exception();
  }
  if (!fault) co_return co_await both.conclude(std::move(how));
  co_await both.give_up();
  std::rethrow_exception(fault);
}

}  // namespace andon::gateway
