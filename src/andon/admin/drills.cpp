#include "andon/admin/drills.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <set>

#include "andon/admin/audit.hpp"
#include "andon/admin/body_reader.hpp"
#include "andon/admin/handlers.hpp"
#include "andon/admin/json_out.hpp"
#include "andon/base/time_text.hpp"
#include "andon/drill/drill_desk.hpp"

namespace andon::admin {

boost::json::array latest_drills(const services& with) {
  boost::json::array out;
  const auto all = with.drills == nullptr ? std::vector<drill::drill>{} : with.drills->list(100).value_or(std::vector<drill::drill>{});
  std::set<drill::kind> seen;
  for (const auto& one : all) {
    auto shown = drill::to_json(one);
    if (shown.at("realised").as_object().empty() || !seen.insert(one.asked.what).second) continue;
    out.emplace_back(std::move(shown));
  }
  return out;
}

namespace handlers {
namespace {

namespace json = boost::json;

result<drill::drill_desk*> desk_of(const services& with) {
  if (with.drills == nullptr) return fail(errc::unavailable, "there are no drills here: the ledger that they measure with is switched off");
  return with.drills;
}

result<drill::order> read_order(const request& asked) {
  const auto object = parse_body(asked.body);
  if (!object) return std::unexpected(object.error());
  body_reader in(*object, "");
  drill::order out;
  std::string kind, span, back_by;
  in.text("kind", kind);
  in.text("target", out.target);
  in.flag("even_when_firing", out.even_when_firing);
  if (const auto* share = in.value("share")) {
    if (share->is_number()) out.share = share->to_number<double>();
    else in.complain("share", "share is a number above 0 and at most 1");
  }
  if (in.text("for", span)) {
    if (const auto read = parse_duration(span)) out.span = *read;
    else in.complain("for", "for: " + read.error().message);
  }
  if (in.text("restarted_by", back_by)) {
    if (back_by == "caller") out.back_by = drill::restarter::caller;
    else if (back_by != "supervisor") in.complain("restarted_by", "restarted_by is supervisor or caller");
  }
  const auto what = drill::parse_kind(kind);
  if (!what) in.complain("kind", "must be provider-down, store-down, node-kill or restore");
  if (auto good = in.finish(); !good) return std::unexpected(good.error());
  out.what = *what;
  if (out.what != drill::kind::provider_down && (!out.target.empty() || object->contains("share")))
    return fail(errc::invalid_argument, "target and share belong to provider-down", object->contains("target") ? "target" : "share");
  out.who = asked.who->key.view();
  out.role = access::to_string(asked.who->role);
  return out;
}

}  // namespace

result<reply> list_drills(const services& with, const request& asked) {
  const auto desk = desk_of(with);
  if (!desk) return std::unexpected(desk.error());
  const auto limit = asked.query.number("limit", 50, 1, 1'000);
  if (!limit) return std::unexpected(limit.error());
  const auto all = (*desk)->list(*limit);
  if (!all) return std::unexpected(all.error());
  json::array data;
  for (const auto& one : *all) data.emplace_back(drill::to_json(one));
  return reply{.body = json_text(json::object{{"data", std::move(data)}})};
}

result<reply> drill_by_id(const services& with, const request& asked) {
  const auto desk = desk_of(with);
  if (!desk) return std::unexpected(desk.error());
  std::int64_t id = 0;
  const auto [end, code] = std::from_chars(asked.argument.data(), asked.argument.data() + asked.argument.size(), id);
  if (code != std::errc{} || end != asked.argument.data() + asked.argument.size()) return fail(errc::not_found, "a drill's id is a number, not '" + asked.argument + "'");
  const auto one = (*desk)->find(id);
  if (!one) return std::unexpected(one.error());
  return reply{.body = json_text(drill::to_json(*one))};
}

result<reply> start_drill(const services& with, const request& asked) {
  const auto desk = desk_of(with);
  if (!desk) return std::unexpected(desk.error());
  auto order = read_order(asked);
  if (!order) return std::unexpected(std::move(order.error()));
  const auto one = (*desk)->start(std::move(*order));
  if (!one) return std::unexpected(one.error());
  note_act(asked, fmt::format("drill {} {}", one->id, drill::to_string(one->asked.what)), {}, {}, drill::to_json(*one));
  return reply{.status = 201, .body = json_text(drill::to_json(*one))};
}

result<reply> stop_drill(const services& with, const request& asked) {
  const auto desk = desk_of(with);
  if (!desk) return std::unexpected(desk.error());
  const auto one = (*desk)->stop(asked.who->key.view());
  if (!one) return std::unexpected(one.error());
  note_act(asked, fmt::format("drill {} {}", one->id, drill::to_string(one->asked.what)), {}, {{"phase", "running"}}, drill::to_json(*one));
  return reply{.body = json_text(drill::to_json(*one))};
}

}  // namespace handlers
}  // namespace andon::admin
