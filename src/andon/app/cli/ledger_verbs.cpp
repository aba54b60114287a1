#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/json_rows.hpp"
#include "andon/app/cli/ledger_export.hpp"
#include "andon/app/cli/ledger_verify.hpp"
#include "andon/app/cli/record_view.hpp"
#include "andon/app/cli/table.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

struct ledger_options {
  std::vector<std::string> words;
  std::string id, cursor, file, encryption_key;
  int limit = 50;
  std::uint64_t most = 0;
  bool content = false, offline = false;
  [[nodiscard]] std::string query() const { return fmt::format("{}", fmt::join(words, " ")); }
};

std::vector<std::string> cells_of(const json::value& row) {
  const auto* took = row.get_object().if_contains("duration_s");
  const double seconds = took != nullptr && took->is_number() ? took->to_number<double>() : 0;
  return {cell(row, "started").substr(0, 23), cell(row, "id"), cell(row, "project"), cell(row, "route"), cell(row, "model"), cell(row, "status"),
          outcome_text(row), fmt::format("{:.3f}", seconds), cost_text(row)};
}

const std::vector<std::string> heads{"TIME", "ID", "PROJECT", "ROUTE", "MODEL", "STATUS", "OUTCOME", "SECONDS", "COST"};

/// A call that has just ended is searched a moment later.
std::string not_searchable_yet(const admin_client& client) {
  const auto status = client.call("GET", "/api/v1/status");
  const auto* ledger = status && status->is_object() ? status->get_object().if_contains("ledger") : nullptr;
  if (ledger == nullptr) return {};
  const auto waiting = cell(*ledger, "waiting");
  return waiting.empty() || waiting == "0" ? std::string{} : "; the newest Records are not searchable yet, try again in a second";
}

/// Pages until `limit` rows; whole Records come in smaller pages.
int search(const context& in, const ledger_options& from) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const bool content = in.json || from.content;
  table out(heads);
  auto cursor = from.cursor;
  int left = from.limit;
  while (left > 0) {
    const auto body = client->text("GET", "/api/v1/records" + query_text({{"q", from.query()}, {"cursor", cursor},
                                                                          {"limit", std::to_string(std::min(left, content ? 200 : 1000))}, {"content", content ? "true" : ""}}));
    if (!body) return complain(body.error());
    const auto rows = raw_rows(*body);
    for (const auto row : rows) {
      if (content) fmt::print(stdout, "{}\n", row);
      else out.add(cells_of(json::parse(row)));
    }
    left -= static_cast<int>(rows.size());
    cursor = std::string(json::parse(*body).at("next").as_string());
    if (cursor.empty()) break;
  }
  if (!content) fmt::print(stdout, "{}", out.empty() ? "nothing matches" + not_searchable_yet(*client) + "\n" : out.text(in.terminal));
  if (!cursor.empty() && !in.json) fmt::print(stderr, "more: --cursor {}\n", cursor);
  return done;
}

int tail(const context& in, const ledger_options& from) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  std::string after;
  const bool content = in.json || from.content;
  for (std::uint64_t seen = 0; from.most == 0 || seen < from.most;) {
    const auto body = client->text("GET", "/api/v1/records/follow" + query_text({{"q", from.query()}, {"after", after}, {"content", content ? "true" : ""}}));
    if (!body) return complain(body.error());
    for (const auto row : raw_rows(*body)) {
      if (content) fmt::print(stdout, "{}\n", row);
      else fmt::print(stdout, "{}\n", clean(fmt::format("{}", fmt::join(cells_of(json::parse(row)), "  "))));
      if (++seen == from.most) break;
    }
    std::fflush(stdout);
    after = json::serialize(json::parse(*body).at("next"));
  }
  return done;
}

int show(const context& in, const ledger_options& from) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto body = client->text("GET", "/api/v1/records/" + percent_encode(from.id));
  if (!body) return complain(body.error());
  if (in.json) return fmt::print(stdout, "{}\n", *body), done;
  fmt::print(stdout, "{}", record_text(json::parse(*body)));
  return done;
}

command add(command ledger, context& in, const char* name, const char* about, std::function<int()> run) {
  auto verb = add_common(ledger.add_verb(name, about), in);
  verb.callback([&in, run = std::move(run)] { in.chosen = run; });
  return verb;
}

void add_query(command verb, ledger_options& options) {
  verb.add_option("query", options.words, "Filter: model:gpt-4o status>=500 cost>0.01 since:1h words \"a phrase\" (see: andon reference filter; put -- before a leading -)");
}

}  // namespace

void add_ledger_verbs(command root, context& in) {
  auto ledger = root.add_verb("ledger", "Search, follow, export, verify and replay recorded calls; rotate keys");
  ledger.needs_verb();
  auto options = std::make_shared<ledger_options>();
  auto found = add(ledger, in, "search", "Find calls, newest first", [&in, options] { return search(in, *options); });
  add_query(found, *options);
  found.add_option("--limit", options->limit, "At most so many").show_default().between(1, 10'000'000);
  found.add_option("--cursor", options->cursor, "Go on where a search ended");
  found.add_flag("--content", options->content, "Whole Records with prompts and replies, as JSON lines");
  auto tailed = add(ledger, in, "tail", "Show calls as they come", [&in, options] { return tail(in, *options); });
  add_query(tailed, *options);
  tailed.add_option("--max", options->most, "End after so many");
  tailed.add_flag("--content", options->content, "Whole Records, as JSON lines");
  auto shown = add(ledger, in, "show", "Show one call: times, attempts, cost, what was said; whole with --json", [&in, options] { return show(in, *options); });
  shown.add_option("id", options->id, "As in the reply's x-andon-request-id").required();
  auto written = add(ledger, in, "export", "Write whole Records as JSON lines", [&in, options] { return export_records(in, options->query(), options->file, options->most); });
  add_query(written, *options);
  written.add_option("-o,--output", options->file, "File; without it standard output");
  written.add_option("--max", options->most, "End after so many");
  auto verified = add(ledger, in, "verify", "Read and check every byte of the journal; works with and without a running gateway",
                       [&in, options] { return verify_ledger(in, options->offline, options->encryption_key); });
  verified.add_flag("--offline", options->offline, "Read the files even if a gateway runs");
  verified.add_option("--encryption-key", options->encryption_key, "Master key of an encrypted ledger when offline: file:PATH or ${NAME}");
  add_replay_verb(ledger, in);
  add_rotate_key_verb(ledger, in);
}

}  // namespace andon::app::cli
