#include "andon/llm/price.hpp"

#include <algorithm>

namespace andon::llm {
namespace {

using int128 = __int128;
constexpr std::int64_t million = 1'000'000;

constexpr token_class parent_of(token_class c) {
  switch (c) {
    case token_class::cached_read:
    case token_class::cache_write_5m:
    case token_class::input_audio: return token_class::input;
    case token_class::cache_write_1h: return token_class::cache_write_5m;
    case token_class::reasoning:
    case token_class::output_audio: return token_class::output;
    default: return c;
  }
}

std::int64_t effective_rate(const rate_card& card, token_class c) {
  for (;;) {
    const std::int64_t rate = card.rate(c);
    const token_class parent = parent_of(c);
    if (rate != rate_card::none || parent == c) return rate;
    c = parent;
  }
}

const rate_card& card_for(const price& p, std::int64_t input) {
  std::size_t i = p.cards.size() - 1;
  while (i > 0 && input <= p.cards[i].above_input) --i;
  return p.cards[i];
}

nano_usd saturated(int128 amount) {
  return amount > nano_usd::max().value() ? nano_usd::max() : nano_usd{static_cast<std::int64_t>(amount)};
}

int128 class_cost(std::int64_t count, std::int64_t rate) { return (int128{count} * rate + million / 2) / million; }

std::int64_t positive(tokens count) { return std::max<std::int64_t>(0, count.value()); }

struct part { token_class is; std::int64_t count; };

std::array<part, token_classes> parts_of(const usage& use) {
  const auto read = positive(use.cached_read), write5 = positive(use.cache_write_5m), write1h = positive(use.cache_write_1h);
  const auto audio_in = positive(use.input_audio), thought = positive(use.reasoning), audio_out = positive(use.output_audio);
  const tokens special_in = tokens{read} + tokens{write5} + tokens{write1h} + tokens{audio_in};
  const tokens special_out = tokens{thought} + tokens{audio_out};
  return {{{token_class::input, positive(tokens{positive(use.input)} - special_in)},
           {token_class::cached_read, read},
           {token_class::cache_write_5m, write5},
           {token_class::cache_write_1h, write1h},
           {token_class::output, positive(tokens{positive(use.output)} - special_out)},
           {token_class::reasoning, thought},
           {token_class::input_audio, audio_in},
           {token_class::output_audio, audio_out}}};
}

bool costs_nothing(const price* p, cost_answer& answer) {
  if (p == nullptr || p->state == price_state::unknown) return true;
  if (p->state == price_state::known && !p->cards.empty()) return false;
  answer.state = p->state == price_state::free ? price_state::free : price_state::unknown;
  return true;
}

std::int64_t highest_rate(const price& p, std::initializer_list<token_class> classes) {
  std::int64_t highest = rate_card::none;
  for (const rate_card& card : p.cards)
    for (const token_class c : classes) highest = std::max(highest, effective_rate(card, c));
  return highest;
}

}  // namespace

std::string_view to_string(token_class c) {
  static constexpr std::string_view names[] = {"input", "cached_read", "cache_write_5m", "cache_write_1h",
                                               "output", "reasoning", "input_audio", "output_audio"};
  return c < token_class::count_ ? names[static_cast<std::size_t>(c)] : "unknown";
}

cost_answer cost(const price* p, const usage& use) {
  cost_answer answer;
  if (costs_nothing(p, answer)) return answer;
  const auto parts = parts_of(use);
  const rate_card& card = card_for(*p, positive(use.input));
  int128 total = p->per_request.value();
  for (const part& each : parts) {
    if (each.count == 0) continue;
    const std::int64_t rate = effective_rate(card, each.is);
    if (rate == rate_card::none) return answer;
    total += class_cost(each.count, rate);
  }
  return {price_state::known, saturated(total)};
}

cost_answer cost_bound(const price* p, tokens input, tokens output) {
  cost_answer answer;
  if (costs_nothing(p, answer)) return answer;
  using tc = token_class;
  const std::int64_t in = highest_rate(*p, {tc::input, tc::cached_read, tc::cache_write_5m, tc::cache_write_1h, tc::input_audio});
  const std::int64_t out = highest_rate(*p, {tc::output, tc::reasoning, tc::output_audio});
  if ((in == rate_card::none && positive(input) > 0) || (out == rate_card::none && positive(output) > 0)) return answer;
  // Each class rounds by itself, so a sum over up to five and three of them may exceed the whole by half a unit each.
  const int128 total = int128{p->per_request.value()} + (positive(input) > 0 ? class_cost(positive(input), in) + 4 : 0) +
                       (positive(output) > 0 ? class_cost(positive(output), out) + 2 : 0);
  return {price_state::known, saturated(total)};
}

}  // namespace andon::llm
