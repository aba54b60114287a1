// Messages and dead letters, who is on call, incidents.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

#include "andon/admin/alerts.hpp"
#include "andon/admin/audit.hpp"
#include "andon/admin/body_reader.hpp"
#include "andon/admin/json_out.hpp"
#include "andon/base/time_text.hpp"

namespace andon::admin {
namespace {

namespace json = boost::json;

constexpr nanoseconds longest_override_span = std::chrono::days{366};

json::value time_or_null(const std::optional<wall_time>& at) { return at ? json::value(format_rfc3339(*at)) : json::value(nullptr); }
json::value text_or_null(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }

result<std::int64_t> number_of(const request& asked, std::string_view what) {
  std::int64_t out = 0;
  const auto& text = asked.argument;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failed != std::errc{} || end != text.data() + text.size() || out <= 0) return fail(errc::not_found, fmt::format("there is no {} '{}'", what, text));
  return out;
}

result<std::int64_t> incident_of(const request& asked) {
  if (const auto number = alert::incident::parse_id(asked.argument)) return *number;
  return fail(errc::not_found, fmt::format("there is no incident '{}'", asked.argument));
}

json::object message_json(const alert::message_row& from) {
  json::object out{{"id", from.id}, {"receiver", from.receiver}, {"channel", from.channel}, {"state", alert::to_string(from.state)}, {"made", format_rfc3339(from.made)},
                   {"ended", time_or_null(from.ended)}, {"attempts", from.attempts}, {"problem", text_or_null(from.problem)}, {"group", from.group_key}};
  if (from.state == alert::message_state::waiting) out["due"] = format_rfc3339(from.due);
  if (const auto what = alert::parse_notification(from.body)) {
    out["status"] = what->status();
    out["alerts"] = what->alerts.size();
    out["labels"] = alert::to_json(what->common_labels());
  }
  return out;
}

result<std::optional<alert::message_state>> read_state(const request& asked) {
  const auto text = asked.query.text("state");
  if (text.empty()) return std::optional<alert::message_state>{};
  for (const auto state : alert::message_states)
    if (text == alert::to_string(state)) return std::optional(state);
  return fail(errc::invalid_argument, "state must be waiting, delivered, dead, dropped or superseded", "state");
}

json::object shift_json(const alert::shift& from) { return {{"person", text_or_null(from.person)}, {"from", format_rfc3339(from.from)}, {"until", format_rfc3339(from.until)}}; }

result<reply> incident_reply(const result<alert::incident>& from, int status = 200) {
  if (!from) return std::unexpected(from.error());
  return reply{.status = status, .body = json_text(incident_json(*from))};
}

}  // namespace

json::object incident_json(const alert::incident& from) {
  json::array told;
  for (const auto& one : from.told) told.emplace_back(one);
  return {{"id", from.id()}, {"title", from.title}, {"severity", from.severity}, {"state", alert::to_string(from.state)}, {"escalation", from.chain}, {"opened", format_rfc3339(from.opened)},
          {"acknowledged", time_or_null(from.acknowledged)}, {"acknowledged_by", text_or_null(from.acknowledged_by)}, {"resolved", time_or_null(from.resolved)},
          {"resolved_by", text_or_null(from.resolved_by)}, {"next_step", time_or_null(from.place.next)}, {"told", std::move(told)}, {"labels", alert::to_json(from.latest.common_labels())}};
}

