#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/alert_common.hpp"
#include "andon/base/time_text.hpp"
#include "andon/base/time_zone.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

std::string labels_of(const json::value& from, std::string_view name) {
  const auto* object = from.as_object().if_contains(name);
  if (object == nullptr || !object->is_object()) return "-";
  std::string out;
  for (const auto& [key, value] : object->get_object())
    if (value.is_string()) out.append(out.empty() ? "" : " ").append(std::string_view(key)).append("=").append(std::string_view(value.get_string()));
  return clean(out, 100);
}

/// As a query; a value may hold commas, which separate matchers where several stand in one text.
result<std::string> filters(const std::vector<std::string>& from) {
  std::string out;
  for (const auto& text : from) {
    const auto one = alert::matcher::parse(text);
    if (!one) return std::unexpected(one.error());
    out.append(out.empty() ? "?filter=" : "&filter=").append(percent_encode(one->text()));
  }
  return out;
}

using names_by_fingerprint = std::map<std::string, std::string, std::less<>>;

/// What keeps the alert quiet: `silence ID`, `inhibited by NAME`, `muted by INTERVAL`.
std::string quieted_by(const json::value& one, const names_by_fingerprint& names) {
  std::string out;
  const auto& status = one.at("status").as_object();
  const auto add = [&](const char* member, const char* how) {
    for (const auto& by : status.at(member).as_array()) {
      const std::string_view id = by.as_string();
      const auto name = names.find(id);
      out.append(out.empty() ? "" : ", ").append(how).append(name == names.end() ? id : std::string_view(name->second));
    }
  };
  add("silencedBy", "silence ");
  add("inhibitedBy", "inhibited by ");
  add("mutedBy", "muted by ");
  return out.empty() ? "-" : clean(out, 100);
}

/// The filter of the list may hide what inhibits.
result<names_by_fingerprint> names_of_alerts(const context& in) {
  const auto client = admin_client::open(in.data);
  if (!client) return std::unexpected(client.error());
  const auto body = client->text("GET", "/api/v2/alerts");
  if (!body) return std::unexpected(body.error());
  boost::system::error_code broken;
  const auto all = json::parse(*body, broken);
  names_by_fingerprint out;
  if (!broken && all.is_array())
    for (const auto& one : all.get_array())
      if (const auto name = cell(one.at("labels"), "alertname"); name != "-") out[cell(one, "fingerprint")] = name;
  return out;
}

int list_alerts(const context& in, const std::vector<std::string>& matchers) {
  const auto query = filters(matchers);
  if (!query) return complain(query.error());
  const auto names = in.json ? result<names_by_fingerprint>{} : names_of_alerts(in);
  if (!names) return complain(names.error());
  return show(in, "/api/v2/alerts" + *query, {"ALERT", "SEVERITY", "STATE", "SINCE", "RECEIVERS", "QUIETED BY", "SUMMARY", "LABELS"}, [&](const json::value& one) {
    auto others = one.at("labels").as_object();
    others.erase("alertname");
    others.erase("severity");
    std::string receivers;
    for (const auto& r : one.at("receivers").as_array()) receivers.append(receivers.empty() ? "" : ",").append(cell(r, "name"));
    return std::vector<std::string>{cell(one.at("labels"), "alertname"), cell(one.at("labels"), "severity"), cell(one.at("status"), "state"), moment(one, "startsAt"), receivers, quieted_by(one, *names),
                                    clean(cell(one.at("annotations"), "summary"), 60), labels_of(json::object{{"labels", std::move(others)}}, "labels")};
  }, {.sorted = true});
}

int list_messages(const context& in, const std::string& state) {
  return show(in, "/api/v1/alerts/messages" + query_text({{"state", state}, {"limit", "200"}}), {"ID", "STATE", "RECEIVER", "BY", "MADE", "TRIES", "ALERTS", "PROBLEM"}, [](const json::value& one) {
    return std::vector<std::string>{cell(one, "id"), cell(one, "state"), cell(one, "receiver"), cell(one, "channel"), moment(one, "made"), cell(one, "attempts"), labels_of(one, "labels"), clean(cell(one, "problem"), 80)};
  });
}

struct silence_options {
  std::vector<std::string> matchers, times, weekdays;
  std::string comment, span = "1h", start, zone = "UTC", author;
};

result<json::array> matchers_json(const std::vector<std::string>& from) {
  json::array out;
  for (const auto& text : from) {
    const auto made = alert::matcher::parse(text);
    if (!made) return std::unexpected(made.error());
    out.emplace_back(json::object{{"name", made->name()}, {"value", made->value()}, {"isRegex", made->is_regex()}, {"isEqual", made->is_equal()}});
  }
  return out;
}

