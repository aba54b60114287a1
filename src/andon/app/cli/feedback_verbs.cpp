#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/table.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

struct feedback_options {
  std::string project, route, from, to;
};

/// `62.5 % (30.6–86.3) of 8`; a dash while nobody said anything.
std::string with_bounds(const json::value& of, std::string_view value, double scale, std::string_view unit) {
  const auto number = [&](std::string_view name) { return fmt::format("{:.3g}", of.at(name).to_number<double>() * scale); };
  if (of.at(value).is_null()) return "-";
  auto out = number(value) + std::string(unit);
  if (!of.at("low").is_null()) out += fmt::format(" ({}–{})", number("low"), number("high"));
  return fmt::format("{} of {}", out, of.at("total").to_number<std::uint64_t>());
}

std::string share(const json::value& row, std::string_view name) { return with_bounds(row.at(name), "share", 100, " %"); }

int summary(const context& in, const feedback_options& from) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("GET", "/api/v1/feedback/summary" + query_text({{"project", from.project}, {"route", from.route}, {"from", from.from}, {"to", from.to}}));
  if (!got) return complain(got.error());
  table out({"PROJECT", "ROUTE", "RESPONSE RATE", "CSAT", "MEAN CSAT", "THUMBS UP", "RESOLVED", "SCORE", "NPS"});
  for (const auto& row : got->at("data").as_array()) {
    if (in.json) fmt::print(stdout, "{}\n", json::serialize(row));
    out.add({cell(row, "project"), cell(row, "route"), share(row, "response"), share(row, "csat"), with_bounds(row.at("csat_mean"), "mean", 1, ""), share(row, "thumbs"),
             share(row, "resolved"), with_bounds(row.at("score"), "mean", 1, ""), with_bounds(row.at("nps"), "nps", 1, "")});
  }
  if (!in.json) fmt::print(stdout, "{}", out.text(in.terminal));
  if (!got->at("complete").as_bool()) fmt::print(stderr, "not complete: there is more than one question reads, or the index is being rebuilt; ask for a shorter time (--from, --to)\n");
  return done;
}

}  // namespace

void add_feedback_verbs(command root, context& in) {
  auto options = std::make_shared<feedback_options>();
  auto verb = root.add_verb("feedback", "What users said of the replies");
  verb.needs_verb();
  auto made = add_common(verb.add_verb("summary", "Response rate, CSAT, thumbs, resolved, score and NPS by project and route, with 95 % intervals"), in);
  made.add_option("--project", options->project, "Of this project only");
  made.add_option("--route", options->route, "Of this route only");
  made.add_option("--from", options->from, "A time (2026-01-31T12:00:00Z) or an age (7d); 30 days before the end when left out");
  made.add_option("--to", options->to, "A time or an age; now when left out");
  made.callback([&in, options] { in.chosen = [&in, options] { return summary(in, *options); }; });
}

}  // namespace andon::app::cli
