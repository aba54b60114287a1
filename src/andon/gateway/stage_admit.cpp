#include "andon/gateway/stages.hpp"

#include <algorithm>

namespace andon::gateway {
namespace {

/// Images and audio at the model of the route that counts most for them.
tokens media_tokens(const exchange& x) {
  tokens most;
  if (x.facts.image_parts + x.facts.audio_parts == 0) return most;
  for (const auto* model : x.route->models) {
    const auto images = llm::image_tokens(model->upstream_model, {}) * x.facts.image_parts;
    const auto audio = x.facts.audio_parts > 0 ? llm::audio_tokens(model->upstream_model, llm::longest_audio_ms("mp3", x.body.size())) : tokens{};
    most = std::max(most, images + audio);
  }
  return most;
}

/// What the call may consume at most, over all models of its route.
llm::reservation estimate(gateway& on, const exchange& x) {
  llm::reservation worst;
  for (const auto* profile : x.route->profiles) {
    llm::reservation_input in;
    in.text = count_request(on, x, *profile) + tokens{static_cast<std::int64_t>(x.facts.given_tokens)};
    in.media = media_tokens(x);
    const bool chat = x.asked.op == llm::operation::chat;
    in.messages = chat ? x.facts.messages : 0;
    if (x.facts.max_output) in.max_output = x.facts.max_output->value();
    in.choices = x.facts.choices;
    in.model_max_output = x.route->max_output;
    in.default_max_output = x.under->limits.default_max_output;
    in.produces_output = x.asked.op != llm::operation::embeddings;
    const auto bound = llm::upper_bound(*profile, in);
    worst.input = std::max(worst.input, bound.input);
    worst.output = std::max(worst.output, bound.output);
  }
  return worst;
}

/// The most that the estimate can cost on any model of the route. Nothing when no price is known, or when one is not
/// and the project refuses unknown prices.
std::optional<nano_usd> most_cost(gateway& on, const exchange& x) {
  std::optional<nano_usd> most;
  bool any_unknown = false;
  for (const auto* model : x.route->models) {
    if (model->runs_free) {
      most = std::max(most.value_or(nano_usd{}), nano_usd{});
      continue;
    }
    const auto* price = x.under->prices.find(model->price_provider, model->upstream_model, on.wall(), x.facts.service_tier);
    const auto bound = llm::cost_bound(price, x.input_estimate, x.output_estimate);
    if (bound.state == llm::price_state::unknown) any_unknown = true;
    else most = std::max(most.value_or(nano_usd{}), bound.amount);
  }
  if (any_unknown && x.who->on_unknown_price == access::unknown_price::refuse) return std::nullopt;
  return most;
}

result<void> journal_opened(gateway& on, exchange& x) {
  auto* journal = on.journal();
  if (journal == nullptr) return {};
  ledger::opened entry{x.account.id,  x.account.started, x.account.project, x.account.key, x.account.user, x.tags,
                       x.account.op, x.account.route,   x.held.reserved_tokens(), x.held.reserved_cost()};
  const auto reply_guess = static_cast<std::uint64_t>(std::max<std::int64_t>(x.output_estimate.value(), 0)) * 6;
  const auto written = journal->append_opened(entry, x.body.size() + std::min<std::uint64_t>(reply_guess, 1u << 20));
  if (!written)
    return fail(errc::ledger_unavailable, "The gateway cannot record the call: " + written.error().message);
  x.opened = true;
  return {};
}

}  // namespace

tokens count_request(gateway& on, const exchange& x, const llm::token_profile& profile) {
  const auto& counter = on.parts().counter;
  llm::token_counter::kinds sum{};
  tokens total;
  for (const auto& text : x.facts.texts) {
    std::string_view plain = text.raw;
    if (text.escaped && !text.json) {
      on.text_scratch().clear();
      llm::append_unescaped(on.text_scratch(), text.raw);
      plain = on.text_scratch();
    }
    if (profile.exact) {
      total += counter.count(profile, plain);
      continue;
    }
    const auto kinds = counter.count_by_kind(profile.base, plain);
    for (std::size_t i = 0; i < kinds.size(); ++i) sum[i] += kinds[i];
  }
  return profile.exact ? total : llm::token_counter::scaled(profile, sum);
}

result<void> admit(gateway& on, exchange& x) {
  const auto bound = estimate(on, x);
  x.input_estimate = bound.input;
  x.output_estimate = bound.output;
  access::ask wanted{.who = x.who, .route = x.who.in()->find_route(x.facts.model), .user = x.account.user, .tags = x.tags,
                     .estimate = bound.input + bound.output, .cost = most_cost(on, x)};
  auto taken = on.parts().limits.admit(wanted, on.now(), on.wall());
  if (!taken) {
    x.refused = std::move(taken.error());
    return std::unexpected(x.refused->to_error());
  }
  x.held = std::move(*taken);
  x.counted = true;
  on.parts().meter.began();
  return journal_opened(on, x);
}

}  // namespace andon::gateway