/// A misspelt label silences nothing: how many of the alerts that fire does it match?
void say_matching(const context& in, const std::vector<std::string>& matchers) {
  const auto query = filters(matchers);
  const auto client = query ? admin_client::open(in.data) : std::unexpected(query.error());
  const auto all = client ? client->call("GET", "/api/v2/alerts" + *query) : std::unexpected(client.error());
  if (!all || !all->is_array()) {
    fmt::print(stderr, "how many of the alerts that fire match it is not known: {}\n", all ? "the answer is no list" : clean(all.error().message));
    return;
  }
  const auto count = all->get_array().size();
  fmt::print(stderr, "{}\n", count == 0 ? "none of the alerts that fire now matches it" : count == 1 ? "one of the alerts that fire now matches it" : fmt::format("{} of the alerts that fire now match it", count));
}

int add_silence(const context& in, const silence_options& from) {
  const auto match = matchers_json(from.matchers);
  if (!match) return complain(match.error());
  const auto starts = from.start.empty() ? result<wall_time>{system_clock{}.wall()} : read_moment("--start", from.start, from.zone);
  const auto span = parse_duration(from.span);
  if (!starts) return complain(starts.error());
  if (!span) return complain(error{errc::invalid_argument, "--for must be a duration such as 2h"});
  json::object body{{"matchers", *match}, {"startsAt", format_rfc3339(*starts)}, {"endsAt", format_rfc3339(*starts + *span)}, {"createdBy", from.author}, {"comment", from.comment}};
  if (!from.times.empty() || !from.weekdays.empty())
    body["recurrence"] = json::object{{"times", json::value_from(from.times)}, {"weekdays", json::value_from(from.weekdays)}, {"time_zone", from.zone}};
  const auto code = act(in, "POST", "/api/v2/silences", body, [](const json::value& got) { return cell(got, "silenceID"); });
  if (code == done && !in.json) say_matching(in, from.matchers);
  return code;
}

/// When one that recurs holds: `times 22:00-06:00, weekdays saturday:sunday (Europe/Vienna)`.
std::string only_of(const json::value& silence) {
  const auto* found = silence.as_object().if_contains("recurrence");
  if (found == nullptr || !found->is_object()) return "-";
  std::string out;
  for (const auto& [member, word] : {std::pair{"times", "times"}, {"weekdays", "weekdays"}, {"days_of_month", "days"}, {"months", "months"}, {"years", "years"}})
    if (const auto text = cell(*found, member); text != "-") out.append(out.empty() ? "" : ", ").append(word).append(" ").append(text);
  return out + " (" + cell(*found, "time_zone") + ")";
}

int list_silences(const context& in, bool all) {
  return show(in, "/api/v2/silences", {"ID", "STATE", "MATCHERS", "STARTS", "ENDS", "ONLY", "BY", "COMMENT"}, [all](const json::value& one) {
    const auto state = cell(one.at("status"), "state");
    if (!all && state == "expired") return std::vector<std::string>{};
    std::string match;
    for (const auto& m : one.at("matchers").as_array()) {
      const bool regex = m.at("isRegex").as_bool(), equal = m.at("isEqual").as_bool();
      match.append(match.empty() ? "" : " ").append(cell(m, "name")).append(regex ? (equal ? "=~" : "!~") : (equal ? "=" : "!=")).append(cell(m, "value"));
    }
    return std::vector<std::string>{cell(one, "id"), state, clean(match, 80), moment(one, "startsAt"), moment(one, "endsAt"), only_of(one), cell(one, "createdBy"), clean(cell(one, "comment"), 60)};
  });
}

/// Ids of all dead letters, newest first.
result<std::vector<std::string>> dead_letters(const context& in) {
  const auto client = admin_client::open(in.data);
  if (!client) return std::unexpected(client.error());
  const auto got = client->call("GET", "/api/v1/alerts/messages?state=dead&limit=1000");
  if (!got) return std::unexpected(got.error());
  std::vector<std::string> out;
  for (const auto& one : got->at("data").as_array()) out.push_back(cell(one, "id"));
  return out;
}

struct letter_choice {
  std::vector<std::string> ids;
  bool all = false;
};

