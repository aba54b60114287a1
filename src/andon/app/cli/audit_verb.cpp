#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/table.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

constexpr std::uint64_t page = 200;

struct audit_options {
  std::string since, until, project, key, target;
  bool refused = false;
  std::uint64_t limit = 50;
};

void add_row(table& out, const json::value& act) {
  const auto* before = act.as_object().if_contains("before");
  const auto* after = act.as_object().if_contains("after");
  const auto part = [](const json::value* from) { return from == nullptr || from->is_null() ? std::string("-") : json::serialize(*from); };
  const auto reason = cell(act, "reason");
  out.add({cell(act, "time"), cell(act, "key"), cell(act, "role"), cell(act, "peer"), cell(act, "action"), cell(act, "target"), cell(act, "outcome"),
           clean(reason == "-" ? part(before) + " -> " + part(after) : reason, 80)});
}

/// Pages until enough acts are there or no more are.
int audit(const context& in, const audit_options& from) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  table out({"TIME", "KEY", "ROLE", "FROM", "ACTION", "TARGET", "OUTCOME", "CHANGE OR REASON"});
  std::string cursor;
  for (auto left = from.limit; left > 0;) {
    const auto wanted = std::min(left, page);
    const auto got = client->call("GET", "/api/v1/audit" + query_text({{"since", from.since}, {"until", from.until}, {"project", from.project}, {"key", from.key},
                                                                        {"target", from.target}, {"refused", from.refused ? "true" : ""},
                                                                        {"limit", std::to_string(wanted)}, {"cursor", cursor}}));
    if (!got) return complain(got.error());
    const auto& acts = got->at("data").as_array();
    for (const auto& one : acts) {
      if (in.json) fmt::print(stdout, "{}\n", json::serialize(one));
      else add_row(out, one);
    }
    left -= std::min<std::uint64_t>(left, acts.size());
    const auto& next = got->at("next");
    if (!next.is_string() || acts.empty()) break;
    cursor = next.as_string();
  }
  if (!in.json) fmt::print(stdout, "{}", out.text(in.terminal));
  return done;
}

}  // namespace

void add_audit_verb(command root, context& in) {
  auto options = std::make_shared<audit_options>();
  auto verb = add_common(root.add_verb("audit", "Who changed what, when, from where, and how it ended; refused acts too"), in);
  verb.add_option("--since", options->since, "A time, or how long ago (24h)");
  verb.add_option("--until", options->until, "A time, or how long ago");
  verb.add_option("--project", options->project, "Acts that concerned this project");
  verb.add_option("--key", options->key, "Acts of this key (key_...)");
  verb.add_option("--target", options->target, "Acts on this, such as 'key key_...' or 'project shop'");
  verb.add_flag("--refused", options->refused, "Only what did not succeed");
  verb.add_option("--limit", options->limit, "Most acts, newest first").show_default();
  verb.callback([&in, options] { in.chosen = [&in, options] { return audit(in, *options); }; });
}

}  // namespace andon::app::cli
