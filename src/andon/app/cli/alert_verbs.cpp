#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/alert_common.hpp"
#include "andon/base/time_text.hpp"

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

std::string filters(const std::vector<std::string>& from) {
  std::string out;
  for (const auto& one : from) out.append(out.empty() ? "?filter=" : "&filter=").append(percent_encode(one));
  return out;
}

int list_alerts(const context& in, const std::vector<std::string>& matchers) {
  return show(in, "/api/v2/alerts" + filters(matchers), {"ALERT", "STATE", "SINCE", "RECEIVERS", "SUMMARY"}, [](const json::value& one) {
    std::string receivers;
    for (const auto& r : one.at("receivers").as_array()) receivers.append(receivers.empty() ? "" : ",").append(cell(r, "name"));
    return std::vector<std::string>{labels_of(one, "labels"), cell(one.at("status"), "state"), cell(one, "startsAt"), receivers, clean(cell(one.at("annotations"), "summary"), 60)};
  });
}

int list_messages(const context& in, const std::string& state) {
  return show(in, "/api/v1/alerts/messages" + query_text({{"state", state}, {"limit", "200"}}), {"ID", "STATE", "RECEIVER", "BY", "MADE", "TRIES", "ALERTS", "PROBLEM"}, [](const json::value& one) {
    return std::vector<std::string>{cell(one, "id"), cell(one, "state"), cell(one, "receiver"), cell(one, "channel"), cell(one, "made"), cell(one, "attempts"), labels_of(one, "labels"), clean(cell(one, "problem"), 80)};
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

int add_silence(const context& in, const silence_options& from) {
  const auto match = matchers_json(from.matchers);
  if (!match) return complain(match.error());
  const auto now = system_clock{}.wall();
  const auto starts = from.start.empty() ? result<wall_time>(now) : parse_rfc3339(from.start);
  const auto span = parse_duration(from.span);
  if (!starts || !span) return complain(error{errc::invalid_argument, "--for must be a duration such as 2h, --start a time such as 2027-01-31T00:00:00Z"});
  json::object body{{"matchers", *match}, {"startsAt", format_rfc3339(*starts)}, {"endsAt", format_rfc3339(*starts + *span)}, {"createdBy", from.author}, {"comment", from.comment}};
  if (!from.times.empty() || !from.weekdays.empty())
    body["recurrence"] = json::object{{"times", json::value_from(from.times)}, {"weekdays", json::value_from(from.weekdays)}, {"time_zone", from.zone}};
  return act(in, "POST", "/api/v2/silences", body, [](const json::value& got) { return cell(got, "silenceID"); });
}

int list_silences(const context& in, bool all) {
  return show(in, "/api/v2/silences", {"ID", "STATE", "MATCHERS", "ENDS", "BY", "COMMENT"}, [all](const json::value& one) {
    const auto state = cell(one.at("status"), "state");
    if (!all && state == "expired") return std::vector<std::string>{};
    std::string match;
    for (const auto& m : one.at("matchers").as_array()) {
      const bool regex = m.at("isRegex").as_bool(), equal = m.at("isEqual").as_bool();
      match.append(match.empty() ? "" : " ").append(cell(m, "name")).append(regex ? (equal ? "=~" : "!~") : (equal ? "=" : "!=")).append(cell(m, "value"));
    }
    if (one.as_object().contains("recurrence")) match += " (recurring)";
    return std::vector<std::string>{cell(one, "id"), state, clean(match, 80), cell(one, "endsAt"), cell(one, "createdBy"), clean(cell(one, "comment"), 60)};
  });
}

void add_dead_letters(command alert, context& in) {
  auto dead = alert.add_verb("dead-letters", "Messages that could not be delivered");
  dead.needs_verb();
  add_common(dead.add_verb("list", "What they are and why"), in).callback([&in] { in.chosen = [&in] { return list_messages(in, "dead"); }; });
  auto id = std::make_shared<std::string>();
  auto retry = add_common(dead.add_verb("retry", "Send one again"), in);
  retry.add_option("id", *id, "Its number").required();
  retry.callback([&in, id] { in.chosen = [&in, id] { return act(in, "POST", "/api/v1/alerts/messages/" + percent_encode(*id) + "/retry", {}, [id](const json::value&) { return "waiting: " + *id; }); }; });
  auto drop = add_common(dead.add_verb("drop", "Forget one"), in);
  drop.add_option("id", *id, "Its number").required();
  drop.callback([&in, id] { in.chosen = [&in, id] { return act(in, "DELETE", "/api/v1/alerts/messages/" + percent_encode(*id), {}, [id](const json::value&) { return "dropped: " + *id; }); }; });
}

void add_silences(command root, context& in) {
  auto silence = root.add_verb("silence", "Keep alerts quiet for a time");
  silence.needs_verb();
  auto options = std::make_shared<silence_options>();
  auto add = add_common(silence.add_verb("add", "Silence what matches; prints the silence's id"), in);
  add.add_option("matchers", options->matchers, "Such as alertname=Burn or route=~chat.*; all must match").required();
  add.add_option("--for", options->span, "How long").show_default();
  add.add_option("--start", options->start, "When it begins; left out: now");
  add.add_option("--comment", options->comment, "Why").required();
  add.add_option("--author", options->author, "Who").required();
  add.add_option("--times", options->times, "Again every day within these spans only, such as 22:00-06:00");
  add.add_option("--weekdays", options->weekdays, "On these days only, such as saturday:sunday");
  add.add_option("--zone", options->zone, "Zone of --times and --weekdays").show_default();
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
