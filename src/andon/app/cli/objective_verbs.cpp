#include <fmt/format.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/drill_text.hpp"
#include "andon/app/cli/table.hpp"
#include "andon/slo/indicator.hpp"
#include "andon/slo/openslo.hpp"
#include "andon/slo/prometheus_rules.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

struct objective_options {
  std::string name, since, until, step, group, timeout, format = "prometheus";
  std::vector<std::string> files;
};

constexpr int lowest_told = -1000;

std::string percent(const json::value& of, std::string_view name) {
  const auto* found = of.as_object().if_contains(name);
  if (found == nullptr || found->is_null()) return "-";
  const auto value = found->to_number<double>() * 100;
  if (value < lowest_told) return fmt::format("< {} %", lowest_told);  // a budget spent a thousand times over
  return fmt::format("{:.5g} %", value);
}

std::string short_number(const json::value& of, std::string_view name) {
  const auto* found = of.as_object().if_contains(name);
  if (found == nullptr || found->is_null()) return "-";
  return fmt::format("{:.4g}", found->to_number<double>());
}

/// Asks and prints rows: as they came for machines, else as the function makes them cells.
template <class Cells>
int print_rows(const context& in, const std::string& target, table out, Cells&& cells) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto body = client->text("GET", target);
  if (!body) return complain(body.error());
  const auto got = json::parse(*body);
  if (in.json) {
    for (const auto& one : got.at("data").as_array()) fmt::print(stdout, "{}\n", json::serialize(one));
    return done;
  }
  for (const auto& one : got.at("data").as_array()) out.add(cells(one));
  fmt::print(stdout, "{}", out.text(in.terminal));
  return done;
}

/// What drills realised, beneath the objectives.
void print_drills(const context& in) {
  const auto client = admin_client::open(in.data);
  const auto got = client ? client->call("GET", "/api/v1/objectives") : std::unexpected(client.error());
  if (!got || got->at("drills").as_array().empty()) return;
  fmt::print(stdout, "\nRealised in drills:\n");
  for (const auto& one : got->at("drills").as_array()) fmt::print(stdout, "  {}  {:<14} {}: {}\n", cell(one, "began").substr(0, 16), cell(one, "kind"), cell(one, "outcome"), realised_text(one));
}

int list(const context& in) {
  const int code = print_rows(in, "/api/v1/objectives", table({"OBJECTIVE", "STATE", "TARGET", "RATIO", "BUDGET LEFT", "BURN RATE", "HOURS LEFT", "WINDOW"}),
                    [](const json::value& one) {
                      return std::vector<std::string>{cell(one, "name"),
                                                      cell(one, "state"),
                                                      percent(one, "target"),
                                                      percent(one, "ratio"),
                                                      percent(one, "budget_left"),
                                                      short_number(one, "burn_rate"),
                                                      short_number(one, "hours_left"),
                                                      cell(one, "window")};
                    });
  if (code == done && !in.json) print_drills(in);
  return code;
}

void print_objective(const json::value& one) {
  fmt::print(stdout, "{}: {}\n  {} {} over {}; {} of {} events bad\n  ratio {}   budget left {}   burn rate {}   hours left {}\n", cell(one, "name"),
             cell(one, "state"), cell(one, "method"), percent(one, "target"), cell(one, "window"), short_number(one, "bad_events"), short_number(one, "events"),
             percent(one, "ratio"), percent(one, "budget_left"), short_number(one, "burn_rate"), short_number(one, "hours_left"));
  for (const auto& of : one.at("members").as_array()) fmt::print(stdout, "  measures {} {}\n", cell(of, "measure"), cell(of, "filter"));
  for (const auto* severity : {"page", "ticket"})
    fmt::print(stdout, "  in a full outage {} after {} s\n", severity, cell(one, fmt::format("seconds_to_{}_in_an_outage", severity)));
  table out({"ALERT", "LONG", "SHORT", "BURN RATE LONG", "SHORT", "ABOVE", "WHY"});
  for (const auto& of : one.at("alerts").as_array())
    out.add({cell(of, "severity"), cell(of, "long"), cell(of, "short"), short_number(of, "rate_long"), short_number(of, "rate_short"),
             short_number(of, "factor"), cell(of, "derivation")});
  fmt::print(stdout, "{}", out.text(false));
  for (const auto& of : one.at("firing").as_array())
    fmt::print(stdout, "  FIRING {} ({}) since {}\n", cell(of, "alert"), cell(of, "severity"), cell(of, "since"));
}

int show(const context& in, const objective_options& from) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("GET", "/api/v1/objectives/" + percent_encode(from.name));
  if (!got) return complain(got.error());
  if (in.json) fmt::print(stdout, "{}\n", json::serialize(*got));
  else print_objective(*got);
  return done;
}

