#include <boost/json.hpp>

#include "andon/admin/audit.hpp"
#include "andon/admin/decisions.hpp"
#include "andon/admin/handlers.hpp"
#include "andon/admin/json_out.hpp"
#include "andon/base/time_text.hpp"

namespace andon::admin::handlers {
namespace {

namespace json = boost::json;

constexpr nanoseconds until_resumed = std::chrono::days{3650};
constexpr nanoseconds shown_as_paused = std::chrono::days{365};

json::object target_json(const route::target& target, const gateway::served_model& model, mono_time now) {
  const auto& health = *target.health;
  const auto cooling = health.cooling(now) ? health.cooling_until() - now : nanoseconds{0};
  json::object out;
  out["model"] = model.name.view();
  out["provider"] = model.provider.view();
  out["upstream_model"] = model.upstream_model;
  out["address"] = model.address;
  out["tier"] = target.tier;
  out["weight"] = target.settings.weight;
  out["state"] = health.held(now) ? "paused" : cooling > nanoseconds{0} ? "cooling" : health.state(now) == route::breaker_state::half_open ? "probing" : health.share(now) < 1 ? "starting" : "serving";
  if (health.held(now) && health.held_until() - now < shown_as_paused) out["paused_s"] = static_cast<double>((health.held_until() - now).count()) / 1e9;
  if (cooling > nanoseconds{0}) out["cooling_s"] = static_cast<double>(cooling.count()) / 1e9;
  out["breaker"] = route::to_string(health.state(now));
  out["share"] = health.share(now);
  out["in_flight"] = health.in_flight();
  out["consecutive_failures"] = health.consecutive_failures();
  out["error_rate"] = health.error_rate(now);
  out["latency_s"] = health.latency_nanos(false, now) / 1e9;
  out["tokens_last_minute"] = health.tokens_last_minute(now);
  return out;
}

void note_state(const request& asked, bool was_paused, json::object after) {
  note_act(asked, "model " + asked.argument, {}, {{"state", was_paused ? "paused" : "serving"}}, std::move(after));
}

result<std::shared_ptr<route::target_health>> known_target(const services& with, const request& asked) {
  const auto plan = with.plan();
  if (plan)
    for (const auto& model : plan->models)
      if (model->name.view() == asked.argument) return with.health.of(model->name);
  return fail(errc::not_found, "no model is named '" + asked.argument + "' in the configuration; `andon routes` (GET /api/v1/routes) tells them");
}

}  // namespace

result<reply> routes(const services& with, const request&) {
  const auto now = with.time.mono();
  json::array data;
  if (const auto plan = with.plan())
    for (const auto& route : plan->routes) {
      json::array targets;
      const auto all = route->choice->targets();
      for (std::size_t i = 0; i < all.size() && i < route->models.size(); ++i) targets.emplace_back(target_json(all[i], *route->models[i], now));
      data.emplace_back(json::object{{"name", route->name.view()}, {"strategy", route::to_string(route->choice->settings().choose)}, {"targets", std::move(targets)}});
    }
  return reply{.body = json_text(json::object{{"data", std::move(data)}})};
}

result<reply> pause_target(const services& with, const request& asked) {
  const auto target = known_target(with, asked);
  if (!target) return std::unexpected(target.error());
  const auto span = asked.query.duration("for", until_resumed, until_resumed);
  if (!span) return std::unexpected(span.error());
  if (auto may = may_change(with, asked, "model " + asked.argument + " (pause)"); !may) return std::unexpected(std::move(may.error()));
  const bool was_paused = (*target)->held(with.time.mono());
  (*target)->hold(with.time.mono() + *span);
  note_state(asked, was_paused, {{"state", "paused"}, {"for", asked.query.has("for") ? json::value(format_duration(*span)) : json::value("until resumed")}});
  return reply{.body = json_text(json::object{{"model", asked.argument}, {"state", "paused"}})};
}

result<reply> resume_target(const services& with, const request& asked) {
  const auto target = known_target(with, asked);
  if (!target) return std::unexpected(target.error());
  if (auto may = may_change(with, asked, "model " + asked.argument + " (resume)"); !may) return std::unexpected(std::move(may.error()));
  const bool was_paused = (*target)->held(with.time.mono());
  note_state(asked, was_paused, {{"state", "serving"}});
  (*target)->hold({});
  (*target)->recover();
  return reply{.body = json_text(json::object{{"model", asked.argument}, {"state", "serving"}})};
}

}  // namespace andon::admin::handlers
