#include "andon/slo/prometheus_rules.hpp"
#include "andon/slo/yaml_documents.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

namespace andon::slo {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view window_mark = "{{.window}}";

std::string with_window(std::string query, const std::string& length) {
  for (auto at = query.find(window_mark); at != std::string::npos; at = query.find(window_mark, at)) query.replace(at, window_mark.size(), length);
  while (!query.empty() && query.back() == '\n') query.pop_back();
  return query;
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

/// One objective's rules.
class rules_of {
public:
  rules_of(const rule_source& of, YAML::Emitter& out) : of_(of), out_(out), burns_(derive_burns(of.period, true, true)) {
    id_ = fmt::format("{}-{}", of.service, of.name);
    selector_ = fmt::format("{{sloth_id={}, sloth_service={}, sloth_slo={}}}", in_quotes(id_), in_quotes(of.service), in_quotes(of.name));
  }

  void write() {
    group("sli-recordings", [this] { indicators(); });
    group("meta-recordings", [this] { meta(); });
    if (!of_.page && !of_.ticket) return;
    group("alerts", [this] {
      if (of_.page) alert("page", of_.page_labels, of_.page_annotations);
      if (of_.ticket) alert("ticket", of_.ticket_labels, of_.ticket_annotations);
    });
  }

private:
  template <class F>
  void group(std::string_view kind, F&& inside) {
    out_ << YAML::BeginMap << YAML::Key << "name" << YAML::Value << fmt::format("andon-slo-{}-{}", kind, id_) << YAML::Key << "rules" << YAML::Value
         << YAML::BeginSeq;
    inside();
    out_ << YAML::EndSeq << YAML::EndMap;
  }

  void pairs(const char* name, const label_pairs& all) {
    if (all.empty()) return;
    out_ << YAML::Key << name << YAML::Value << YAML::BeginMap;
    std::set<std::string_view> seen;
    for (auto one = all.rbegin(); one != all.rend(); ++one)  // the last of a name counts
      if (seen.insert(one->first).second) out_ << YAML::Key << one->first << YAML::Value << YAML::DoubleQuoted << one->second;
    out_ << YAML::EndMap;
  }

  void record(const std::string& name, const std::string& expression, label_pairs more = {}) {
    out_ << YAML::BeginMap << YAML::Key << "record" << YAML::Value << name << YAML::Key << "expr" << YAML::Value << YAML::Literal << expression;
    label_pairs labels = of_.labels;
    labels.insert(labels.end(), {{"sloth_id", id_}, {"sloth_service", of_.service}, {"sloth_slo", of_.name}});
    labels.insert(labels.end(), more.begin(), more.end());
    pairs("labels", labels);
    out_ << YAML::EndMap;
  }

  static std::string ratio_name(const std::string& length) { return "slo:sli_error:ratio_rate" + length; }

  void indicators() {
    std::set<seconds> lengths;
    for (const auto& one : burns_) lengths.insert({one.short_window, one.long_window});
    for (const auto length : lengths) {
      const auto text = length_text(length);
      const auto expression = of_.ratio_query.empty() ? fmt::format("({})\n/\n({})", with_window(of_.error_query, text), with_window(of_.total_query, text))
                                                      : fmt::format("({})", with_window(of_.ratio_query, text));
      record(ratio_name(text), expression, {{"sloth_window", text}});
    }
    const auto shortest = length_text(*lengths.begin()), period = length_text(of_.period);
    record(ratio_name(period),
           fmt::format("sum_over_time({0}{1}[{2}])\n/ ignoring (sloth_window)\ncount_over_time({0}{1}[{2}])", ratio_name(shortest), selector_, period),
           {{"sloth_window", period}});
  }

  void meta() {
    const auto shortest = length_text(std::ranges::min(burns_, {}, &burn_rule::short_window).short_window), period = length_text(of_.period);
    const auto burn = [&](const std::string& length) {
      return fmt::format("{}{}\n/ on(sloth_id, sloth_slo, sloth_service) group_left\nslo:error_budget:ratio{}", ratio_name(length), selector_, selector_);
    };
    record("slo:objective:ratio", fmt::format("vector({})", of_.target));
    record("slo:error_budget:ratio", fmt::format("vector(1-{})", of_.target));
    record("slo:time_period:days", fmt::format("vector({:g})", static_cast<double>(of_.period.count()) / 86'400));
    record("slo:current_burn_rate:ratio", burn(shortest));
    record("slo:period_burn_rate:ratio", burn(period));
    record("slo:period_error_budget_remaining:ratio", fmt::format("1 - slo:period_burn_rate:ratio{}", selector_));
    record(
        "sloth_slo_info", "vector(1)",
        {{"sloth_objective", fmt::format("{:.10g}", of_.target * 100)}, {"sloth_mode", "andon"}, {"sloth_spec", "prometheus/v1"}, {"sloth_version", "andon"}});
  }

  void alert(std::string_view severity, const label_pairs& labels, const label_pairs& annotations) {
    std::string expression;
    for (const auto& one : burns_) {
      if (one.severity != severity) continue;
      const auto side = [&](seconds length) {
        return fmt::format("    max({}{} > ({:.10g} * {:.12g})) without (sloth_window)\n", ratio_name(length_text(length)), selector_, one.factor,
                           1 - of_.target);
      };
      expression += fmt::format("{}(\n{}    and\n{})\n", expression.empty() ? "" : "or\n", side(one.short_window), side(one.long_window));
    }
    const auto name = of_.alert_name.empty() ? fmt::format("{} {} burns its error budget", of_.service, of_.name) : of_.alert_name;
    out_ << YAML::BeginMap << YAML::Key << "alert" << YAML::Value << name << YAML::Key << "expr" << YAML::Value << YAML::Literal << expression;
    label_pairs all = of_.alert_labels;
    all.insert(all.end(), labels.begin(), labels.end());
    all.insert(all.end(), {{"sloth_id", id_}, {"sloth_service", of_.service}, {"sloth_slo", of_.name}, {"sloth_severity", std::string(severity)}});
    pairs("labels", all);
    label_pairs told{{"title", fmt::format("({}) {{{{$labels.sloth_service}}}} {{{{$labels.sloth_slo}}}} SLO error budget burn rate is too fast.", severity)},
                     {"summary", "{{$labels.sloth_service}} {{$labels.sloth_slo}} SLO error budget burn rate is over expected."}};
    told.insert(told.end(), of_.alert_annotations.begin(), of_.alert_annotations.end());
    told.insert(told.end(), annotations.begin(), annotations.end());
    pairs("annotations", told);
    out_ << YAML::EndMap;
  }

  const rule_source& of_;
  YAML::Emitter& out_;
  std::vector<burn_rule> burns_;
  std::string id_, selector_;
};

label_pairs read_pairs(const YAML::Node& from) {
  label_pairs out;
  if (from && from.IsMap())
    for (const auto& one : from) out.emplace_back(one.first.as<std::string>(), one.second.as<std::string>());
  return out;
}

std::string text_of(const YAML::Node& from) { return from && from.IsScalar() ? from.Scalar() : std::string{}; }

rule_source read_one(const YAML::Node& document, const YAML::Node& one) {
  rule_source out{.service = text_of(document["service"]), .name = text_of(one["name"]), .description = text_of(one["description"])};
  out.target = one["objective"].as<double>() / 100;
  out.period = 30 * 24h;
  out.labels = read_pairs(document["labels"]);
  for (auto& pair : read_pairs(one["labels"])) out.labels.push_back(std::move(pair));
  if (const auto events = one["sli"]["events"]) out.error_query = text_of(events["error_query"]), out.total_query = text_of(events["total_query"]);
  if (const auto raw = one["sli"]["raw"]) out.ratio_query = text_of(raw["error_ratio_query"]);
  const auto alerting = one["alerting"];
  if (!alerting) return out;
  out.alert_name = text_of(alerting["name"]);
  out.alert_labels = read_pairs(alerting["labels"]);
  out.alert_annotations = read_pairs(alerting["annotations"]);
  const auto part = [&](const char* name, bool& on, label_pairs& labels, label_pairs& annotations) {
    const auto of = alerting[name];
    if (!of) return;
    on = !(of["disable"] && of["disable"].as<bool>());
    labels = read_pairs(of["labels"]);
    annotations = read_pairs(of["annotations"]);
  };
  part("page_alert", out.page, out.page_labels, out.page_annotations);
  part("ticket_alert", out.ticket, out.ticket_labels, out.ticket_annotations);
  return out;
}

}  // namespace

std::string prometheus_rules(const std::vector<rule_source>& from) {
  YAML::Emitter out;
  out << YAML::BeginMap << YAML::Key << "groups" << YAML::Value << YAML::BeginSeq;
  for (const auto& one : from) rules_of(one, out).write();
  out << YAML::EndSeq << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

result<std::vector<rule_source>> read_sloth(const std::string& text) {
  std::vector<rule_source> out;
  try {
    for (const auto& document : yaml_documents(text)) {
      if (document.IsNull()) continue;
      if (text_of(document["version"]) != "prometheus/v1") return fail(errc::invalid_argument, "the version is not prometheus/v1");
      for (const auto& one : document["slos"]) {
        auto made = read_one(document, one);
        if (made.ratio_query.empty() && (made.error_query.empty() || made.total_query.empty()))
          return fail(errc::invalid_argument,
                      fmt::format("{} {} has neither events with error_query and total_query nor raw with error_ratio_query", made.service, made.name));
        if (!(made.target >= 0 && made.target < 1))
          return fail(errc::invalid_argument, fmt::format("{} {}: an objective of {:g} % leaves no error budget", made.service, made.name, made.target * 100));
        out.push_back(std::move(made));
      }
    }
  } catch (const YAML::Exception& broken) {
    return fail(errc::invalid_argument, fmt::format("line {}: {}", broken.mark.line + 1, broken.msg));
  }
  return out;
}

result<rule_source> rule_source_of(const objective_spec& from) {
  if (from.is_composite() && from.method == budgeting::occurrences)
    return fail(errc::invalid_argument,
                fmt::format("{} is a composite of events: its burn rate is a sum that Prometheus would need rules of all parts for", from.name));
  rule_source out{.service = from.service.empty() ? "andon" : from.service,
                  .name = from.name,
                  .description = from.description,
                  .target = from.target,
                  .period = from.over.length};
  out.labels = from.labels;
  const auto rate = [&](std::string_view counter) { return fmt::format("sum(rate({}{{objective={}}}[{{{{.window}}}}]))", counter, in_quotes(from.name)); };
  out.error_query = rate("andon_objective_bad_events_total");
  out.total_query = rate("andon_objective_events_total");
  const auto has = [&](std::string_view severity) { return std::ranges::find(from.burns, severity, &burn_rule::severity) != from.burns.end(); };
  out.page = has("page");
  out.ticket = has("ticket");
  return out;
}

}  // namespace andon::slo
