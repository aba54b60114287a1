#include "andon/access/ticket.hpp"

#include <cassert>
#include <utility>

#include "andon/access/admission.hpp"
#include "andon/base/log.hpp"

namespace andon::access {
namespace {

nanoseconds to_span(bucket_time ticks) { return nanoseconds{(ticks + 15) / 16}; }

rate_reading read_bucket(const bound_limit& rule, const bucket_rate& rate, const bucket& state, bucket_time now) {
  if (!rate.limited()) return {};
  return {&rule, rate.limit, state.remaining(rate, now), to_span(state.until_full(now))};
}

void keep_tighter(rate_reading& best, const rate_reading& other) {
  if (other.rule != nullptr && (best.rule == nullptr || other.remaining < best.remaining)) best = other;
}

}  // namespace

ticket::ticket(ticket&& other) noexcept { take_from(other); }

ticket& ticket::operator=(ticket&& other) noexcept {
  if (this == &other) return *this;
  assert(from_ == nullptr && "a ticket was overwritten before settle() or release()");
  release();
  take_from(other);
  return *this;
}

ticket::~ticket() {
  if (from_ == nullptr) return;
  log::error("ticket_not_settled");
  assert(from_ == nullptr && "a ticket was destroyed before settle() or release()");
  release();
}

void ticket::take_from(ticket& other) noexcept {
  from_ = std::exchange(other.from_, nullptr);
  in_ = std::move(other.in_);
  estimate_ = other.estimate_;
  cost_ = other.cost_;
  size_ = std::exchange(other.size_, 0);
  for (std::size_t i = 0; i < size_ && i < inline_holds; ++i) few_[i] = other.few_[i];
  more_ = std::move(other.more_);
}

void ticket::push(const hold& h) {
  if (size_ < inline_holds) few_[size_] = h;
  else more_.push_back(h);
  ++size_;
}

limit_state& ticket::state_of(const hold& h) noexcept {
  return h.what == kind::user_limit ? static_cast<user_limit_table::entry*>(h.state)->state : *static_cast<limit_state*>(h.state);
}

void ticket::undo(const hold& h, end how, tokens used, nano_usd cost, bucket_time now) noexcept {
  if (h.what == kind::budget) return static_cast<budget_account*>(h.state)->settle(h.in, cost_, cost);
  if (h.what == kind::user_budget)
    return from_->user_budgets_.settle(h.id, h.in, static_cast<user_budget_table::entry*>(h.state), cost_, cost);
  const auto& rule = *static_cast<const bound_limit*>(h.rule);
  auto& state = state_of(h);
  state.tokens.give_back(rule.tokens, ((h.tokens_taken ? estimate_ : tokens{0}) - used).value(), now);
  if (rule.parallel >= 0) state.parallel.fetch_sub(1, std::memory_order_relaxed);
  if (how == end::refused) state.requests.give_back(rule.requests, 1, now);
  if (h.what == kind::user_limit) user_limit_table::unpin(static_cast<user_limit_table::entry*>(h.state));
}

void ticket::back_to_entered(std::size_t entered, mono_time now) noexcept {
  const auto ticks = to_ticks(now);
  for (std::size_t i = size_; i-- > entered;) undo(at(i), end::refused, tokens{0}, nano_usd{0}, ticks);
  for (std::size_t i = 0; i < entered; ++i) {
    if (!std::exchange(at(i).tokens_taken, false)) continue;
    state_of(at(i)).tokens.give_back(static_cast<const bound_limit*>(at(i).rule)->tokens, estimate_.value(), ticks);
  }
  size_ = static_cast<std::uint32_t>(entered);
  more_.resize(entered > inline_holds ? entered - inline_holds : 0);
  estimate_ = {};
  cost_ = {};
}

void ticket::finish(end how, tokens used, nano_usd cost, mono_time now) noexcept {
  if (from_ == nullptr) return;
  for (std::size_t i = size_; i-- > 0;) undo(at(i), how, used, cost, to_ticks(now));
  from_->open_.fetch_sub(1, std::memory_order_relaxed);
  from_ = nullptr;
  size_ = 0;
  more_.clear();
  in_.reset();
}

bool ticket::raise_one(const hold& h, nano_usd more, nano_usd& committed) const noexcept {
  const auto& rule = *static_cast<const bound_budget*>(h.rule);
  if (h.what == kind::budget) return static_cast<budget_account*>(h.state)->reserve(h.in, more, rule.limit, committed);
  return from_->user_budgets_.raise(h.id, h.in, static_cast<user_budget_table::entry*>(h.state), more, rule.limit, committed);
}

void ticket::lower_one(const hold& h, nano_usd by) const noexcept {
  nano_usd committed;
  if (h.what == kind::budget) static_cast<budget_account*>(h.state)->settle(h.in, by, nano_usd{0});
  else (void)from_->user_budgets_.raise(h.id, h.in, static_cast<user_budget_table::entry*>(h.state), nano_usd{0} - by, nano_usd::max(), committed);
}

std::optional<refusal> ticket::raise(nano_usd more, wall_time wall) {
  if (from_ == nullptr || more <= nano_usd{0}) return std::nullopt;
  const auto is_budget = [this](std::size_t i) { return at(i).what == kind::budget || at(i).what == kind::user_budget; };
  for (std::size_t i = 0; i < size_; ++i) {
    nano_usd committed;
    if (!is_budget(i) || raise_one(at(i), more, committed)) continue;
    for (std::size_t back = i; back-- > 0;)
      if (is_budget(back)) lower_one(at(back), more);
    return budget_refusal(*static_cast<const bound_budget*>(at(i).rule), at(i).in, more, committed, wall);
  }
  cost_ += more;
  return std::nullopt;
}

void ticket::settle(tokens used, std::optional<nano_usd> cost, mono_time now) noexcept {
  finish(end::settled, std::max(used, tokens{0}), std::max(cost.value_or(nano_usd{0}), nano_usd{0}), now);
}

void ticket::release() noexcept { finish(end::released, tokens{0}, nano_usd{0}, mono_time{}); }

rate_readings ticket::read(const hold& h, bucket_time now) noexcept {
  if (h.what != kind::limit && h.what != kind::user_limit) return {};
  const auto& rule = *static_cast<const bound_limit*>(h.rule);
  const auto& state = state_of(h);
  rate_readings out{read_bucket(rule, rule.requests, state.requests, now), read_bucket(rule, rule.tokens, state.tokens, now), {}};
  if (rule.parallel >= 0)
    out.parallel = {&rule, rule.parallel, std::max<std::int64_t>(rule.parallel - state.parallel.load(std::memory_order_relaxed), 0), {}};
  return out;
}

rate_readings ticket::rates(mono_time now) const noexcept {
  rate_readings best;
  for (std::size_t i = 0; i < size_; ++i) {
    const auto one = read(at(i), to_ticks(now));
    keep_tighter(best.requests, one.requests);
    keep_tighter(best.tokens, one.tokens);
    keep_tighter(best.parallel, one.parallel);
  }
  return best;
}

void ticket::each_limit(mono_time now, void (*visit)(void*, const bound_limit&, const rate_readings&), void* context) const {
  for (std::size_t i = 0; i < size_; ++i)
    if (at(i).what == kind::limit || at(i).what == kind::user_limit) visit(context, *static_cast<const bound_limit*>(at(i).rule), read(at(i), to_ticks(now)));
}

}  // namespace andon::access
