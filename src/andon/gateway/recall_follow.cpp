#include "andon/gateway/recall_follow.hpp"

#include "andon/llm/dialect/openai_error.hpp"

namespace andon::gateway {
namespace {

constexpr std::size_t max_piece = 64u << 10;

using found = cache::live_stream::found;

void wake_point(void* point) { static_cast<net::wait_point*>(point)->wake(); }

/// One client behind another call's stream. What it costs in memory is one piece; a slow client is simply behind.
class follower {
public:
  follower(gateway& on, exchange& x, recall_seat_ptr seat, cache::live_stream_ptr live)
      : on_(on), x_(x), seat_(std::move(seat)), live_(std::move(live)), patience_(on, x, *seat_) {}

  net::task<result<bool>> run() {
    for (;;) {
      const auto what = live_->read(at_, max_piece, piece_, seat_);
      if (!begun_) {
        const bool usable = what == found::more || what == found::last;
        if (usable && calls().begin(*seat_, live_)) begin_answer();
        else if (usable || what == found::lost || calls().followed(*seat_) != live_) co_return give_up(what);
      }
      at_ += piece_.size();
      if (begun_ && what != found::nothing) {
        if (what != found::more) co_return co_await end(what);
        if (auto why = patience_.over()) {
          piece_.clear();
          co_return co_await cut(std::move(*why));
        }
        const auto written = co_await x_.call->write(piece_);
        if (!written) co_return co_await cut(written.error());
        continue;
      }
      if (auto why = patience_.over()) {
        if (begun_) co_return co_await cut(std::move(*why));
        calls().leave(*seat_);
        co_return std::unexpected(std::move(*why));
      }
      co_await seat_->turn.wait();
    }
  }

private:
  [[nodiscard]] cache::flights& calls() { return on_.parts().replies->calls; }

  /// Nothing was sent: the call looks at its seat again, or is made apart.
  bool give_up(found what) {
    if (what == found::lost) calls().leave(*seat_);
    return false;
  }

  void begin_answer() {
    begun_ = true;
    x_.account.cache = ledger::cache_use::shared;
    x_.account.model = live_->model();
    x_.account.http_status = 200;
    add_common_headers(on_, x_, model_named(x_, live_->model()));
    x_.headers.add_copy("content-type", live_->content_type());
    x_.headers.add("cache-control", "no-cache");
    x_.call->start(200, x_.headers.lines());
    x_.answered = x_.streaming = true;
    x_.account.first_token = on_.now() - x_.arrived();
    on_.parts().meter.stream_opened();
  }

  /// The stream has ended, well or badly.
  net::task<result<bool>> end(found what) {
    if (what == found::lost) {
      const error why{errc::overloaded, "The client read too slowly: it fell further behind the call whose stream it shares than cache.max_entry holds."};
      co_return co_await cut(why);
    }
    const auto about = live_->about();
    if (about) tell_given(on_, x_, *about, cache::use::shared);
    counted_ = about != nullptr;
    if (what == found::broken) co_return co_await cut(live_->why(), live_->told());
    settle_given(on_, x_);
    if (!co_await close(on_, x_, nullptr)) piece_ = llm::openai::error_event({errc::ledger_unavailable, "The reply could not be recorded durably."});
    (void)co_await x_.call->finish(piece_);
    co_return true;
  }

  /// The client gets no more; what it got has no end marker.
  net::task<result<bool>> cut(error why, bool told = false) {
    calls().leave(*seat_);
    if (!counted_) on_.parts().replies->count(cache::use::shared);
    auto& account = x_.account;
    account.outcome = x_.gone ? errc::client_gone : why.code;
    account.error_message = why.message;
    account.delivered = ledger::delivery::cut;
    account.saved = {};
    account.price = x_.failed_unpriced ? ledger::price_state::unknown : ledger::price_state::known;
    account.cost = x_.failed_cost;
    x_.priced = true;
    settle_given(on_, x_);
    (void)co_await close(on_, x_, nullptr);
    if (account.outcome == errc::client_gone) {
      x_.call->abort();
      co_return true;
    }
    if (!told) piece_ += llm::openai::error_event(why);
    (void)co_await x_.call->finish(piece_);
    co_return true;
  }

  gateway& on_;
  exchange& x_;
  recall_seat_ptr seat_;
  cache::live_stream_ptr live_;
  patience patience_;
  std::string piece_;
  std::uint64_t at_ = 0;
  bool begun_ = false, counted_ = false;
};

}  // namespace

patience::patience(gateway& on, exchange& x, recall_seat& seat)
    : on_(on), x_(x), until_(deadline::after(x.arrived(), x.route->choice->settings().deadlines.total)), alarm_(on.parts().on.timers(), &wake_point, &seat.turn) {
  if (x.client_limit) until_ = until_.earlier(deadline::after(x.arrived(), *x.client_limit));
  x.call->on_client_gone([&x, &seat] {
    x.gone = true;
    seat.turn.wake();
  });
  alarm_.arm(until_);
}

patience::~patience() { x_.call->on_client_gone(nullptr); }

std::optional<error> patience::over() const {
  if (x_.gone) return error{errc::client_gone, "The client left while its call waited for an identical one."};
  if (until_.passed(on_.now())) return in_time({errc::total_timeout, "The identical call that this one waited for did not end in time."}, x_.given(), on_.now());
  return std::nullopt;
}

net::task<result<bool>> follow(gateway& on, exchange& x, recall_seat_ptr seat) {
  auto live = on.parts().replies->calls.followed(*seat);
  if (!live) co_return false;
  follower one(on, x, std::move(seat), std::move(live));
  co_return co_await one.run();
}

}  // namespace andon::gateway
