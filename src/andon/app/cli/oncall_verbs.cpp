#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/alert_common.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

struct moment_options {
  std::string at, zone = "UTC";
};

int who(const context& in, const moment_options& of) {
  const auto at = moment_or_duration("--at", of.at, of.zone);
  if (!at) return complain(at.error());
  return show(in, "/api/v1/oncall" + query_text({{"at", *at}}), {"SCHEDULE", "ON CALL", "NAME", "UNTIL", "NEXT"}, [](const json::value& one) {
    return std::vector<std::string>{cell(one, "schedule"), cell(one, "person"), cell(one, "name"), moment(one, "until"), cell(one, "next")};
  });
}

int shifts(const context& in, const std::string& schedule, std::uint64_t days) {
  return show(in, "/api/v1/oncall/" + percent_encode(schedule) + query_text({{"days", std::to_string(days)}}), {"FROM", "UNTIL", "ON CALL"},
              [](const json::value& one) { return std::vector<std::string>{moment(one, "from"), moment(one, "until"), cell(one, "person")}; });
}

int list_incidents(const context& in, const std::string& since) {
  return show(in, "/api/v1/incidents" + query_text({{"since", since}}), {"ID", "STATE", "SEVERITY", "OPENED", "ACKNOWLEDGED BY", "RESOLVED", "TITLE"}, [](const json::value& one) {
    return std::vector<std::string>{cell(one, "id"), cell(one, "state"), cell(one, "severity"), moment(one, "opened"), cell(one, "acknowledged_by"), moment(one, "resolved"), clean(cell(one, "title"), 60)};
  });
}

int show_incident(const context& in, const std::string& id) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("GET", "/api/v1/incidents/" + percent_encode(id));
  if (!got) return complain(got.error());
  if (in.json) return fmt::print(stdout, "{}\n", json::serialize(*got)), done;
  fmt::print(stdout, "{}: {}\n  state         {}\n  severity      {}\n  opened        {}\n  acknowledged  {} by {}\n  resolved      {} by {}\n\n", cell(*got, "id"), clean(cell(*got, "title")), cell(*got, "state"),
             cell(*got, "severity"), moment(*got, "opened"), moment(*got, "acknowledged"), cell(*got, "acknowledged_by"), moment(*got, "resolved"), cell(*got, "resolved_by"));
  table out({"TIME", "WHAT", "WHO", ""});
  for (const auto& one : got->at("timeline").as_array()) out.add({moment(one, "at"), cell(one, "kind"), cell(one, "who"), clean(cell(one, "text"), 120)});
  fmt::print(stdout, "{}", out.text(in.terminal));
  return done;
}

int post_mortem(const context& in, const std::string& id) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto body = client->text("GET", "/api/v1/incidents/" + percent_encode(id) + "/postmortem");
  if (!body) return complain(body.error());
  if (in.json) fmt::print(stdout, "{}\n", json::serialize(json::object{{"id", id}, {"markdown", *body}}));
  else fmt::print(stdout, "{}", *body);
  return done;
}

void add_on_call(command verb, context& in) {
  auto at = std::make_shared<moment_options>();
  auto now = add_common(verb.add_verb("who", "Who is on call, by schedule"), in);
  now.add_option("--at", at->at, "At this time instead of now, such as 2027-01-31T08:00:00Z, or 2027-01-31 09:00 in the zone of --zone, or so long ago (2h)");
  now.add_option("--zone", at->zone, "Zone of --at").show_default();
  now.callback([&in, at] { in.chosen = [&in, at] { return who(in, *at); }; });
  auto schedule = std::make_shared<std::string>();
  auto days = std::make_shared<std::uint64_t>(14);
  auto list = add_common(verb.add_verb("shifts", "The coming shifts of a schedule"), in);
  list.add_option("schedule", *schedule, "Schedule, as the configuration names it").required();
  list.add_option("--days", *days, "How far").show_default();
  list.callback([&in, schedule, days] { in.chosen = [&in, schedule, days] { return shifts(in, *schedule, *days); }; });
  struct override_options { std::string person, from, until = "8h", zone = "UTC"; };
  auto options = std::make_shared<override_options>();
  auto over = add_common(verb.add_verb("override", "Somebody takes over for a time"), in);
  over.add_option("schedule", *schedule, "Schedule").required();
  over.add_option("person", options->person, "Who takes over").required();
  over.add_option("--from", options->from, "From when, such as 2027-01-31T08:00:00Z, or 2027-01-31 09:00 in the zone of --zone, or in how long (2h); left out: now");
  over.add_option("--until", options->until, "Until when, or how long").show_default();
  over.add_option("--zone", options->zone, "Zone of --from and --until").show_default();
  over.callback([&in, schedule, options] {
    in.chosen = [&in, schedule, options] {
      const auto from = moment_or_duration("--from", options->from, options->zone), until = moment_or_duration("--until", options->until, options->zone);
      if (!from) return complain(from.error());
      if (!until) return complain(until.error());
      json::object body{{"person", options->person}, {"until", *until}};
      if (!from->empty()) body["from"] = *from;
      return act(in, "POST", "/api/v1/oncall/" + percent_encode(*schedule) + "/overrides", body, [](const json::value& got) { return fmt::format("override {} until {}; andon oncall take-back {} ends it", cell(got, "id"), moment(got, "until"), cell(got, "id")); });
    };
  });
}

