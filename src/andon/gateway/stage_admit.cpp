#include "andon/gateway/embedding_batch.hpp"
#include "andon/gateway/stages.hpp"

#include <algorithm>
#include <charconv>

namespace andon::gateway {
namespace {

/// Images, audio and files at the model of the route that counts most for them.
tokens media_tokens(const exchange& x) {
  tokens most;
  const auto files = x.facts.file_parts > 0 ? llm::file_tokens(x.facts.file_parts, x.facts.file_bytes, x.facts.unseen_files) : tokens{};
  if (x.facts.image_parts + x.facts.audio_parts == 0) return files;
  for (const auto* model : x.route->all_models()) {
    const auto images = llm::image_tokens(model->upstream_model, {}) * x.facts.image_parts;
    const auto audio = x.facts.audio_parts > 0 ? llm::audio_tokens(model->upstream_model, llm::longest_audio_ms("mp3", x.body.size())) : tokens{};
    most = std::max(most, images + audio);
  }
  return most + files;
}

/// What the call may consume at most, over all models of its route.
llm::reservation estimate(gateway& on, const exchange& x) {
  llm::reservation worst;
  for (const auto* profile : x.route->profiles) {
    llm::reservation_input in;
    in.text = count_request(on, x, *profile) + tokens{static_cast<std::int64_t>(x.facts.given_tokens)};
    in.media = media_tokens(x);
    in.tools = x.facts.has_tools;
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

/// The most that the estimate can cost on one model: by the tier that is asked for, and by the standard one, which a
/// provider may serve instead. A tier's name alone makes no call cheaper.
llm::cost_answer bound_of(const exchange& x, const served_model& model) {
  const auto& table = x.under->prices;
  const auto find = [&](std::string_view tier) { return table.find_tier(model.price_provider, model.upstream_model, x.account.started, tier); };
  const auto bound = [&](const llm::price* price) { return llm::cost_bound(price, x.input_estimate, x.output_estimate); };
  const auto own = find(x.facts.service_tier);
  auto most = bound(own.what);
  if (own.stands_in) return llm::as_stand_in(most);
  if (llm::is_standard_tier(x.facts.service_tier)) return most;
  if (const auto standard = bound(find({}).what); standard.state == llm::price_state::known) most.amount = std::max(most.amount, standard.amount);
  return most;
}

/// The most that the estimate can cost on any model of the route. Nothing when no price is known, or when one is not
/// and the project refuses unknown prices.
std::optional<nano_usd> most_cost(const exchange& x) {
  std::optional<nano_usd> most;
  bool any_unknown = false;
  for (const auto* model : x.route->all_models()) {
    if (model->runs_free) {
      most = std::max(most.value_or(nano_usd{}), nano_usd{});
      continue;
    }
    const auto bound = bound_of(x, *model);
    any_unknown |= bound.state == llm::price_state::unknown || bound.state == llm::price_state::unknown_tier;
    if (bound.state != llm::price_state::unknown) most = std::max(most.value_or(nano_usd{}), bound.amount);
  }
  if (any_unknown && x.who->on_unknown_price == access::unknown_price::refuse) return std::nullopt;
  return most;
}

/// The bytes that the body will take at most. One that is packed or chunked may come to the largest.
std::uint64_t expected_body(const exchange& x) {
  std::uint64_t length = 0;
  for (const auto& line : x.call->headers()) {
    if (net::header_equals(line.name, "content-length")) std::from_chars(line.value.data(), line.value.data() + line.value.size(), length);
    else if (net::header_equals(line.name, "transfer-encoding") || (net::header_equals(line.name, "content-encoding") && line.value != "identity")) return x.under->limits.max_body;
  }
  return std::min(length, x.under->limits.max_body);
}

/// What the reserved amount says of the call's price, should nobody see its end.
ledger::price_state reserved_price(const exchange& x) {
  if (x.held.reserved_cost() > nano_usd{}) return ledger::price_state::known;
  const bool free = std::ranges::all_of(x.route->all_models(), &served_model::runs_free);
  return free ? ledger::price_state::free : ledger::price_state::unknown;
}

result<void> journal_opened(gateway& on, exchange& x) {
  auto* journal = on.journal();
  if (journal == nullptr) return {};
  ledger::opened entry{x.account.id,  x.account.started, x.account.project, x.account.key, x.account.user, x.tags,
                       x.account.op, x.account.route,   x.held.reserved_tokens(), x.held.reserved_cost(), reserved_price(x)};
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

result<void> let_in(gateway& on, exchange& x) {
  auto taken = on.parts().limits.enter(x.who, on.now());
  if (!taken) {
    x.refused = std::move(taken.error());
    return std::unexpected(x.refused->to_error());
  }
  x.held = std::move(*taken);
  x.body_share = on.parts().limits.bodies().take(expected_body(x), x.under->limits.body_memory);
  if (!x.body_share) return fail(errc::overloaded, "The request bodies that the gateway holds leave no memory for this one. The setting listen.body_memory sets this bound.");
  return {};
}

std::optional<access::refusal> raise_reservation(gateway& on, exchange& x, nano_usd more) {
  return x.joins != nullptr ? raise_members(on, *x.joins, more) : x.held.raise(more, on.wall());
}

result<void> cover_failed(gateway& on, exchange& x) {
  if (x.failed_cost <= x.covered_cost) return {};
  x.refused = raise_reservation(on, x, x.failed_cost - x.covered_cost);
  if (!x.refused) {
    x.covered_cost = x.failed_cost;
    return {};
  }
  x.upstream_error_body.clear();
  return std::unexpected(x.refused->to_error());
}

result<void> admit(gateway& on, exchange& x) {
  const auto bound = estimate(on, x);
  x.input_estimate = bound.input;
  x.output_estimate = bound.output;
  access::ask wanted{.who = x.who, .route = x.who.in()->find_route(x.facts.model), .user = x.account.user, .tags = x.tags,
                     .estimate = bound.input + bound.output, .cost = most_cost(x)};
  x.refused = on.parts().limits.reserve(x.held, wanted, on.now(), x.account.started);
  if (x.refused) return std::unexpected(x.refused->to_error());
  x.account.request_body.assign(x.body);
  x.account.request_truncated = false;
  x.counted = true;
  on.parts().meter.began();
  return journal_opened(on, x);
}

}  // namespace andon::gateway