namespace handlers {

result<reply> list_messages(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto state = read_state(asked);
  const auto since = since_of(asked, "since", {});
  const auto limit = asked.query.number("limit", 100, 1, 1000);
  for (const auto* why : {state ? nullptr : &state.error(), since ? nullptr : &since.error(), limit ? nullptr : &limit.error()})
    if (why != nullptr) return std::unexpected(*why);
  result<std::vector<alert::message_row>> found;
  (*board)->read([&](const alert::board_view& from) { found = from.store.messages(*state, *since, *limit); });
  if (!found) return std::unexpected(found.error());
  json::array data;
  for (const auto& one : *found) data.emplace_back(message_json(one));
  return reply{.body = json_text(json::object{{"data", std::move(data)}})};
}

result<reply> retry_message(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto id = number_of(asked, "dead letter");
  if (!id) return std::unexpected(id.error());
  if (auto done = (*board)->revive(*id, asked.now); !done) return std::unexpected(std::move(done.error()));
  note_act(asked, "message " + asked.argument, {}, {{"state", "dead"}}, {{"state", "waiting"}});
  return reply{.body = json_text(json::object{{"id", *id}, {"state", "waiting"}})};
}

result<reply> drop_message(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto id = number_of(asked, "dead letter");
  if (!id) return std::unexpected(id.error());
  if (auto done = (*board)->drop(*id, asked.now); !done) return std::unexpected(std::move(done.error()));
  note_act(asked, "message " + asked.argument, {}, {{"state", "dead"}}, {{"state", "dropped"}});
  return reply{.body = json_text(json::object{{"id", *id}, {"state", "dropped"}})};
}

result<reply> test_receiver(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto made = (*board)->test(asked.argument, asked.now);
  if (!made) return std::unexpected(made.error());
  json::array ids;
  for (const auto id : *made) ids.emplace_back(id);
  note_act(asked, "receiver " + asked.argument, {}, {}, {{"messages", ids}});
  return reply{.status = 202, .body = json_text(json::object{{"messages", std::move(ids)}})};
}

result<reply> on_call_now(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto at = since_of(asked, "at", asked.now);
  if (!at) return std::unexpected(at.error());
  json::array data;
  (*board)->read([&](const alert::board_view& from) {
    for (const auto& [name, plan] : from.settings.schedules) {
      const auto who = alert::on_call(plan, name, alert::overrides_in_force(from.overrides, from.settings.people), *at);
      const auto person = from.settings.people.find(who);
      const auto coming = alert::shifts(plan, name, alert::overrides_in_force(from.overrides, from.settings.people), *at, *at + std::chrono::days{14});
      json::object one{{"schedule", name}, {"person", text_or_null(who)}, {"name", person == from.settings.people.end() ? json::value(nullptr) : json::value(person->second.name)}, {"time_zone", plan.zone}};
      if (coming.size() > 1) one["until"] = format_rfc3339(coming[0].until), one["next"] = text_or_null(coming[1].person);
      data.emplace_back(std::move(one));
    }
  });
  return reply{.body = json_text(json::object{{"data", std::move(data)}})};
}

result<reply> list_shifts(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto days = asked.query.number("days", 14, 1, 92);
  if (!days) return std::unexpected(days.error());
  constexpr std::chrono::days beyond{35};  // looked through for the end of the last shift
  const auto until = asked.now + std::chrono::days{*days};
  std::optional<json::array> data;
  json::array overrides;
  (*board)->read([&](const alert::board_view& from) {
    const auto found = from.settings.schedules.find(asked.argument);
    if (found == from.settings.schedules.end()) return;
    data.emplace();
    for (const auto& one : alert::shifts(found->second, asked.argument, alert::overrides_in_force(from.overrides, from.settings.people), asked.now, until + beyond))
      if (one.from < until) {
        data->emplace_back(shift_json(one));
        if (one.until >= until + beyond) data->back().as_object()["until"] = nullptr;
      }
    for (const auto& one : from.overrides)
      if (one.schedule == asked.argument)
        overrides.emplace_back(json::object{{"id", one.id}, {"person", one.person}, {"from", format_rfc3339(one.from)}, {"until", format_rfc3339(one.until)}, {"by", one.by}, {"in_force", from.settings.people.contains(one.person)}});
  });
  if (!data) return fail(errc::not_found, fmt::format("no schedule is named '{}' in the configuration", asked.argument));
  return reply{.body = json_text(json::object{{"data", std::move(*data)}, {"overrides", std::move(overrides)}})};
}

result<reply> add_override(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto body = parse_body(asked.body);
  if (!body) return std::unexpected(body.error());
  body_reader in(*body, {});
  alert::schedule_override wanted{.id = 0, .schedule = asked.argument, .person = {}, .from = asked.now, .until = {}, .by = actor_of(asked)};
  std::string from, until;
  in.text("person", wanted.person);
  const auto read = [&](const char* name, std::string& text, wall_time& to) {
    if (!in.text(name, text)) return;
    if (const auto at = parse_rfc3339(text)) to = *at;
    else if (const auto span = parse_duration(text); span && *span <= longest_override_span) to = wanted.from + *span;
    else in.complain(name, "must be a time such as 2027-01-31T00:00:00Z, or a duration such as 8h, of a year at most");
  };
  read("from", from, wanted.from);
  read("until", until, wanted.until);
  if (auto good = in.finish(); !good) return std::unexpected(std::move(good.error()));
  const auto id = (*board)->put_override(wanted, asked.now);
  if (!id) return std::unexpected(id.error());
  json::object after{{"id", *id}, {"person", wanted.person}, {"from", format_rfc3339(wanted.from)}, {"until", format_rfc3339(wanted.until)}};
  note_act(asked, "schedule " + asked.argument, {}, {}, after);
  return reply{.status = 201, .body = json_text(after)};
}

result<reply> delete_override(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto id = number_of(asked, "override");
  if (!id) return std::unexpected(id.error());
  if (auto done = (*board)->erase_override(*id); !done) return std::unexpected(std::move(done.error()));
  note_act(asked, "override " + asked.argument, {}, {{"id", *id}}, {});
  return reply{.body = json_text(json::object{{"id", *id}, {"deleted", true}})};
}

result<reply> list_incidents(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto since = since_of(asked, "since", asked.now - std::chrono::days{7});
  const auto limit = asked.query.number("limit", 100, 1, 1000);
  if (!since || !limit) return std::unexpected(since ? limit.error() : since.error());
  result<std::vector<alert::incident>> found;
  (*board)->read([&](const alert::board_view& from) { found = from.store.incidents(*since, *limit); });
  if (!found) return std::unexpected(found.error());
  json::array data;
  for (const auto& one : *found) data.emplace_back(incident_json(one));
  return reply{.body = json_text(json::object{{"data", std::move(data)}})};
}

result<reply> open_incident(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto body = parse_body(asked.body);
  if (!body) return std::unexpected(body.error());
  body_reader in(*body, {});
  std::string chain, title;
  in.text("escalation", chain);
  in.text("title", title);
  if (auto good = in.finish(); !good) return std::unexpected(std::move(good.error()));
  const auto made = (*board)->open_incident(chain, title, actor_of(asked), asked.now);
  if (made) note_act(asked, "incident " + made->id(), {}, {}, {{"state", "triggered"}, {"title", title}});
  return incident_reply(made, 201);
}

result<reply> acknowledge_incident(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto number = incident_of(asked);
  if (!number) return std::unexpected(number.error());
  const auto done = (*board)->acknowledge(*number, actor_of(asked), asked.now);
  if (done) note_act(asked, "incident " + asked.argument, {}, {{"state", "triggered"}}, {{"state", "acknowledged"}});
  return incident_reply(done);
}

result<reply> resolve_incident(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto number = incident_of(asked);
  if (!number) return std::unexpected(number.error());
  const auto done = (*board)->resolve(*number, actor_of(asked), asked.now);
  if (done) note_act(asked, "incident " + asked.argument, {}, {{"state", "open"}}, {{"state", "resolved"}});
  return incident_reply(done);
}

result<reply> add_incident_note(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto number = incident_of(asked);
  if (!number) return std::unexpected(number.error());
  const auto body = parse_body(asked.body);
  if (!body) return std::unexpected(body.error());
  body_reader in(*body, {});
  std::string text;
  in.text("text", text);
  if (auto good = in.finish(); !good) return std::unexpected(std::move(good.error()));
  if (auto done = (*board)->add_note(*number, actor_of(asked), text, asked.now); !done) return std::unexpected(std::move(done.error()));
  note_act(asked, "incident " + asked.argument, {}, {}, {{"note", text}});
  return reply{.status = 201, .body = json_text(json::object{{"id", asked.argument}})};
}

}  // namespace handlers
}  // namespace andon::admin
