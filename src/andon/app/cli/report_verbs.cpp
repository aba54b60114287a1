#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/table.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t most_rows = 12;  // one screen

/// The rows of a part, and how many were left out.
void print_rows(const json::array& from, std::string_view title, const std::function<std::string(const json::value&)>& row) {
  if (from.empty()) return;
  fmt::print(stdout, "\n{}\n", title);
  for (std::size_t i = 0; i < std::min(from.size(), most_rows); ++i) fmt::print(stdout, "  {}\n", clean(row(from[i]), 150));
  if (from.size() > most_rows) fmt::print(stdout, "  and {} more (--json)\n", from.size() - most_rows);
}

void print_calls(const json::value& calls) {
  if (!calls.as_object().contains("count")) return fmt::print(stdout, "  calls      not recorded\n");
  fmt::print(stdout, "  calls      {}, {} failed, {} refused, {} $\n", cell(calls, "count"), cell(calls, "errors"), cell(calls, "refused"), money(calls, "cost_usd"));
  json::array failing;
  for (const auto& one : calls.at("routes").as_array())
    if (cell(one, "errors") != "0") failing.push_back(one);
  print_rows(failing, "Routes with failures", [](const json::value& one) { return fmt::format("{}: {} of {} failed", cell(one, "route"), cell(one, "errors"), cell(one, "count")); });
}

int overnight(const context& in, const std::string& since) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("GET", "/api/v1/report" + query_text({{"since", since}}));
  if (!got) return complain(got.error());
  if (in.json) return fmt::print(stdout, "{}\n", json::serialize(*got)), done;
  const auto& alerts = got->at("alerts");
  const auto& messages = got->at("messages");
  fmt::print(stdout, "From {} to {}\n", moment(*got, "since"), moment(*got, "until"));
  fmt::print(stdout, "  alerts     {} fire now ({} of them quieted), {} kinds fired\n  incidents  {}\n  messages   {} delivered, {} wait, {} dead\n", cell(alerts, "firing_count"), cell(alerts, "quiet"), alerts.at("fired").as_array().size(),
             got->at("incidents").as_array().size(), cell(messages, "delivered"), cell(messages, "waiting"), cell(messages, "dead"));
  print_calls(got->at("calls"));
  print_rows(alerts.at("firing").as_array(), "Firing now", [](const json::value& one) { return cell(one, "alert") + " since " + moment(one, "since") + "  " + cell(one, "summary"); });
  print_rows(got->at("incidents").as_array(), "Incidents", [](const json::value& one) { return fmt::format("{} {} ({}) opened {}", cell(one, "id"), cell(one, "state"), cell(one, "title"), moment(one, "opened")); });
  print_rows(alerts.at("fired").as_array(), "Fired", [](const json::value& one) { return fmt::format("{} times, last {}: {}", cell(one, "times"), moment(one, "last"), cell(one, "alert")); });
  print_rows(got->at("decisions").as_array(), "Decisions", [](const json::value& one) { return fmt::format("{} {} {}: {}", moment(one, "at"), cell(one, "kind"), cell(one, "who"), cell(one, "text")); });
  print_rows(got->at("changes").as_array(), "Changes", [](const json::value& one) { return fmt::format("{} {} {}{}", moment(one, "at"), cell(one, "who"), cell(one, "kind") == "change" ? "" : "REFUSED ", cell(one, "text")); });
  print_rows(got->at("on_call").as_array(), "On call", [](const json::value& one) { return cell(one, "schedule") + ": " + cell(one, "person"); });
  return done;
}

}  // namespace

void add_report_verbs(command root, context& in) {
  auto report = root.add_verb("report", "What happened");
  report.needs_verb();
  auto since = std::make_shared<std::string>();
  auto verb = add_common(report.add_verb("overnight", "Since yesterday, in one screen: calls, alerts, incidents, messages, changes"), in);
  verb.add_option("--since", *since, "A time, or how long ago; left out: 24h");
  verb.callback([&in, since] { in.chosen = [&in, since] { return overnight(in, *since); }; });
}

}  // namespace andon::app::cli
