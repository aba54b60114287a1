#include "andon/route/route.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <numeric>
#include <string>

#include "andon/route/waiting_room.hpp"

namespace andon::route {
namespace {

template <class Function>
void for_each(target_mask mask, const Function& call) {
  for (; mask != 0; mask &= mask - 1) call(static_cast<std::uint32_t>(std::countr_zero(mask)));
}

std::uint32_t nth(target_mask mask, std::uint64_t n) {
  while (n-- > 0) mask &= mask - 1;
  return static_cast<std::uint32_t>(std::countr_zero(mask));
}

// A step through 0 … total-1 that visits every place once per round and lies near the golden ratio, so that the turns
// of a heavy target are spread over the round.
std::uint64_t spread_step(std::uint64_t total) {
  auto step = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(static_cast<double>(total) * 0.618));
  while (std::gcd(step, total) != 1) ++step;
  return step;
}

constexpr nanoseconds between_reviews = std::chrono::seconds{1};
constexpr double unknown_penalty = 1e15;  // nanoseconds: more than any measured latency

std::string problem_of(const route_settings& s) {
  if (s.name.empty()) return "a route needs a name";
  if (s.targets.empty()) return "a route needs at least one target";
  if (s.targets.size() > max_targets) return "a route has at most 64 targets";
  if (std::ranges::all_of(s.targets, [](const auto& t) { return t.weight == 0; })) return "every target has weight 0";
  if (s.retry.attempts == 0 || s.retry.max_attempts == 0) return "retry.attempts and retry.max_attempts count the first attempt: at least 1";
  if (s.retry.attempts > 255) return "retry.attempts is at most 255";
  for (nanoseconds span : {s.deadlines.connect, s.deadlines.first_token, s.deadlines.idle, s.deadlines.total, s.retry.backoff_base,
                           s.retry.backoff_max, s.breaker.open, s.breaker.max_open, s.breaker.window})
    if (span <= nanoseconds::zero()) return "deadlines, back-off and the breaker's times must be longer than zero";
  const auto is_share = [](double v) { return v >= 0 && v <= 1; };
  if (!is_share(s.outlier.max_ejected) || !(s.outlier.error_margin > 0) || !(s.outlier.latency_factor >= 0)) return "outlier's shares and factors are out of range";
  if (!is_share(s.breaker.error_rate)) return "breaker.error_rate is between 0 and 1";
  if (!(s.retry.budget_ratio >= 0 && s.retry.budget_per_second >= 0 && s.retry.budget_burst >= 0 && s.retry.budget_burst <= 1e9))
    return "the retry budget's numbers must not be negative";
  if (s.hedge.after < nanoseconds::zero() || !(s.hedge.quantile >= 0 && s.hedge.quantile < 1)) return "hedge.after must not be negative, hedge.quantile is between 0 and 1";
  if (!is_share(s.hedge.budget_ratio) || !(s.hedge.budget_burst >= 1 && s.hedge.budget_burst <= 1e9)) return "the hedge budget is a share of the calls";
  if (s.breaker.half_open_calls == 0) return "breaker.half_open_calls is at least 1";
  if (s.breaker.window > std::chrono::minutes{1}) return "breaker.window is at most one minute";
  if (s.breaker.slow_start < nanoseconds::zero()) return "breaker.slow_start must not be negative";
  if (s.breaker.consecutive_failures == 0) return "breaker.consecutive_failures is at least 1";
  return {};
}

}  // namespace

// What pick() finds out about the targets that are allowed.
struct route::ranking {
  struct tier_mask {
    target_mask mask = 0;
    std::uint32_t tier = std::numeric_limits<std::uint32_t>::max();
    void add(std::uint32_t index, std::uint32_t of) {
      if (of > tier) return;
      mask = of < tier ? mask_of(index) : mask | mask_of(index);
      tier = of;
    }
  };
  tier_mask best, ramping;        // those of the best tier; `ramping`: left out this time by their slow start
  target_mask half_open = 0;
  std::uint32_t soonest = 0;      // to recover, of those that cool
  mono_time recovery = mono_time::max();
  bool busy = false;
};

// One choice among targets of equal standing; lives on the caller's stack.
class choosing {
public:
  choosing(const route& of, const facts& given, mono_time now, random_source& random) : route_(of), facts_(given), now_(now), random_(random) {}

