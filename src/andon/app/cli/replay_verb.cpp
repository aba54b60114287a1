#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/replay.hpp"
#include "andon/app/cli/table.hpp"
#include "andon/app/serve/configuration.hpp"
#include "andon/base/money.hpp"
#include "andon/net/url.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

struct replay_options {
  std::string id, query, to, key;
  int limit = 100;
  bool yes = false;
};

result<json::array> recorded(const admin_client& client, const replay_options& from) {
  if (!from.id.empty()) {
    auto one = client.call("GET", "/api/v1/records/" + percent_encode(from.id));
    if (!one) return std::unexpected(one.error());
    return json::array{std::move(*one)};
  }
  json::array out;
  std::string cursor;
  do {
    const auto page = client.call("GET", "/api/v1/records" + query_text({{"q", from.query}, {"content", "true"}, {"cursor", cursor}, {"limit", std::to_string(std::min(200, from.limit))}}));
    if (!page) return std::unexpected(page.error());
    for (const auto& row : page->at("data").as_array())
      if (std::cmp_less(out.size(), from.limit)) out.push_back(row);
    cursor = std::string(page->at("next").as_string());
  } while (!cursor.empty() && std::cmp_less(out.size(), from.limit));
  return out;
}

/// Where to, and the path that the address itself has (`/v1` is part of recorded paths).
result<net::endpoint> destination(const context& in, const replay_options& from) {
  auto where = from.to;
  if (where.empty()) {
    const auto gateway = read_line_of(in.data, "gateway-address");
    if (!gateway) return fail(errc::unavailable, fmt::format("no gateway is running on this data directory ({}): start one with andon serve, or name one with --to", in.data));
    where = gateway->starts_with("https://") ? *gateway : "http://" + *gateway;
  }
  auto url = net::parse_base_url(where);
  if (!url) return std::unexpected(url.error());
  url->to.verify = !from.to.empty();   // the data directory's own gateway is trusted, whatever name its certificate has
  return url->to;
}

/// False, with a line that says why, when more than one call would be sent without --yes.
bool agreed(const json::array& calls, const replay_options& from) {
  if (calls.size() <= 1 || from.yes) return true;
  nano_usd cost;
  for (const auto& one : calls)
    if (const auto amount = parse_usd(cell(one, "cost_usd"))) cost += *amount;
  fmt::print(stderr, "andon: {} calls would be sent again; they cost ${} when they were recorded. Add --yes to send them.\n", calls.size(), format_usd(cost));
  return false;
}

int replay(const context& in, const replay_options& from) {
  if (from.id.empty() == from.query.empty()) return complain({errc::invalid_argument, "give one Record's id, or --query for several"});
  const auto key = from.key.empty() ? environment_variable("ANDON_API_KEY").value_or("") : from.key;
  if (key.empty()) return complain({errc::invalid_argument, "a key to call with is needed: --key or the environment's ANDON_API_KEY"});
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto calls = recorded(*client, from);
  if (!calls) return complain(calls.error());
  const auto to = destination(in, from);
  if (!to) return complain(to.error());
  if (!agreed(*calls, from)) return wrong_usage;
  std::uint64_t same = 0, different = 0, skipped = 0;
  for (const auto& call : *calls) {
    const auto outcome = replay_one(call, *to, key);
    same += outcome.kind == replay_kind::same ? 1 : 0;
    different += outcome.kind == replay_kind::different ? 1 : 0;
    skipped += outcome.kind == replay_kind::skipped ? 1 : 0;
    if (in.json) fmt::print(stdout, "{}\n", json::serialize(json::object{{"id", cell(call, "id")}, {"result", to_string(outcome.kind)}, {"differences", json::value_from(outcome.differences)}}));
    else if (outcome.kind != replay_kind::same) fmt::print(stdout, "{}  {}: {}\n", cell(call, "id"), to_string(outcome.kind), clean(fmt::format("{}", fmt::join(outcome.differences, "; ")), 500));
  }
  fmt::print(stderr, "{} the same, {} different, {} skipped\n", same, different, skipped);
  return different == 0 && skipped == 0 ? done : failed;
}

}  // namespace

void add_replay_verb(command ledger, context& in) {
  auto options = std::make_shared<replay_options>();
  auto verb = add_common(ledger.add_verb("replay", "Send recorded calls again and say how the replies differ"), in);
  verb.add_option("id", options->id, "One Record");
  verb.add_option("--query", options->query, "All Records that match");
  verb.add_option("--limit", options->limit, "At most so many").show_default().between(1, 100'000);
  verb.add_option("--to", options->to, "Gateway to send to (http://host:port); default: the running one");
  verb.add_option("--key", options->key, "Key to call with; default: the environment's ANDON_API_KEY");
  verb.add_flag("--yes", options->yes, "Send more than one call without asking");
  verb.callback([&in, options] { in.chosen = [&in, options] { return replay(in, *options); }; });
}

}  // namespace andon::app::cli
