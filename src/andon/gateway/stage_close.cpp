#include <exception>

#include "andon/base/log.hpp"
#include "andon/gateway/exchange_telemetry.hpp"
#include "andon/gateway/stages.hpp"
#include "andon/llm/dialect/openai_continue.hpp"
#include "andon/llm/structure.hpp"
#include "andon/net/url.hpp"

namespace andon::gateway {
namespace {

/// Turns what was reserved into what was used.
void settle(exchange& x, const served_model* model, mono_time now) {
  price_exchange(x, model);
  if (!x.held.holds()) return;
  const auto& account = x.account;
  if (!x.billed && x.failed_model == nullptr) return x.held.release();
  const auto used = account.use.total() + (x.billed ? x.failed_use.total() : tokens{});
  x.held.settle(used, account.cost, now);
}

std::optional<ledger::position> append(gateway& on, exchange& x) {
  if (on.journal() == nullptr || !x.who) return std::nullopt;
  auto at = on.journal()->append_record(x.account);
  if (at) return *at;
  const auto kept = on.unwritten().keep(x.account, *on.journal());
  if (kept.what == record_backlog::fate::lost) on.parts().meter.unrecorded(1);
  if (kept.what == record_backlog::fate::waiting) on.write_later();
  if (kept.what != record_backlog::fate::written && on.may_complain())
    log::error(kept.what == record_backlog::fate::lost ? "record_lost" : "record_waits_for_space", {{"request_id", x.account.id.str()}, {"reason", at.error().message}});
  return kept.at;
}

std::uint8_t transport_of(const gateway& on, const exchange& x) {
  const bool from_client = x.call->encrypted() || net::is_this_machine(x.account.client_address);
  return static_cast<std::uint8_t>((from_client ? ledger::client_encrypted : 0) | (x.plain_attempt ? 0 : ledger::provider_encrypted) |
                                   (on.parts().stored_encrypted ? ledger::stored_encrypted : 0));
}

/// Of a reply that a provider gave, on a route that demands it. It stands before the reply's last byte, so the work is bounded.
void check_structure(exchange& x) {
  auto& account = x.account;
  if (x.route == nullptr || !x.route->check_structure || !x.facts.has_response_format || account.outcome != errc::none || account.attempts.empty() || account.reply_truncated) return;
  auto found = llm::check_structure(x.facts.response_format_value.of(x.body), account.reply_body);
  if (found.verdict == llm::structure_verdict::unchecked) return;
  const bool valid = found.verdict == llm::structure_verdict::valid;
  account.structured = valid ? ledger::structure::valid : ledger::structure::invalid;
  if (!valid) account.attempts.back().error_message = "The reply is not as response_format asks: " + found.why;
}

/// The account as it will be recorded.
void end_account(gateway& on, exchange& x, const served_model* model) {
  auto& account = x.account;
  const auto now = on.now();
  x.enter(ledger::stage::close, now);
  if (model != nullptr) {
    account.model = model->name;
    account.provider = model->provider;
    account.region = model->region;
  }
  account.transport = transport_of(on, x);
  settle(x, model, now);
  check_structure(x);
  for (auto& one : account.attempts) {
    if (one.total != nanoseconds{}) continue;
    one.total = now - x.arrived() - one.started;
    one.outcome = account.outcome;
  }
  account.duration = now - x.arrived();
  if (x.recalled.tap) x.recalled.tap->before_record();
}

/// What one part of the close throws, a bug or no memory, is told and must not keep the others from being done: a
/// reservation or a gauge would stay for ever.
template <class Part>
bool carried_out(const exchange& x, std::string_view otherwise, const Part& part) {
  try {
    part();
    return true;
  } catch (const std::exception& fault) {
    log::error(otherwise, {{"request_id", x.account.id.str()}, {"reason", fault.what()}});
  } catch (...) {
    log::error(otherwise, {{"request_id", x.account.id.str()}, {"reason", "an exception of unknown type"}});
  }
  return false;
}

/// Whether the tier that was asked for has no price of its own on this model.
bool stands_in(const exchange& x, const served_model& model) {
  if (model.runs_free || llm::is_standard_tier(x.facts.service_tier)) return false;
  return x.under->prices.find_tier(model.price_provider, model.upstream_model, x.account.started, x.facts.service_tier).stands_in;
}

}  // namespace

void price_exchange(exchange& x, const served_model* model) {
  if (x.priced) return;
  x.priced = true;
  auto& account = x.account;
  account.price = ledger::price_state::known;  // what consumed nothing costs nothing
  if (x.billed && model != nullptr) {
    const auto price = cost_of(x, *model, account.use);
    account.price = static_cast<ledger::price_state>(price.state);
    account.cost = price.amount;
  }
  if (x.failed_model == nullptr) return;
  const auto parts = x.delivered_use;
  if (!x.billed) {
    account.use = x.failed_use;
    account.model = x.failed_model->name;
    account.provider = x.failed_model->provider;
  }
  if (parts.total() > tokens{}) account.use = llm::openai::sum(account.use, parts);
  account.cost += x.failed_cost;
  if (account.price == ledger::price_state::known && stands_in(x, *x.failed_model)) account.price = ledger::price_state::unknown_tier;
  if (account.price == ledger::price_state::free && account.cost > nano_usd{}) account.price = ledger::price_state::known;
  if (x.failed_unpriced) account.price = ledger::price_state::unknown;
}

llm::cost_answer cost_of(const exchange& x, const served_model& model, const llm::usage& use) {
  if (model.runs_free) return {llm::price_state::free, nano_usd{}};
  const auto& table = x.under->prices;
  const auto when = x.account.started;
  const std::string_view tier = x.service_tier.empty() ? x.facts.service_tier : x.service_tier;
  auto price = table.find_tier(model.price_provider, model.upstream_model, when, tier);
  if (price.what == nullptr && !x.account.upstream_model.empty()) price = table.find_tier(model.price_provider, x.account.upstream_model, when, tier);
  const auto answer = llm::cost(price.what, use);
  return price.stands_in ? llm::as_stand_in(answer) : answer;
}

std::optional<ledger::position> close_now(gateway& on, exchange& x, const served_model* model) {
  if (x.closed) return std::nullopt;
  x.closed = true;
  std::optional<ledger::position> at;
  if (!carried_out(x, "exchange_not_settled", [&] { end_account(on, x, model); })) x.held.release();
  if (!carried_out(x, "record_lost", [&] { at = append(on, x); })) on.parts().meter.unrecorded(1);
  (void)carried_out(x, "exchange_not_told", [&] { tell(on, x); });
  return at;
}

net::task<bool> close(gateway& on, exchange& x, const served_model* model) {
  const bool recorded = !x.closed && on.journal() != nullptr && x.who;
  const auto at = close_now(on, x, model);
  if (!on.parts().wait_durable || !recorded) co_return true;
  if (!at) co_return false;  // the Record waits for space, or is lost
  net::wait_point written;
  bool durable = false;
  net::core& core = on.parts().on;
  on.parts().records->on_durable(*at, [&core, &written, &durable](result<void> done) {
    core.post([&written, &durable, good = done.has_value()] {
      durable = good;
      written.wake();
    });
  });
  co_await written.wait();
  if (!durable && on.may_complain()) log::error("record_not_durable", {{"request_id", x.account.id.str()}});
  co_return durable;
}

}  // namespace andon::gateway