int causes(const context& in, const objective_options& from) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("GET", "/api/v1/objectives/" + percent_encode(from.name) + "/causes" + query_text({{"since", from.since}, {"until", from.until}}));
  if (!got) return complain(got.error());
  table out({"BAD", "SHARE", "ORIGIN", "ERROR", "MODEL", "KEY"});
  for (const auto& one : got->at("data").as_array()) {
    if (in.json) fmt::print(stdout, "{}\n", json::serialize(one));
    else out.add({cell(one, "bad"), percent(one, "share"), cell(one, "origin"), cell(one, "error"), cell(one, "model"), cell(one, "key")});
  }
  if (in.json) return done;
  if (out.empty())
    fmt::print(stdout, "No call was bad from {} to {}. What is not counted from calls (sign-ins, samples, load) has no causes here; refused keys are in the log, as caller_refused.\n",
               cell(*got, "since"), cell(*got, "until"));
  else fmt::print(stdout, "{}", out.text(in.terminal));
  return done;
}

/// Its events again from the journal, beside what is promised.
int recount(const context& in, const objective_options& from) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("GET", fmt::format("/api/v1/objectives/{}/recount{}", percent_encode(from.name),
                                                   query_text({{"since", from.since}, {"until", from.until}, {"timeout", from.timeout}})));
  if (!got) return complain(got.error());
  if (in.json) return fmt::print(stdout, "{}\n", json::serialize(*got)), done;
  fmt::print(stdout, "{} from {} until {}: {} good of {}, {} bad ({} Records read)\n", cell(*got, "objective"), cell(*got, "since"), cell(*got, "until"), cell(*got, "good"),
             cell(*got, "total"), cell(*got, "bad"), cell(*got, "records_read"));
  if (const auto lost = got->at("segments_unreadable").to_number<std::uint64_t>(); lost > 0)
    fmt::print(stderr, "{} segment{} of the journal could not be read: their Records are missing from these numbers\n", lost, lost == 1 ? "" : "s");
  return done;
}

int alerts(const context& in) {
  return print_rows(in, "/api/v1/signals", table({"ALERT", "SEVERITY", "SINCE", "LABELS", "SUMMARY"}), [](const json::value& one) {
    std::string labels;
    for (const auto& [name, value] : one.at("labels").as_object())
      labels += fmt::format("{}{}={}", labels.empty() ? "" : " ", std::string_view(name), std::string_view(value.as_string()));
    return std::vector<std::string>{cell(one, "alert"), cell(one, "severity"), cell(one, "since"), labels, clean(cell(one.at("annotations"), "summary"), 100)};
  });
}

int chart(const context& in, const objective_options& from, std::string_view of) {
  return print_rows(in,
                    fmt::format("/api/v1/{}/{}/series{}", of, percent_encode(from.name),
                                query_text({{"since", from.since}, {"until", from.until}, {"step", from.step}, {"group", from.group}})),
                    table({"AT", "TOTAL", "RATE/S", "GOOD", "MEAN", "P50", "P95", "P99"}), [](const json::value& one) {
                      return std::vector<std::string>{cell(one, "at"),           cell(one, "total"),       short_number(one, "rate"), percent(one, "ratio"),
                                                      short_number(one, "mean"), short_number(one, "p50"), short_number(one, "p95"),  short_number(one, "p99")};
                    });
}

result<std::string> content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!file || !(content << file.rdbuf())) return fail(errc::invalid_argument, path + " cannot be read");
  return std::move(content).str();
}

/// OpenSLO files, without a gateway: what is wrong with them, and what Andon could keep an eye on.
int check(const context& in, const objective_options& from) {
  std::vector<slo::openslo_file> files;
  for (const auto& path : from.files) {
    const auto text = content_of(path);
    if (!text) return complain(text.error());
    files.push_back({path, *text});
  }
  const system_clock time;
  const auto read = slo::read_openslo(files, time.wall());
  for (const auto& one : read.faults) fmt::print(stderr, "{}\n", to_string(one));
  for (const auto& one : read.advice) fmt::print(stderr, "{} (warning)\n", to_string(one));
  for (const auto& one : read.unmeasurable) fmt::print(stderr, "{} (not measurable here)\n", to_string(one));
  if (!read.faults.empty()) return wrong_usage;
  if (in.json) {
    for (const auto& one : read.objectives)
      fmt::print(
          stdout, "{}\n",
          json::serialize(json::object{{"name", one.name}, {"method", slo::to_string(one.method)}, {"target", one.target}, {"window", one.over.text()}}));
    return done;
  }
  fmt::print(stdout, "{} document{} good; {} objective{} that Andon can keep an eye on\n", read.documents, read.documents == 1 ? " is" : "s are",
             read.objectives.size(), read.objectives.size() == 1 ? "" : "s");
  for (const auto& one : read.objectives) {
    const auto page = slo::time_to_alert(one, "page");
    fmt::print(stdout, "  {}: {:g} % over {}, {}\n", one.name, one.target * 100, one.over.text(),
               page ? fmt::format("pages {} s into a full outage", page->count()) : std::string("pages nobody"));
  }
  return done;
}

