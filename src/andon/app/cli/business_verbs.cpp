#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/table.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

struct business_options {
  std::string name, month = "now", format, out, reason, at, note;
  std::int64_t revision = 0;
  double value = 0;
  bool issue = false, reissue = false;
};

std::string number_cell(const json::value& of, std::string_view name) {
  const auto& found = of.at(name);
  return found.is_null() ? "no data" : fmt::format("{:.6g}", found.to_number<double>());
}

template <class F>
int print_rows(const context& in, const std::string& target, table out, F&& cells) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("GET", target);
  if (!got) return complain(got.error());
  for (const auto& one : got->at("data").as_array()) {
    if (in.json) fmt::print(stdout, "{}\n", json::serialize(one));
    else out.add(cells(one));
  }
  if (!in.json) fmt::print(stdout, "{}", out.text(in.terminal));
  return done;
}

int list_agreements(const context& in) {
  return print_rows(in, "/api/v1/agreements", table({"AGREEMENT", "COUNTERPARTY", "PROMISES", "ZONE", "FEE", "LAST ISSUED"}), [](const json::value& one) {
    std::string promises;
    for (const auto& of : one.at("objectives").as_array())
      promises += fmt::format("{}{} {} %", promises.empty() ? "" : ", ", cell(of, "objective"), cell(of, "promised_percent"));
    return std::vector<std::string>{cell(one, "name"), cell(one, "counterparty"), promises, cell(one, "time_zone"), cell(one, "fee"), cell(one, "last_issued")};
  });
}

/// Slices of time are told of in millionths.
std::string count_cell(const json::value& of, std::string_view name) {
  return decimal_text(of.at(name).to_number<double>() / of.at("counted_as").to_number<double>());
}

void print_statement(const json::value& one) {
  fmt::print(stdout, "{} for {}, {} in {}{}\n", cell(one, "agreement"), clean(cell(one, "counterparty")), cell(one, "month"), cell(one, "time_zone"),
             one.at("preliminary").as_bool() ? ": PRELIMINARY, counted until " + cell(one, "counted_until") : ": revision " + cell(one, "revision"));
  table out({"OBJECTIVE", "PROMISED %", "ATTAINED %", "VERDICT", "GOOD", "TOTAL", "EXCLUDED", "CREDIT %"});
  for (const auto& of : one.at("objectives").as_array()) {
    const auto& events = of.at("events");
    out.add({cell(of, "objective"), cell(of, "promised_percent"), events.at("attained_percent").is_null() ? "no data" : cell(events, "attained_percent"), cell(of, "verdict"),
             count_cell(events, "good"), count_cell(events, "total"), count_cell(of.at("excluded_events"), "total"), cell(of, "credit_percent")});
  }
  fmt::print(stdout, "{}", out.text(false));
  fmt::print(stdout, "credit {} %{}; {} incident{}; {} hours not watched of {}\n", cell(one, "credit_percent"),
             one.at("owed").is_null() ? "" : fmt::format(", owed {} {}", cell(one.at("owed"), "amount"), cell(one.at("owed"), "currency")),
             one.at("incidents").as_array().size(), one.at("incidents").as_array().size() == 1 ? "" : "s", cell(one, "hours_not_watched"), cell(one, "hours"));
  for (const auto& of : one.at("objectives").as_array())
    for (const auto& command : of.at("evidence").at("recount").as_array()) fmt::print(stdout, "  recount: {}\n", clean(command.as_string(), 1'000));
}

int write_file(const std::string& file, std::string_view bytes) {
  const std::string fresh = file + ".new";
  {
    std::ofstream to(fresh, std::ios::binary | std::ios::trunc);
    if (!(to << bytes) || !to.flush()) return complain({errc::io_error, fmt::format("cannot write {}: is the folder there, and is there room?", fresh)});
  }
  std::error_code wrong;
  std::filesystem::rename(fresh, file, wrong);
  return wrong ? complain({errc::io_error, fmt::format("cannot write {}: {}", file, wrong.message())}) : done;
}

int statement(const context& in, const business_options& from) {
  if (from.reissue != !from.reason.empty()) return complain({errc::invalid_argument, "--reissue and --reason go together: a further revision says why"});
  if (from.format == "pdf" && from.out.empty() && in.terminal) return complain({errc::invalid_argument, "a PDF is no text for a terminal: give --out FILE"});
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto path = fmt::format("/api/v1/agreements/{}/statements/{}", percent_encode(from.name), percent_encode(from.month));
  if (from.issue || from.reissue) {
    const auto issued = client->call("POST", path, from.reissue ? json::serialize(json::object{{"reason", from.reason}}) : std::string{});
    if (!issued) return complain(issued.error());
    fmt::print(stderr, "revision {} {}\n", cell(*issued, "revision"), issued->at("issued_now").as_bool() ? "issued" : "was issued before; it stays as it is");
  }
  const auto body = client->text("GET", path + query_text({{"format", from.format}, {"revision", from.revision == 0 ? "" : std::to_string(from.revision)}}));
  if (!body) return complain(body.error());
  if (!from.out.empty()) return write_file(from.out, *body);
  if (!from.format.empty() || in.json) std::fwrite(body->data(), 1, body->size(), stdout);
  else print_statement(json::parse(*body));
  return done;
}

std::string target_text(const json::value& one) {
  const auto& of = one.as_object();
  if (const auto* least = of.if_contains("at_least")) return fmt::format(">= {:.6g}", least->to_number<double>());
  return fmt::format("<= {:.6g}", of.at("at_most").to_number<double>());
}

std::string trend_text(const json::value& one) {
  const auto& of = one.at("trend");
  if (of.is_null()) return "no data";
  auto out = fmt::format("{:+.4g}", of.at("per_window").to_number<double>());
  if (!of.at("low").is_null()) out += fmt::format(" ({:.4g} to {:.4g})", of.at("low").to_number<double>(), of.at("high").to_number<double>());
  return out;
}

int list_kpis(const context& in) {
  return print_rows(in, "/api/v1/kpis", table({"KPI", "STATE", "VALUE", "TARGET", "UNIT", "CHANGE", "TREND A WINDOW", "WINDOW", "OWNER"}), [](const json::value& one) {
    return std::vector<std::string>{cell(one, "name"), cell(one, "state"), number_cell(one, "value"), target_text(one), cell(one, "unit"), number_cell(one, "change"),
                                    trend_text(one),   cell(one, "window"), cell(one, "owner")};
  });
}

int show_kpi(const context& in, const business_options& from) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("GET", "/api/v1/kpis/" + percent_encode(from.name));
  if (!got) return complain(got.error());
  if (in.json) return fmt::print(stdout, "{}\n", json::serialize(*got)), done;
  fmt::print(stdout, "{}: {}\n  {} {}, target {} over {}, from {}\n  change {}   trend a window {}\n", cell(*got, "name"), cell(*got, "state"), number_cell(*got, "value"),
             clean(cell(*got, "unit")), target_text(*got), cell(*got, "window"), cell(*got, "from"), number_cell(*got, "change"), trend_text(*got));
  table windows({"BEGIN", "END", "VALUE", "STATE"});
  const auto add = [&](const json::value& of) { windows.add({cell(of, "begin"), cell(of, "end"), number_cell(of, "value"), cell(of, "state")}); };
  add(got->at("present"));
  for (const auto& one : got->at("before").as_array()) add(one);
  fmt::print(stdout, "{}", windows.text(false));
  for (const auto& one : got->at("objectives").as_array()) fmt::print(stdout, "  objective {}: {}\n", cell(one, "name"), cell(one, "state"));
  return done;
}

int set_kpi(const context& in, const business_options& from) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  json::object body{{"value", from.value}};
  if (!from.at.empty()) body["at"] = from.at;
  if (!from.note.empty()) body["note"] = from.note;
  const auto got = client->call("POST", fmt::format("/api/v1/kpis/{}/values", percent_encode(from.name)), json::serialize(body));
  if (!got) return complain(got.error());
  if (in.json) return fmt::print(stdout, "{}\n", json::serialize(*got)), done;
  fmt::print(stdout, "{} is {} at {}{}\n", cell(*got, "kpi"), number_cell(got->at("value"), "value"), cell(got->at("value"), "at"),
             got->at("replaced").is_null() ? "" : ", instead of " + number_cell(got->at("replaced"), "value"));
  return done;
}

}  // namespace