void add_overrides(command verb, context& in) {
  auto schedule = std::make_shared<std::string>();
  auto list = add_common(verb.add_verb("overrides", "Who takes over on a schedule, now or later"), in);
  list.add_option("schedule", *schedule, "Schedule").required();
  list.callback([&in, schedule] {
    in.chosen = [&in, schedule] {
      return show(in, "/api/v1/oncall/" + percent_encode(*schedule), {"ID", "PERSON", "FROM", "UNTIL", "BY"}, [](const json::value& one) {
        return std::vector<std::string>{cell(one, "id"), cell(one, "person") + (cell(one, "in_force") == "false" ? " (is gone: not in force)" : ""), moment(one, "from"), moment(one, "until"), cell(one, "by")};
      }, {.member = "overrides"});
    };
  });
  auto ids = std::make_shared<std::vector<std::string>>();
  auto back = add_common(verb.add_verb("take-back", "End overrides: the rotation holds again"), in);
  back.add_option("ids", *ids, "Their numbers").required();
  back.callback([&in, ids] {
    in.chosen = [&in, ids] {
      return act_on_all(in, *ids, "DELETE", [](const std::string& id) { return "/api/v1/oncall/overrides/" + percent_encode(id); }, [](const std::string& id) { return "taken back: " + id; });
    };
  });
}

/// A verb that posts to an incident's path and says its state.
void add_incident_act(command verb, context& in, const char* name, const char* about, const char* path) {
  auto id = std::make_shared<std::string>();
  auto one = add_common(verb.add_verb(name, about), in);
  one.add_option("id", *id, "Incident (inc_...)").required();
  one.callback([&in, id, path] {
    in.chosen = [&in, id, path] { return act(in, "POST", "/api/v1/incidents/" + percent_encode(*id) + path, {}, [](const json::value& got) { return cell(got, "id") + " " + cell(got, "state"); }); };
  });
}

void add_incidents(command root, context& in) {
  auto verb = root.add_verb("incident", "What is being worked on, and what was");
  verb.needs_verb();
  auto since = std::make_shared<std::string>();
  auto list = add_common(verb.add_verb("list", "Open incidents, and those of the last week"), in);
  list.add_option("--since", *since, "A time, or how long ago (24h)");
  list.callback([&in, since] { in.chosen = [&in, since] { return list_incidents(in, *since); }; });
  auto id = std::make_shared<std::string>();
  auto show_one = add_common(verb.add_verb("show", "An incident with its timeline"), in);
  show_one.add_option("id", *id, "Incident (inc_...)").required();
  show_one.callback([&in, id] { in.chosen = [&in, id] { return show_incident(in, *id); }; });
  auto draft = add_common(verb.add_verb("postmortem", "A draft of the post-mortem, as Markdown"), in);
  draft.add_option("id", *id, "Incident (inc_...)").required();
  draft.callback([&in, id] { in.chosen = [&in, id] { return post_mortem(in, *id); }; });
  add_incident_act(verb, in, "ack", "Acknowledge: stops the escalation", "/acknowledge");
  add_incident_act(verb, in, "resolve", "Resolve: those who were told hear it", "/resolve");
  auto text = std::make_shared<std::string>();
  auto note = add_common(verb.add_verb("note", "Add a line to the timeline"), in);
  note.add_option("id", *id, "Incident (inc_...)").required();
  note.add_option("text", *text, "What to note").required();
  note.callback([&in, id, text] {
    in.chosen = [&in, id, text] { return act(in, "POST", "/api/v1/incidents/" + percent_encode(*id) + "/notes", json::object{{"text", *text}}, [id](const json::value&) { return "noted in " + *id; }); };
  });
  auto chain = std::make_shared<std::string>();
  auto open = add_common(verb.add_verb("open", "Open an incident by hand"), in);
  open.add_option("escalation", *chain, "Escalation that works on it").required();
  open.add_option("title", *text, "What is wrong").required();
  open.callback([&in, chain, text] {
    in.chosen = [&in, chain, text] { return act(in, "POST", "/api/v1/incidents", json::object{{"escalation", *chain}, {"title", *text}}, [](const json::value& got) { return cell(got, "id"); }); };
  });
}

}  // namespace

void add_oncall_verbs(command root, context& in) {
  auto verb = root.add_verb("oncall", "Who is on call");
  verb.needs_verb();
  add_on_call(verb, in);
  add_overrides(verb, in);
  add_incidents(root, in);
}

}  // namespace andon::app::cli