  [[nodiscard]] std::uint32_t among(target_mask mask) {
    switch (route_.settings_.choose) {
      case strategy::priority:
      case strategy::weighted: return by_weight(mask);
      case strategy::round_robin: return in_turn(mask);
      case strategy::least_busy: return least(mask, [&](const target& t) { return t.health->in_flight() / weight(t); });
      case strategy::latency: return least(mask, [&](const target& t) { return expected_wait(t); });
      case strategy::cost: return least(mask, [&](const target& t) { return cost(t); });
      case strategy::usage: return least(mask, [&](const target& t) { return static_cast<double>(t.health->tokens_last_minute(now_)) / weight(t); });
    }
    return by_weight(mask);
  }

private:
  static double weight(const target& t) { return t.settings.weight; }

  [[nodiscard]] std::uint64_t total_weight(target_mask mask) const {
    std::uint64_t sum = 0;
    for_each(mask, [&](std::uint32_t i) { sum += route_.targets_[i].settings.weight; });
    return sum;
  }

  [[nodiscard]] std::uint32_t at_weight(target_mask mask, std::uint64_t place) const {
    std::uint32_t found = 0;
    for (; mask != 0; mask &= mask - 1) {
      found = static_cast<std::uint32_t>(std::countr_zero(mask));
      const std::uint64_t own = route_.targets_[found].settings.weight;
      if (place < own) return found;
      place -= own;
    }
    return found;
  }

  std::uint32_t by_weight(target_mask mask) { return at_weight(mask, random_.below(total_weight(mask))); }

  std::uint32_t in_turn(target_mask mask) {
    const std::uint64_t turn = route_.turn_.fetch_add(1, std::memory_order_relaxed);
    std::uint64_t divisor = 0;
    for_each(mask, [&](std::uint32_t i) { divisor = std::gcd(divisor, std::uint64_t{route_.targets_[i].settings.weight}); });
    const std::uint64_t total = total_weight(mask) / divisor;
    const auto count = static_cast<std::uint64_t>(std::popcount(mask));
    if (total == count) return nth(mask, turn % count);
    return at_weight(mask, turn % total * spread_step(total) % total * divisor);
  }

  [[nodiscard]] double expected_wait(const target& t) const {
    const double latency = t.health->latency_nanos(facts_.stream, now_);
    const double busy = std::max(t.health->in_flight(), 0);
    if (latency == 0) return busy == 0 ? 0 : unknown_penalty + busy;
    return latency * (busy + 1) / weight(t);
  }

  [[nodiscard]] double cost(const target& t) const {
    if (!t.settings.prices) return std::numeric_limits<double>::infinity();
    return static_cast<double>(t.settings.prices->input_per_million.value()) * static_cast<double>(facts_.input.value()) +
           static_cast<double>(t.settings.prices->output_per_million.value()) * static_cast<double>(facts_.output.value());
  }

  // The smallest by `measure`; equals are drawn by lot.
  template <class Measure>
  std::uint32_t least(target_mask mask, const Measure& measure) {
    std::uint32_t best = 0, equals = 0;
    double smallest = 0;
    for_each(mask, [&](std::uint32_t i) {
      const double value = measure(route_.targets_[i]);
      if (equals != 0 && value > smallest) return;
      equals = equals != 0 && value == smallest ? equals + 1 : 1;
      smallest = value;
      if (equals == 1 || random_.below(equals) == 0) best = i;
    });
    return best;
  }

  const route& route_;
  const facts& facts_;
  mono_time now_;
  random_source& random_;
};

result<std::shared_ptr<route>> route::compile(route_settings settings, health_table& health) {
  if (std::string problem = problem_of(settings); !problem.empty())
    return fail(errc::invalid_argument, "route '" + settings.name.str() + "': " + problem);
  return std::shared_ptr<route>(new route(std::move(settings), health));
}

