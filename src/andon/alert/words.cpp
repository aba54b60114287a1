#include "andon/alert/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <kainjow/mustache.hpp>
#include <set>

#include "andon/base/text_start.hpp"
#include "andon/base/time_text.hpp"

namespace andon::alert {
namespace {

namespace mustache = kainjow::mustache;
using mustache::data;

constexpr std::size_t longest_title = 500, longest_text = 32 << 10;

data set_data(const label_set& labels) {
  data out{data::type::object};
  for (const auto& [name, value] : labels) out.set(name, value);
  return out;
}

data list_data(const label_set& labels) {
  data out{data::type::list};
  for (const auto& [name, value] : labels) {
    data one{data::type::object};
    one.set("name", name);
    one.set("value", value);
    out.push_back(one);
  }
  return out;
}

/// Empty counts as absent, so that sections `{{#summary}}` work.
void set_text(data& out, const std::string& name, std::string_view value) {
  if (!value.empty()) out.set(name, std::string(value));
}

data alert_data(const notified_alert& from) {
  data out{data::type::object};
  out.set("status", from.resolved ? "resolved" : "firing");
  set_text(out, "name", label_value(from.labels, "alertname"));
  set_text(out, "summary", label_value(from.annotations, "summary"));
  set_text(out, "description", label_value(from.annotations, "description"));
  out.set("labels", set_data(from.labels));
  out.set("annotations", set_data(from.annotations));
  out.set("label_list", list_data(from.labels));
  out.set("annotation_list", list_data(from.annotations));
  out.set("starts_at", format_rfc3339(from.starts_at));
  if (from.resolved) out.set("ends_at", format_rfc3339(from.ends_at));
  set_text(out, "generator_url", from.generator_url);
  out.set("fingerprint", fingerprint_text(from.fingerprint));
  return out;
}

/// Of alerts that are not all of one name: `ErrorBudgetPolicy, ObjectiveBurn`.
std::string names_text(const notification& from) {
  constexpr std::size_t most = 3;
  std::set<std::string_view> names;
  for (const auto& one : from.alerts)
    if (const auto name = label_value(one.labels, "alertname"); !name.empty()) names.insert(name);
  std::string out;
  std::size_t shown = 0;
  for (const auto name : names)
    if (shown++ < most) out.append(out.empty() ? "" : ", ").append(name);
  return shown > most ? out + ", …" : out;
}

/// What one of them says, and how many there are beside it.
std::string gist_text(const notification& from) {
  const auto counts = [any = from.firing() == 0](const notified_alert& one) { return any || !one.resolved; };
  const auto told = std::ranges::find_if(from.alerts, [&](const auto& one) { return counts(one) && !label_value(one.annotations, "summary").empty(); });
  if (told == from.alerts.end()) return {};
  std::string out(label_value(told->annotations, "summary"));
  if (const auto others = static_cast<std::uint64_t>(std::ranges::count_if(from.alerts, counts)) + from.truncated - 1; others > 0) out += fmt::format(", and {} more", others);
  return out;
}

/// Zero counts as absent, so that sections `{{#firing_count}}` work.
void set_count(data& out, const std::string& name, std::uint64_t count) {
  if (count > 0) out.set(name, std::to_string(count));
}

data all_data(const notification& from, const std::string& external_url) {
  data out{data::type::object};
  const auto common = from.common_labels();
  out.set("status", std::string(from.status()));
  out.set("STATUS", from.firing() > 0 ? "FIRING" : "RESOLVED");
  out.set("receiver", from.receiver);
  set_text(out, "name", label_value(common, "alertname"));
  set_text(out, "names", names_text(from));
  set_text(out, "gist", gist_text(from));
  set_text(out, "severity", label_value(common, "severity"));
  auto others = from.group_labels;
  others.erase("alertname");
  set_text(out, "group", group_text(others));
  set_text(out, "external_url", external_url);
  set_text(out, "note", from.note);
  set_text(out, "incident", from.incident);
  set_text(out, "ack_url", from.ack_url);
  set_text(out, "resolve_url", from.resolve_url);
  set_count(out, "firing_count", from.firing());
  set_count(out, "resolved_count", from.resolved());
  set_count(out, "truncated", from.truncated);
  out.set("common_labels", set_data(common));
  out.set("common_annotations", set_data(from.common_annotations()));
  data all{data::type::list}, firing{data::type::list}, resolved{data::type::list};
  for (const auto& one : from.alerts) {
    auto made = alert_data(one);
    (one.resolved ? resolved : firing).push_back(made);
    all.push_back(made);
  }
  out.set("alerts", all);
  out.set("firing", firing);
  out.set("resolved", resolved);
  return out;
}

std::string render(const std::string& text, const data& with) {
  mustache::mustache made(text);
  if (!made.is_valid()) return {};
  made.set_custom_escape([](const std::string& plain) { return plain; });
  auto out = made.render(with);
  return made.is_valid() ? out : std::string{};
}

std::string first_of(const std::string& own, std::string_view usual, const data& with, std::size_t most) {
  auto out = own.empty() ? std::string{} : render(own, with);
  if (out.empty()) out = render(std::string(usual), with);
  return std::string(text_start(out, most));
}

}  // namespace

#define ANDON_SUBJECT "{{names}}{{^names}}Alert{{/names}}{{#group}} ({{group}}){{/group}}{{^group}}{{#gist}}: {{gist}}{{/gist}}{{/group}}"
const std::string_view usual_title = "[{{STATUS}}{{#firing_count}}:{{firing_count}}{{/firing_count}}] " ANDON_SUBJECT;
const std::string_view usual_subject = ANDON_SUBJECT;
#undef ANDON_SUBJECT
const std::string_view usual_text =
    "{{#note}}{{note}}\n\n{{/note}}{{#alerts}}[{{status}}] {{name}}{{#summary}}: {{summary}}{{/summary}}\n{{#description}}{{description}}\n{{/description}}"
    "  {{#label_list}}{{name}}={{value}} {{/label_list}}\n  since {{starts_at}}{{#ends_at}}, ended {{ends_at}}{{/ends_at}}\n{{/alerts}}"
    "{{#truncated}}and {{truncated}} more\n{{/truncated}}{{#ack_url}}\nAcknowledge: {{ack_url}}\n{{/ack_url}}{{#resolve_url}}Resolve: {{resolve_url}}\n{{/resolve_url}}";

std::string group_text(const label_set& labels) {
  std::string out;
  for (const auto& [name, value] : labels) out.append(out.empty() ? "" : " ").append(name).append("=").append(value);
  return out;
}

result<void> check_template(const std::string& text) {
  mustache::mustache made(text);
  if (!made.is_valid()) return fail(errc::invalid_argument, "is no template: " + made.error_message());
  return {};
}

std::vector<std::string> unknown_fields(const std::string& text) {
  static constexpr std::array<std::string_view, 28> known{
      "status", "STATUS", "receiver", "name", "names", "gist", "severity", "group", "firing_count", "resolved_count", "truncated", "external_url", "note", "incident", "ack_url", "resolve_url",
      "firing", "resolved", "alerts", "summary", "description", "label_list", "annotation_list", "value", "starts_at", "ends_at", "generator_url", "fingerprint"};
  static constexpr std::array<std::string_view, 4> of_any_name{"common_labels", "common_annotations", "labels", "annotations"};
  std::vector<std::string> out;
  for (std::size_t at = text.find("{{"); at != std::string::npos; at = text.find("{{", at)) {
    at += 2;
    const auto end = text.find("}}", at);
    if (end == std::string::npos) break;
    auto name = std::string_view(text).substr(at, end - at);
    at = end + 2;
    if (name.starts_with('!') || name.starts_with('=')) continue;
    name.remove_prefix(std::min(name.size(), name.find_first_not_of(" {&#^/")));
    name = name.substr(0, name.find_last_not_of(" }") + 1);
    const bool is_known = name == "." || std::ranges::find(known, name) != known.end() || std::ranges::find(of_any_name, name.substr(0, name.find('.'))) != of_any_name.end();
    if (!is_known && std::ranges::find(out, name) == out.end()) out.emplace_back(name);
  }
  return out;
}

std::string subject_of(const notification& what) { return first_of({}, usual_subject, all_data(what, {}), longest_title); }

rendered_text words_for(const way& to, const notification& what, const std::string& external_url) {
  const auto with = all_data(what, external_url);
  return {first_of(to.title, usual_title, with, longest_title), first_of(to.text, usual_text, with, longest_text)};
}

}  // namespace andon::alert
