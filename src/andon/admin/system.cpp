#include <algorithm>
#include <boost/json.hpp>

#include "andon/admin/audit.hpp"
#include "andon/admin/decisions.hpp"
#include "andon/admin/handlers.hpp"
#include "andon/admin/json_out.hpp"
#include "andon/admin/route_table.hpp"
#include "andon/admin/status_page.hpp"
#include "andon/alert/api_v2.hpp"
#include "andon/base/time_text.hpp"
#include "andon/drill/drill_desk.hpp"
#include "andon/ledger/store.hpp"

namespace andon::admin::handlers {
namespace {

namespace json = boost::json;

/// Of the history of plans; 0 where none is kept.
std::int64_t plan_number(const services& with) { return with.policies.standing ? with.policies.standing().entry : 0; }

json::object ledger_json(const ledger::ledger& from) {
  const auto now = from.status();
  const auto index = from.index().status();
  json::object out;
  out["appended"] = now.appended;
  out["indexed"] = now.indexed;
  out["waiting"] = now.waiting;
  out["dropped"] = now.dropped;
  out["balanced"] = now.balanced();
  out["open"] = now.journal.open_exchanges;
  out["journal_bytes"] = now.journal.disk_bytes;
  out["journal_segments"] = now.journal.segments;
  out["refused"] = now.journal.refused;
  out["full"] = now.journal.full;
  out["sync_failing"] = now.journal.sync_failing;
  out["index_rows"] = index.rows;
  out["index_bytes"] = index.disk_bytes;
  out["index_problem"] = now.index_problem;
  out["rebuilding"] = now.rebuilding;
  return out;
}

json::object alerts_json(const alert::board& from) {
  json::object out;
  from.read([&](const alert::board_view& seen) {
    out["firing"] = alert::api::count_firing(seen);
    out["quiet"] = alert::api::count_quiet(seen);
    out["open_incidents"] = seen.open_incidents.size();
    out["waiting_messages"] = seen.messages.waiting();
    if (const auto dead = seen.store.count_dead()) out["dead_letters"] = *dead;
  });
  return out;
}

}  // namespace

result<reply> page(const services& with, const request&) {
  return reply{.body = status_page(with), .content_type = "text/html; charset=utf-8"};
}

result<reply> health(const services&, const request&) { return reply{.body = R"({"status":"ok"})"}; }

result<reply> readiness(const services& with, const request&) {
  if (with.ready()) return reply{.body = R"({"status":"ready"})"};
  return reply{.status = 503, .body = R"({"status":"not ready"})"};
}

result<reply> metrics_text(const services& with, const request&) {
  return reply{.body = with.metrics.render_prometheus(), .content_type = "text/plain; version=0.0.4; charset=utf-8"};
}

result<reply> paths(const services&, const request&) { return reply{.body = paths_json()}; }

result<reply> filter_page(const services&, const request&) {
  return reply{.body = ledger::filter_reference(), .content_type = "text/markdown; charset=utf-8"};
}

result<reply> status(const services& with, const request& asked) {
  json::object out;
  out["version"] = with.version;
  out["ready"] = with.ready();
  out["draining"] = with.draining();
  out["started"] = format_rfc3339(with.started);
  out["uptime_s"] = std::chrono::duration_cast<std::chrono::seconds>(asked.now - with.started).count();
  out["gateway"] = with.gateway_address;
  if (const auto plan = with.plan())
    out["plan"] = json::object{{"number", plan_number(with)}, {"version", plan->version}, {"made", format_rfc3339(plan->made)}, {"routes", plan->routes.size()}, {"models", plan->models.size()}};
  if (const auto callers = with.callers.current()) out["keys"] = callers->key_count();
  out["projects"] = with.keys.projects().size();
  out["calls_under_way"] = with.limits.open_tickets();
  if (const auto waiting = with.needs_restart(); !waiting.empty()) out["needs_restart"] = json::value_from(waiting);
  if (const auto decided = decisions_json(with); !decided.empty()) out["decisions"] = decided;
  out["ledger"] = with.records == nullptr ? json::value(nullptr) : json::value(ledger_json(*with.records));
  if (with.drills != nullptr)
    if (const auto one = with.drills->current()) out["drill"] = drill::to_json(*one);
  out["alerts"] = with.alerts == nullptr ? json::value(nullptr) : json::value(alerts_json(*with.alerts));
  return reply{.body = json_text(out)};
}

result<reply> configuration(const services& with, const request&) {
  return reply{.body = with.configuration(), .content_type = "application/yaml"};
}

result<reply> reload(const services& with, const request& asked) {
  const auto before = plan_number(with);
  const auto why = cause_of(asked);
  if (!why) return std::unexpected(why.error());
  if (auto done = with.reload(*why); !done) return std::unexpected(std::move(done.error()));
  const auto now = plan_number(with);
  note_act(asked, "configuration", {}, {{"plan", before}}, {{"plan", now}});
  json::object out{{"reloaded", true}, {"plan", now}};
  if (const auto waiting = with.needs_restart(); !waiting.empty()) out["needs_restart"] = json::value_from(waiting);
  if (with.policies.standing)
    if (auto apart = with.policies.standing().apart; !apart.empty()) out["file_not_in_force"] = std::move(apart);
  return reply{.body = json_text(out)};
}

result<reply> drain(const services& with, const request& asked) {
  note_act(asked, "gateway", {}, {{"draining", false}}, {{"draining", true}});
  with.drain();
  return reply{.status = 202, .body = R"({"draining":true})"};
}

}  // namespace andon::admin::handlers
