#include "andon/base/log.hpp"
#include "andon/gateway/exchange_telemetry.hpp"
#include "andon/gateway/stages.hpp"

namespace andon::gateway {
namespace {

llm::cost_answer price_of(gateway& on, const exchange& x, const served_model& model) {
  if (model.runs_free) return {llm::price_state::free, nano_usd{}};
  const auto& table = x.under->prices;
  const auto* price = table.find(model.price_provider, model.upstream_model, on.wall());
  if (price == nullptr && !x.account.upstream_model.empty()) price = table.find(model.price_provider, x.account.upstream_model, on.wall());
  return llm::cost(price, x.account.use);
}

/// Turns what was reserved into what was used.
void settle(gateway& on, exchange& x, const served_model* model) {
  price_exchange(on, x, model);
  if (!x.held.holds()) return;
  const auto& account = x.account;
  if (!x.billed || model == nullptr) return x.held.release();
  const bool unknown = account.price == ledger::price_state::unknown;
  x.held.settle(account.use.total(), unknown ? std::nullopt : std::optional{account.cost}, on.now());
}

std::optional<ledger::position> append(gateway& on, exchange& x) {
  if (on.journal() == nullptr || !x.who) return std::nullopt;
  auto at = on.journal()->append_record(x.account);
  if (at) return *at;
  if (on.may_complain()) log::error("record_not_written", {{"request_id", x.account.id.str()}, {"reason", at.error().message}});
  return std::nullopt;
}

}  // namespace

void price_exchange(gateway& on, exchange& x, const served_model* model) {
  if (x.priced) return;
  x.priced = true;
  auto& account = x.account;
  account.price = ledger::price_state::known;  // what consumed nothing costs nothing
  if (!x.billed || model == nullptr) return;
  const auto price = price_of(on, x, *model);
  account.price = static_cast<ledger::price_state>(price.state);
  account.cost = price.amount;
}

std::optional<ledger::position> close_now(gateway& on, exchange& x, const served_model* model) {
  if (x.closed) return std::nullopt;
  x.closed = true;
  auto& account = x.account;
  x.enter(ledger::stage::close, on.now());
  if (model != nullptr) {
    account.model = model->name;
    account.provider = model->provider;
  }
  settle(on, x, model);
  if (!account.attempts.empty() && account.attempts.back().total == nanoseconds{}) {
    auto& last = account.attempts.back();
    last.total = on.now() - x.arrived() - last.started;
    last.outcome = account.outcome;
  }
  account.duration = on.now() - x.arrived();
  auto at = append(on, x);
  tell(on, x);
  return at;
}

net::task<void> close(gateway& on, exchange& x, const served_model* model) {
  const auto at = close_now(on, x, model);
  if (!at || !on.parts().wait_durable) co_return;
  net::wait_point written;
  net::core& core = on.parts().on;
  on.parts().records->on_durable(*at, [&core, &written](result<void>) { core.post([&written] { written.wake(); }); });
  co_await written.wait();
}

}  // namespace andon::gateway
