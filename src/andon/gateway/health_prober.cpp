#include "andon/gateway/health_prober.hpp"

#include "andon/base/log.hpp"

namespace andon::gateway {
namespace {

/// A target that fails its checks stays out until a check succeeds; should the checks themselves end, for so many
/// intervals.
constexpr int intervals_open = 3;

}  // namespace

/// One check under way. It keeps its Plan.
struct health_prober::watch {
  watch(net::core& on, plan_ptr plan, const health_check& check)
      : of(std::move(plan)), what(check), alarm(on.timers(), [](void* at) { static_cast<net::wait_point*>(at)->wake(); }, &pause) {}
  plan_ptr of;
  const health_check& what;
  net::wait_point pause;
  net::deadline_timer alarm;
  net::call_switch call;
  std::uint32_t good = 0, bad = 0;  // in a row
  bool ended = false;
};

health_prober::~health_prober() = default;

void health_prober::end_all() {
  const auto all = std::exchange(watches_, {});
  for (const auto& one : all) {
    one->ended = true;
    one->alarm.disarm();
    if (one->pause.waiting()) one->pause.wake();
    else one->call.cancel();
  }
}

void health_prober::adopt(const plan_ptr& next) {
  end_all();
  for (const auto& check : next->checks) {
    auto inside = work_.enter();
    if (!inside) return;
    auto& one = watches_.emplace_back(std::make_shared<watch>(on_, next, *check));
    on_.spawn(run(one, std::move(inside)));
  }
}

net::task<void> health_prober::stop() {
  work_.close();
  end_all();
  co_await work_.close_and_wait();
}

net::task<void> health_prober::run(std::shared_ptr<watch> one, net::gate::pass inside) {
  auto due = on_.now();
  while (!one->ended) {
    const auto found = co_await ask(*one);
    if (one->ended) break;
    take(*one, found);
    due = std::max(due + one->what.interval, on_.now());
    while (!one->ended && on_.now() < due) {
      one->alarm.arm(deadline{due});
      co_await one->pause.wait();
    }
  }
}

net::task<result<void>> health_prober::ask(watch& one) {
  for (const auto& [name, health] : one.what.feeds)
    if (health->staged().on(on_.now())) co_return fail(errc::connect_failed, std::string(route::outage::message));
  const auto until = deadline::after(on_.now(), one.what.timeout);
  const net::call_deadlines limits{until, until, until, {}};
  std::vector<net::header> lines{{"accept", "application/json"}, {"user-agent", "andon"}};
  for (const auto& line : one.what.headers) lines.push_back({line.name, line.value});
  const net::outgoing_request request{"GET", one.what.path, lines, {}};
  auto reply = co_await providers_.send(one.what.to, request, limits, &one.call);
  if (!reply && until.passed(on_.now())) co_return fail(errc::total_timeout, "the check was not answered within health_check.timeout");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  const int status = (*reply)->status();
  (*reply)->abort();  // a kept connection can outlive a server that takes no new ones
  if (one.what.one_of_keys && (status == 401 || status == 402 || status == 403 || status == 429)) co_return result<void>{};
  if (status < 200 || status > 299) co_return fail(errc::upstream_error, "the check was answered with status " + std::to_string(status));
  co_return result<void>{};
}

void health_prober::take(watch& one, const result<void>& found) {
  one.good = found ? one.good + 1 : 0;
  one.bad = found ? 0 : one.bad + 1;
  const auto& what = one.what;
  const auto stays_open = on_.now() + intervals_open * std::max(what.interval, what.timeout);
  for (const auto& [name, health] : what.feeds) {
    health->count_check(found.has_value());
    if (one.bad >= what.unhealthy_after && health->check_failed(stays_open, on_.now()))
      log::warn("breaker_open", {{"model", name.view()}, {"reason", "health_check"}, {"detail", found.error().message}});
    if (one.good < what.healthy_after) continue;
    const auto done = health->check_passed(what.slow_start, on_.now());
    if (done) log::info(*done == route::breaker_state::closed ? "breaker_closed" : "breaker_half_open", {{"model", name.view()}, {"reason", "health_check"}});
  }
}

}  // namespace andon::gateway