void add_business_verbs(command root, context& in) {
  auto options = std::make_shared<business_options>();
  auto agreed = root.add_verb("agreement", "Promises to counterparties and their monthly statements");
  agreed.needs_verb();
  add_common(agreed.add_verb("list", "Agreements"), in).callback([&in] { in.chosen = [&in] { return list_agreements(in); }; });
  auto told = add_common(agreed.add_verb("statement", "The statement of a month, as it was issued or else a preliminary one"), in);
  told.add_option("name", options->name, "The agreement").required();
  told.add_option("month", options->month, "2026-10, now or last").show_default();
  told.add_option("--format", options->format, "json, html or pdf; a short table when left out").one_of({"json", "html", "pdf"});
  told.add_option("-o,--out", options->out, "Writes it to this file, as JSON unless --format says otherwise");
  told.add_option("--revision", options->revision, "An earlier revision").between(1, 1'000);
  told.add_flag("--issue", options->issue, "Issues it, once, when the month is over; from then on it stays as it is");
  told.add_flag("--reissue", options->reissue, "Issues a further revision; the ones before stay");
  told.add_option("--reason", options->reason, "Why it is issued again; stands in the statement and in the audit log");
  told.callback([&in, options] { in.chosen = [&in, options] { return statement(in, *options); }; });

  auto kpi = root.add_verb("kpi", "Measures that the business goes by");
  kpi.needs_verb();
  add_common(kpi.add_verb("list", "KPIs with values, targets and trends"), in).callback([&in] { in.chosen = [&in] { return list_kpis(in); }; });
  auto shown = add_common(kpi.add_verb("show", "One KPI, window by window"), in);
  shown.add_option("name", options->name, "The KPI").required();
  shown.callback([&in, options] { in.chosen = [&in, options] { return show_kpi(in, *options); }; });
  auto set = add_common(kpi.add_verb("set", "Gives a KPI that is not measured a value"), in);
  set.add_option("name", options->name, "The KPI").required();
  set.add_option("value", options->value, "The value").required();
  set.add_option("--at", options->at, "Of which time (2026-10-31T12:00:00Z); now when left out. A value of the same time is replaced");
  set.add_option("--note", options->note, "Where it comes from");
  set.callback([&in, options] { in.chosen = [&in, options] { return set_kpi(in, *options); }; });
}

}  // namespace andon::app::cli
