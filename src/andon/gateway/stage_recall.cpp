#include <algorithm>
#include <array>

#include "andon/cache/directive.hpp"
#include "andon/gateway/recall_follow.hpp"
#include "andon/gateway/stages.hpp"

namespace andon::gateway {
namespace {

constexpr std::array<std::string_view, 7> words{"", "off", "miss", "refresh", "hit", "hit; semantic", "hit; shared"};
static_assert(static_cast<int>(cache::use::shared) == static_cast<int>(ledger::cache_use::shared));

void note(gateway& on, exchange& x, cache::use how, nano_usd saved = {}) {
  x.account.cache = static_cast<ledger::cache_use>(how);
  x.account.saved = saved;
  on.parts().replies->count(how, saved);
}

cache::directive wanted_by(const exchange& x) {
  const auto lines = x.call->headers();
  return cache::read_directive(net::find_header(lines, "cache-control"), net::find_header(lines, "x-andon-cache"));
}

void put_part(std::string& out, std::string_view text) { out.append(std::to_string(text.size())).append(":").append(text); }

/// What beside the body tells answers apart.
std::string variant_of(const exchange& x) {
  std::string out;
  for (const auto& line : x.call->headers())
    if (net::header_equals(line.name, "openai-beta")) put_part(out, line.value);
  if (!x.route->cache.by_caller) return out;
  out += '|';
  put_part(out, x.account.user);
  for (const auto& tag : x.tags) put_part(out, tag);
  out += '|';
  for (const auto& [name, value] : x.account.metadata) {
    put_part(out, name);
    put_part(out, value);
  }
  return out;
}

}  // namespace

const served_model* model_named(const exchange& x, const model_name& name) {
  const auto& all = x.route->all_models();
  const auto found = std::ranges::find(all, name, &served_model::name);
  return found == all.end() ? nullptr : *found;
}

void tell_given(gateway& on, exchange& x, const cache::reply& kept, cache::use how) {
  auto& account = x.account;
  note(on, x, how, kept.cost);
  account.model = kept.model;
  account.provider = kept.provider;
  account.upstream_model = kept.upstream_model;
  account.finish_reason = kept.finish_reason;
  account.use = kept.use;
  account.stream_events = kept.events;
  account.content_type = kept.stream ? "text/event-stream" : "application/json";
  account.reply_body = kept.stream ? kept.assembled : kept.body;
  account.reply_bytes = account.reply_body.size();
  account.http_status = 200;
  account.delivered = ledger::delivery::complete;
  account.cost = x.failed_cost;  // of an embedding, where one was needed to find it
  account.price = x.failed_unpriced ? ledger::price_state::unknown : ledger::price_state::known;
  x.priced = true;
  x.recalled.age = std::max(nanoseconds{}, on.now() - kept.made);
}

void settle_given(gateway& on, exchange& x) {
  if (x.failed_model == nullptr) return x.held.release();
  x.held.settle(x.failed_use.total(), x.failed_unpriced ? std::nullopt : std::optional{x.failed_cost}, on.now());
}

namespace {

/// Gives the client a kept reply: a whole one whole, a stream with the bytes of its events.
net::task<void> answer_kept(gateway& on, exchange& x, cache::reply_ptr kept, cache::use how) {
  tell_given(on, x, *kept, how);
  x.enter(ledger::stage::encode, on.now());
  const auto* model = model_named(x, kept->model);
  add_common_headers(on, x, model);
  x.headers.add_copy("content-type", kept->content_type);
  if (kept->stream) x.headers.add("cache-control", "no-cache");
  settle_given(on, x);
  if (kept->stream) x.account.first_token = on.now() - x.arrived();
  if (!co_await close(on, x, nullptr)) {
    co_await answer_error(on, x, {errc::ledger_unavailable, "The reply could not be recorded durably: the disk refuses writes."});
    co_return;
  }
  x.answered = true;
  if (kept->stream) {
    x.call->start(200, x.headers.lines());
    (void)co_await x.call->finish(kept->body);
  } else {
    (void)co_await x.call->respond(200, x.headers.lines(), kept->body);
  }
}

/// Waits until the leader's reply is there or begins to stream, or this call leads, or its time is over, or its client
/// has left.
net::task<result<void>> wait_for_turn(gateway& on, exchange& x, recall_seat& seat) {
  std::optional<error> why;
  {
    const patience patience(on, x, seat);
    while (seat.is() == cache::seat::state::waiting && !(why = patience.over())) co_await seat.turn.wait();
  }
  if (!why && !x.gone) co_return result<void>{};
  on.parts().replies->calls.leave(seat);
  if (!why) why = error{errc::client_gone, "The client left while its call waited for an identical one."};
  co_return std::unexpected(std::move(*why));
}

/// One look at what the cache can give.
struct lookup {
  cache::key_scope scope;
  recall_wish wish;
  nanoseconds max_age{};
  bool refresh = false;
};

std::optional<lookup> prepare(gateway& on, exchange& x, std::string& variant) {
  const auto wanted = wanted_by(x);
  if (wanted.off) return std::nullopt;
  const auto& policy = x.route->cache;
  variant = variant_of(x);
  lookup out;
  out.scope = {.project = x.account.project.view(), .route = x.route->name.view(), .served = policy.served, .variant = variant,
               .op = x.asked.op, .stream = x.facts.stream};
  const auto key = cache::request_key(out.scope, x.body, on.text_scratch());
  if (!key) return std::nullopt;
  out.wish.key = *key;
  out.max_age = std::min(policy.keep, wanted.max_age.value_or(policy.keep));
  out.wish.age = out.max_age;
  out.wish.keep = (policy.exact || x.route->embedder != nullptr) && out.wish.age > nanoseconds{};
  out.refresh = wanted.refresh;
  return out;
}

cache::reply_ptr find_kept(gateway& on, const exchange& x, const lookup& in) {
  if (!x.route->cache.exact) return nullptr;
  return on.parts().replies->kept.find(in.wish.key, in.max_age, on.now());
}

/// What sharing came to: a whole reply, an answer that was given already, or neither: the call must be made.
struct shared_turn {
  cache::reply_ptr kept;
  bool answered = false;
};

/// Someone else's reply, if this call need not be the one that is made.
net::task<result<shared_turn>> share_call(gateway& on, exchange& x, lookup& in) {
  using state = cache::seat::state;
  auto seat = std::make_shared<recall_seat>(on.parts().on);
  (void)on.parts().replies->calls.join(in.wish.key, seat);
  for (;;) {
    switch (seat->is()) {
      case state::free: co_return shared_turn{};  // nobody can wait for this one
      case state::served: co_return shared_turn{.kept = seat->got()};
      case state::leading:
        in.wish.seat = std::move(seat);
        co_return shared_turn{};
      case state::waiting:
        if (auto waited = co_await wait_for_turn(on, x, *seat); !waited) co_return std::unexpected(std::move(waited.error()));
        break;
      case state::following: {
        auto followed = co_await follow(on, x, seat);
        if (!followed) co_return std::unexpected(std::move(followed.error()));
        if (*followed) co_return shared_turn{.answered = true};
      }
    }
  }
}

/// Answers with it, and gives it to those who wait for this call.
net::task<void> answer_and_land(gateway& on, exchange& x, recall_wish& wish, cache::reply_ptr kept, cache::use how) {
  if (wish.seat) on.parts().replies->calls.land(*wish.seat, kept);
  wish.seat = nullptr;
  co_await answer_kept(on, x, std::move(kept), how);
}

net::task<result<bool>> look(gateway& on, exchange& x, lookup& in) {
  const auto& policy = x.route->cache;
  if (auto kept = find_kept(on, x, in)) {
    co_await answer_kept(on, x, std::move(kept), cache::use::hit);
    co_return true;
  }
  if (policy.coalesce) {
    auto shared = co_await share_call(on, x, in);
    if (!shared) co_return std::unexpected(std::move(shared.error()));
    if (shared->answered) co_return true;
    if (shared->kept) {
      co_await answer_kept(on, x, std::move(shared->kept), cache::use::shared);
      co_return true;
    }
    if (auto kept = find_kept(on, x, in)) {  // kept between the look and the seat
      co_await answer_and_land(on, x, in.wish, std::move(kept), cache::use::hit);
      co_return true;
    }
  }
  if (x.route->embedder == nullptr) co_return false;
  auto similar = co_await recall_similar(on, x, in.scope, in.wish, in.max_age);
  if (!similar) co_return false;
  co_await answer_and_land(on, x, in.wish, std::move(similar), cache::use::semantic);
  co_return true;
}

}  // namespace

bool has_cache(gateway& on, const exchange& x) {
  return on.parts().replies != nullptr && x.route->cache.on() && x.asked.op <= llm::operation::embeddings;
}

net::task<result<bool>> recall(gateway& on, exchange& x) {
  std::string variant;
  auto in = prepare(on, x, variant);
  if (!in) {
    note(on, x, cache::use::off);
    co_return false;
  }
  if (!in->refresh) {
    auto found = co_await look(on, x, *in);
    if (!found || *found) co_return found;
  }
  note(on, x, in->refresh ? cache::use::refresh : cache::use::miss);
  x.recalled.tap = std::make_unique<reply_tap>(on, x, std::move(in->wish));
  x.call = x.recalled.tap.get();
  co_return false;
}

void add_cache_headers(exchange& x) {
  if (x.account.cache == ledger::cache_use::none) return;
  x.headers.add("x-andon-cache", words[static_cast<std::size_t>(x.account.cache)]);
  if (x.recalled.age) x.headers.add_number("age", *x.recalled.age / std::chrono::seconds{1});
}

}  // namespace andon::gateway
