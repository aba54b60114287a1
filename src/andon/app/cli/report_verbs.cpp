#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/table.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t screen = 26, least_rows = 3, longest_row = 118;  // with titles and sums forty lines at most

struct section {
  std::string_view title;
  std::vector<std::string> rows;
};

/// Each part has some rows, whatever is left over goes to those that stand first.
void print_sections(const std::vector<section>& all) {
  std::size_t left = screen;
  std::vector<std::size_t> shown;
  for (const auto& one : all) {
    shown.push_back(std::min(one.rows.size(), least_rows));
    left -= std::min(left, shown.back());
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto more = std::min(left, all[i].rows.size() - shown[i]);
    shown[i] += more;
    left -= more;
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].rows.empty()) continue;
    const auto hidden = all[i].rows.size() - shown[i];
    fmt::print(stdout, "{}{}\n", all[i].title, hidden > 0 ? fmt::format(" ({} of {}; the rest with --json)", shown[i], all[i].rows.size()) : "");
    for (std::size_t row = 0; row < shown[i]; ++row) fmt::print(stdout, "  {}\n", clean(all[i].rows[row], longest_row));
  }
}

std::vector<std::string> rows_of(const json::value& from, const std::function<std::string(const json::value&)>& text) {
  std::vector<std::string> out;
  for (const auto& one : from.as_array()) out.push_back(text(one));
  return out;
}

std::string budget_row(const json::value& one) {
  const auto left = one.at("budget_left").to_number<double>();
  return cell(one, "objective") + (left <= 0 ? fmt::format(": gone, {:.1f} times its budget went", 1 - left) : fmt::format(": {:.1f} % left", 100 * left));
}

std::vector<std::string> failing_routes(const json::value& calls) {
  std::vector<std::string> out;
  if (!calls.as_object().contains("routes")) return out;
  for (const auto& one : calls.at("routes").as_array())
    if (cell(one, "errors") != "0") out.push_back(fmt::format("{}: {} of {} calls failed", cell(one, "route"), cell(one, "errors"), cell(one, "count")));
  return out;
}

/// Those that changed something; how many were refused is said beside them.
std::pair<std::vector<std::string>, std::size_t> changes_of(const json::value& from) {
  std::pair<std::vector<std::string>, std::size_t> out;
  for (const auto& one : from.as_array())
    if (cell(one, "kind") == "change") out.first.push_back(fmt::format("{} {} {}", moment(one, "at"), cell(one, "who"), cell(one, "text")));
    else ++out.second;
  return out;
}

int overnight(const context& in, const std::string& since) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("GET", "/api/v1/report" + query_text({{"since", since}}));
  if (!got) return complain(got.error());
  if (in.json) return fmt::print(stdout, "{}\n", json::serialize(*got)), done;
  const auto& alerts = got->at("alerts");
  const auto& messages = got->at("messages");
  const auto& calls = got->at("calls");
  const auto [changes, refused] = changes_of(got->at("changes"));
  fmt::print(stdout, "From {} to {}\n", moment(*got, "since"), moment(*got, "until"));
  if (calls.as_object().contains("count"))
    fmt::print(stdout, "  calls      {}, {} failed, {} refused, {} $\n", cell(calls, "count"), cell(calls, "errors"), cell(calls, "refused"), money(calls, "cost_usd"));
  else fmt::print(stdout, "  calls      not recorded\n");
  fmt::print(stdout, "  alerts     {} fire now ({} of them quieted), {} kinds fired; {} incidents\n", cell(alerts, "firing_count"), cell(alerts, "quiet"), alerts.at("fired").as_array().size(), got->at("incidents").as_array().size());
  fmt::print(stdout, "  messages   {} delivered, {} wait, {} dead; {} changes refused\n", cell(messages, "delivered"), cell(messages, "waiting"), cell(messages, "dead"), refused);
  print_sections({
      {"On call", rows_of(got->at("on_call"), [](const json::value& one) { return cell(one, "schedule") + ": " + cell(one, "person"); })},
      {"Firing now", rows_of(alerts.at("firing"), [](const json::value& one) { return fmt::format("{} {} since {}  {}", cell(one, "severity"), cell(one, "name"), moment(one, "since"), cell(one, "summary")); })},
      {"Incidents", rows_of(got->at("incidents"), [](const json::value& one) { return fmt::format("{} {} {}  opened {}", cell(one, "id"), cell(one, "state"), cell(one, "title"), moment(one, "opened")); })},
      {"Budgets in danger", rows_of(got->at("objectives"), budget_row)},
      {"Routes with failures", failing_routes(calls)},
      {"Fired", rows_of(alerts.at("fired"), [](const json::value& one) {
         return fmt::format("{}: {} {}, last {}", cell(one, "alert"), cell(one, "times"), cell(one, "times") == "1" ? "time" : "times", moment(one, "last"));
       })},
      {"Decisions", rows_of(got->at("decisions"), [](const json::value& one) { return fmt::format("{} {} {}", moment(one, "at"), cell(one, "who"), cell(one, "text")); })},
      {"Changes", changes},
  });
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