int act_on_letters(const context& in, const letter_choice& which, const std::string& method, const std::string& tail, const std::string& said) {
  if (which.ids.empty() != which.all) return complain(error{errc::invalid_argument, "give the numbers of dead letters, or --all"});
  auto ids = which.all ? dead_letters(in) : which.ids;
  if (!ids) return complain(ids.error());
  if (ids->empty()) return fmt::print(stderr, "there are no dead letters\n"), done;
  return act_on_all(in, *ids, method, [&](const std::string& id) { return "/api/v1/alerts/messages/" + percent_encode(id) + tail; }, [&](const std::string& id) { return said + ": " + id; });
}

void add_letter_act(command dead, context& in, const char* name, const char* about, const char* method, const char* tail, const char* said) {
  auto which = std::make_shared<letter_choice>();
  auto verb = add_common(dead.add_verb(name, about), in);
  verb.add_option("ids", which->ids, "Their numbers");
  verb.add_flag("--all", which->all, "Every dead letter, up to 1000 at a time");
  verb.callback([=, &in] { in.chosen = [=, &in] { return act_on_letters(in, *which, method, tail, said); }; });
}

void add_dead_letters(command alert, context& in) {
  auto dead = alert.add_verb("dead-letters", "Messages that could not be delivered");
  dead.needs_verb();
  add_common(dead.add_verb("list", "What they are and why"), in).callback([&in] { in.chosen = [&in] { return list_messages(in, "dead"); }; });
  add_letter_act(dead, in, "retry", "Send them again", "POST", "/retry", "waiting");
  add_letter_act(dead, in, "drop", "Forget them", "DELETE", "", "dropped");
}

void add_silences(command root, context& in) {
  auto silence = root.add_verb("silence", "Keep alerts quiet for a time");
  silence.needs_verb();
  auto options = std::make_shared<silence_options>();
  auto add = add_common(silence.add_verb("add", "Silence what matches; prints the silence's id"), in);
  add.add_option("matchers", options->matchers, "Such as alertname=Burn or route=~chat.*; all must match").required();
  add.add_option("--for", options->span, "How long").show_default();
  add.add_option("--start", options->start, "When it begins, such as 2027-01-31T08:00:00Z, or 2027-01-31 09:00 in the zone of --zone; left out: now");
  add.add_option("--comment", options->comment, "Why").required();
  add.add_option("--author", options->author, "Who").required();
  add.add_option("--times", options->times, "Again every day within these spans only, such as 22:00-06:00");
  add.add_option("--weekdays", options->weekdays, "On these days only, such as saturday:sunday");
  add.add_option("--zone", options->zone, "Zone of --start, --times and --weekdays").show_default();
  add.callback([&in, options] { in.chosen = [&in, options] { return add_silence(in, *options); }; });
  auto all = std::make_shared<bool>(false);
  auto list = add_common(silence.add_verb("list", "Silences that are in force or to come"), in);
  list.add_flag("--all", *all, "Ended ones too");
  list.callback([&in, all] { in.chosen = [&in, all] { return list_silences(in, *all || in.json); }; });
  auto id = std::make_shared<std::string>();
  auto expire = add_common(silence.add_verb("expire", "End a silence now"), in);
  expire.add_option("id", *id, "Its id").required();
  expire.callback([&in, id] { in.chosen = [&in, id] { return act(in, "DELETE", "/api/v2/silence/" + percent_encode(*id), {}, [id](const json::value&) { return "expired " + *id; }); }; });
}

}  // namespace

void add_alert_verbs(command root, context& in) {
  auto alert = root.add_verb("alert", "Alerts, and the messages about them");
  alert.needs_verb();
  auto matchers = std::make_shared<std::vector<std::string>>();
  auto list = add_common(alert.add_verb("list", "Alerts that fire"), in);
  list.add_option("matchers", *matchers, "Only what matches all of these, such as severity=page");
  list.callback([&in, matchers] { in.chosen = [&in, matchers] { return list_alerts(in, *matchers); }; });
  auto state = std::make_shared<std::string>();
  auto messages = add_common(alert.add_verb("messages", "Messages to receivers, newest first"), in);
  messages.add_option("--state", *state, "waiting, delivered, dead, dropped or superseded");
  messages.callback([&in, state] { in.chosen = [&in, state] { return list_messages(in, *state); }; });
  auto receiver = std::make_shared<std::string>();
  auto test = add_common(alert.add_verb("test", "Send a trial alert to a receiver, and say what became of it"), in);
  test.add_option("receiver", *receiver, "Receiver, as the configuration names it").required();
  test.callback([&in, receiver] { in.chosen = [&in, receiver] { return test_receiver(in, *receiver); }; });
  add_dead_letters(alert, in);
  add_silences(root, in);
}

}  // namespace andon::app::cli
