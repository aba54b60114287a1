#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/rule_options.hpp"
#include "andon/app/cli/table.hpp"
#include "andon/base/clock.hpp"
#include "andon/base/time_text.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

struct key_options {
  std::string id, name, project, role, expires, overlap;
  rule_options rules;
};

/// A time, a date, or a span from now.
result<std::string> expiry(const std::string& text) {
  if (parse_rfc3339(text)) return format_rfc3339(*parse_rfc3339(text));
  const system_clock time;
  if (const auto span = parse_duration(text)) return format_rfc3339(time.wall() + *span);
  return fail(errc::invalid_argument, "--expires must be a date (2027-01-31), a time or a span from now (90d), not '" + text + "'");
}

/// `chosen`: the project was named by the caller.
int show_secret(const context& in, const json::value& made, bool chosen) {
  if (in.json) {
    fmt::print(stdout, "{}\n", json::serialize(json::object{{"id", made.at("id")}, {"key", made.at("key")}}));
  } else {
    fmt::print(stdout, "{}\n", std::string(made.at("key").as_string()));
    const auto project = cell(made, "project");
    const auto where = project == "-" ? std::string("of no project") : "of project " + clean(project);
    fmt::print(stderr, "key {} ({}) {}{}. This is the only time it is shown.\n", cell(made, "id"), clean(cell(made, "name")), where,
               chosen ? "" : " (another: --project NAME)");
  }
  return done;
}

/// The project of a key when none is named: `default`, or the only one there is.
result<std::string> usual_project(const admin_client& client) {
  const auto all = client.call("GET", "/api/v1/projects");
  if (!all) return std::unexpected(all.error());
  std::string names, only;
  for (const auto& one : all->at("data").as_array()) {
    only = cell(one, "id");
    if (only == "default") return only;
    names += (names.empty() ? "" : ", ") + only;
  }
  if (!only.empty() && names == only) return only;
  return fail(errc::invalid_argument, names.empty() ? "there is no project yet: andon project create NAME" : "which project is the key for? --project NAME, one of " + names);
}

int create(const context& in, const key_options& from) {
  json::object body{{"name", from.name}};
  if (!from.role.empty()) body["role"] = from.role;
  if (!from.expires.empty()) {
    const auto at = expiry(from.expires);
    if (!at) return complain(at.error());
    body["expires"] = *at;
  }
  if (auto put = put_rules(from.rules, body); !put) return complain(put.error());
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  auto project = from.project;
  if (project.empty() && (from.role.empty() || from.role == "caller" || from.role == "developer")) {
    auto usual = usual_project(*client);
    if (!usual) return complain(usual.error());
    project = std::move(*usual);
  }
  if (!project.empty()) body["project"] = project;
  const auto made = client->call("POST", "/api/v1/keys", json::serialize(body));
  return made ? show_secret(in, *made, !from.project.empty()) : complain(made.error());
}

int list(const context& in, const key_options& from) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("GET", "/api/v1/keys" + query_text({{"project", from.project}}));
  if (!got) return complain(got.error());
  table out({"ID", "NAME", "PROJECT", "ROLE", "KEY", "STATE", "LAST USED", "EXPIRES"});
  for (const auto& one : got->at("data").as_array()) {
    if (in.json) fmt::print(stdout, "{}\n", json::serialize(one));
    out.add({cell(one, "id"), cell(one, "name"), cell(one, "project"), cell(one, "role"), cell(one, "hint"),
             cell(one, "blocked") == "true" ? "blocked" : "good", cell(one, "last_used"), cell(one, "expires")});
  }
  if (!in.json) fmt::print(stdout, "{}", out.text(in.terminal));
  return done;
}

int show(const context& in, const key_options& from) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("GET", "/api/v1/keys/" + percent_encode(from.id));
  if (!got) return complain(got.error());
  if (in.json) return fmt::print(stdout, "{}\n", json::serialize(*got)), done;
  for (const auto& [name, value] : got->as_object()) fmt::print(stdout, "{:<17} {}\n", std::string(name), clean(value.is_structured() ? json::serialize(value) : cell(*got, name)));
  return done;
}

int change(const context& in, const key_options& from, std::string_view method, std::string_view act, std::string_view said) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call(method, "/api/v1/keys/" + percent_encode(from.id) + std::string(act));
  if (!got) return complain(got.error());
  if (in.json) fmt::print(stdout, "{}\n", json::serialize(*got));
  else fmt::print(stdout, "{} {}\n", said, from.id);
  return done;
}

int rotate(const context& in, const key_options& from) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  json::object body;
  if (!from.overlap.empty()) body["overlap"] = from.overlap;
  const auto made = client->call("POST", "/api/v1/keys/" + percent_encode(from.id) + "/rotate", json::serialize(body));
  return made ? show_secret(in, *made, true) : complain(made.error());
}

command add_one(command keys, context& in, key_options& options, const char* name, const char* about, std::function<int()> run) {
  auto verb = add_common(keys.add_verb(name, about), in);
  verb.add_option("id", options.id, "The key's id (key_…)").required();
  verb.callback([&in, run = std::move(run)] { in.chosen = run; });
  return verb;
}

}  // namespace

void add_key_verbs(command root, context& in) {
  auto keys = root.add_verb("key", "Create, list, rotate, block and delete keys");
  keys.needs_verb();
  auto options = std::make_shared<key_options>();
  auto made = add_common(keys.add_verb("create", "Create a key; its text is printed once"), in);
  made.add_option("--name", options->name, "Name, unique in its project").required();
  made.add_option("--project", options->project, "Project that it belongs to (without it: default, or the only one)");
  made.add_option("--role", options->role, "What it may do (default caller)").one_of({"admin", "operator", "developer", "auditor", "caller"});
  made.add_option("--expires", options->expires, "End: a date, a time, or a span from now (90d)");
  add_rule_options(made, options->rules);
  made.callback([&in, options] { in.chosen = [&in, options] { return create(in, *options); }; });
  auto listed = add_common(keys.add_verb("list", "List keys; secrets are never shown"), in);
  listed.add_option("--project", options->project, "Only this project's");
  listed.callback([&in, options] { in.chosen = [&in, options] { return list(in, *options); }; });
  add_one(keys, in, *options, "show", "Show one key's settings", [&in, options] { return show(in, *options); });
  add_one(keys, in, *options, "rotate", "Give a key a new text", [&in, options] { return rotate(in, *options); })
      .add_option("--overlap", options->overlap, "How long the old text stays good (24h; default: ends at once)");
  add_one(keys, in, *options, "block", "Block a key at once", [&in, options] { return change(in, *options, "POST", "/block", "blocked"); });
  add_one(keys, in, *options, "unblock", "Let a blocked key work again", [&in, options] { return change(in, *options, "POST", "/unblock", "unblocked"); });
  add_one(keys, in, *options, "delete", "Delete a key", [&in, options] { return change(in, *options, "DELETE", "", "deleted"); });
}

}  // namespace andon::app::cli