/// Rules for Prometheus: of the running gateway's objectives, or of files in sloth's format.
int export_rules(const context& in, const objective_options& from) {
  if (from.files.empty()) {
    const auto client = admin_client::open(in.data);
    if (!client) return complain(client.error());
    const auto body = client->text("GET", "/api/v1/objective-rules");
    if (!body) return complain(body.error());
    fmt::print(stdout, "{}", *body);
    return done;
  }
  std::vector<slo::rule_source> all;
  for (const auto& path : from.files) {
    const auto text = content_of(path);
    if (!text) return complain(text.error());
    auto read = slo::read_sloth(*text);
    if (!read) return complain({errc::invalid_argument, path + ": " + read.error().message});
    std::ranges::move(*read, std::back_inserter(all));
  }
  fmt::print(stdout, "{}", slo::prometheus_rules(all));
  return done;
}

int indicators(const context& in) {
  return print_rows(in, "/api/v1/indicators", table({"INDICATOR", "MEASURE", "UNIT", "BY", "GROUPS", "FILTER"}), [](const json::value& one) {
    return std::vector<std::string>{
        cell(one, "name"), cell(one, "measure"), cell(one, "unit"), cell(one, "by"), std::to_string(one.at("groups").as_array().size()), cell(one, "filter")};
  });
}

void add_stretch(command verb, objective_options& to, bool step) {
  verb.add_option("--since", to.since, "A time (2026-01-31T12:00:00Z) or an age (6h)");
  verb.add_option("--until", to.until, "A time or an age");
  if (step) verb.add_option("--step", to.step, "Time that one row is of, such as 1m; left out: a five-hundredth of the whole");
}

}  // namespace

void add_objective_verbs(command root, context& in) {
  auto options = std::make_shared<objective_options>();
  auto verb = root.add_verb("objective", "What was promised: budgets, burn rates, alerts");
  verb.needs_verb();
  add_common(verb.add_verb("list", "Objectives and how they stand"), in).callback([&in] { in.chosen = [&in] { return list(in); }; });
  const auto named = [&](const char* name, const char* about, auto run, bool stretch, bool step) {
    auto made = add_common(verb.add_verb(name, about), in);
    made.add_option("name", options->name, "The objective").required();
    if (stretch) add_stretch(made, *options, step);
    made.callback([&in, options, run] { in.chosen = [&in, options, run] { return run(in, *options); }; });
  };
  named("show", "One objective with its alerts", show, false, false);
  named("causes", "What ate its budget", causes, true, false);
  auto again = add_common(verb.add_verb("recount", "Its events counted again from the journal"), in);
  again.add_option("name", options->name, "The objective").required();
  add_stretch(again, *options, false);
  again.add_option("--timeout", options->timeout, "How long it may read, at most 60s");
  again.callback([&in, options] { in.chosen = [&in, options] { return recount(in, *options); }; });
  named("series", "Its events over time", [](const context& with, const objective_options& from) { return chart(with, from, "objectives"); }, true, true);
  add_common(verb.add_verb("alerts", "Alerts that hold now"), in).callback([&in] { in.chosen = [&in] { return alerts(in); }; });
  auto checked = verb.add_verb("check", "Check OpenSLO v1 files: 0 when they are good, 2 with every fault");
  checked.add_option("files", options->files, "OpenSLO files; references go across all of them").required();
  checked.add_flag("--json", in.json, "For machines: one JSON object a line");
  checked.callback([&in, options] { in.chosen = [&in, options] { return check(in, *options); }; });

  auto exported = add_common(verb.add_verb("export", "The objectives as recording and alerting rules of Prometheus"), in);
  exported.add_option("--format", options->format, "prometheus").one_of({"prometheus"}).show_default();
  exported.add_option("--sloth", options->files, "Files in sloth's format, instead of the running gateway's objectives");
  exported.callback([&in, options] { in.chosen = [&in, options] { return export_rules(in, *options); }; });

  auto of = root.add_verb("indicator", "What is measured");
  of.needs_verb();
  add_common(of.add_verb("list", "Indicators"), in).callback([&in] { in.chosen = [&in] { return indicators(in); }; });
  auto shown = add_common(of.add_verb("show", "One indicator over time"), in);
  shown.add_option("name", options->name, "The indicator").required();
  add_stretch(shown, *options, true);
  shown.add_option("--group", options->group, "Values of its dimensions, separated by commas; without it all together");
  shown.callback([&in, options] { in.chosen = [&in, options] { return chart(in, *options, "indicators"); }; });
  of.add_verb("measures", "Everything that can be measured, as Markdown").callback([&in] {
    in.chosen = [] { return fmt::print(stdout, "{}", slo::measure_reference()), done; };
  });
}

}  // namespace andon::app::cli