route::route(route_settings settings, health_table& health)
    : settings_(std::move(settings)),
      retries_(settings_.retry.budget_ratio, settings_.retry.budget_per_second, settings_.retry.budget_burst),
      hedges_(settings_.hedge.budget_ratio, 0, settings_.hedge.budget_burst, 0) {
  const bool by_list = settings_.choose == strategy::priority &&
                       std::ranges::none_of(settings_.targets, [](const auto& t) { return t.priority.has_value(); });
  targets_.reserve(settings_.targets.size());
  for (const auto& one : settings_.targets) {
    const auto listed = static_cast<std::uint32_t>(targets_.size());
    targets_.push_back({one, by_list ? listed : one.priority.value_or(0), health.of(one.model)});
  }
  if (std::ranges::none_of(settings_.targets, [](const auto& t) { return t.max_parallel > 0; })) return;
  room_ = health.room_of(settings_.name);
  room_->configure(settings_.queue.size);
  for (const auto& one : targets_) one.health->serve_waiters_of(room_);
}

target_mask route::matching(const facts& of) const {
  target_mask mask = 0;
  for (std::size_t i = 0; i < targets_.size(); ++i)
    if (targets_[i].settings.weight != 0 && targets_[i].settings.when.holds(of)) mask |= mask_of(i);
  return mask;
}

std::optional<nanoseconds> route::hedge_after(std::uint32_t index, const facts& of, mono_time now) const {
  const auto& hedge = settings_.hedge;
  if (!hedge.on() || targets_.size() < 2) return std::nullopt;
  if (hedge.quantile > 0)
    if (const auto usual = targets_[index].health->usual_answer(of.stream, hedge.quantile, now)) return std::max(*usual, hedge.after);
  return hedge.after > nanoseconds::zero() ? std::optional{hedge.after} : std::nullopt;
}

std::expected<choice, refusal> route::pick(const facts& of, target_mask allowed, mono_time now, random_source& random) const {
  if (allowed == 0) return std::unexpected(refusal::all_tried);
  ranking found;
  for_each(allowed, [&](std::uint32_t i) { consider(i, found, now, random); });
  target_mask best = found.best.mask != 0 ? found.best.mask : found.ramping.mask;
  if (best == 0 && found.busy) return std::unexpected(refusal::all_busy);
  if (best == 0) {
    if (found.recovery == mono_time::max() || settings_.all_cooling == when_all_cooling::fail) return std::unexpected(refusal::all_cooling);
    return choice{found.soonest, true};
  }
  if ((best & found.half_open) != 0) best &= found.half_open;
  if ((best & (best - 1)) == 0) return choice{static_cast<std::uint32_t>(std::countr_zero(best)), false};
  return choice{choosing{*this, of, now, random}.among(best), false};
}

void route::consider(std::uint32_t index, ranking& found, mono_time now, random_source& random) const {
  const target& t = targets_[index];
  const auto& health = *t.health;
  if (health.held(now)) return;
  const mono_time until = settings_.breaker.enabled ? health.cooling_until() : mono_time{};
  if (until > now || (until != mono_time{} && health.probed(settings_.breaker, now))) {
    if (until < found.recovery) { found.recovery = until; found.soonest = index; }
    return;
  }
  if (health.busy(t.settings.max_parallel)) {
    found.busy = true;
    return;
  }
  if (until != mono_time{} && health.state(now) == breaker_state::half_open) found.half_open |= mask_of(index);
  const double share = health.share(now);
  (share < 1 && random.unit() >= share ? found.ramping : found.best).add(index, t.tier);
}

std::optional<ejection> route::review_now(mono_time now, double lot) const {
  auto due = next_review_.load(std::memory_order_relaxed);
  if (now.time_since_epoch().count() < due ||
      !next_review_.compare_exchange_strong(due, (now + between_reviews).time_since_epoch().count(), std::memory_order_relaxed)) return std::nullopt;
  const auto& with = settings_.outlier;
  if (!settings_.breaker.enabled || with.max_ejected <= 0) return std::nullopt;
  std::array<peer_reading, max_targets> peers{};
  std::size_t out = 0;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const auto& health = *targets_[i].health;
    if (health.held(now) || health.cooling(now)) ++out;
    else peers[i] = health.reading(settings_.breaker.window, with.min_calls, now);
  }
  const double share = static_cast<double>(out + 1) / static_cast<double>(targets_.size());
  if (out + 1 >= targets_.size() || share > with.max_ejected) return std::nullopt;
  const auto found = find_outlier({peers.data(), targets_.size()}, with);
  if (!found) return std::nullopt;
  const auto span = targets_[found->index].health->eject(settings_.breaker, now, lot);
  if (!span) return std::nullopt;
  return ejection{found->index, found->by, *span};
}

}  // namespace andon::route
