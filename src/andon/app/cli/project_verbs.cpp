#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/rule_options.hpp"
#include "andon/app/cli/table.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

struct project_options {
  std::string id, title;
  rule_options rules;
};

int print_one(const context& in, const json::value& project) {
  if (in.json) return fmt::print(stdout, "{}\n", json::serialize(project)), done;
  for (const auto& [name, value] : project.as_object())
    fmt::print(stdout, "{:<14} {}\n", std::string(name), clean(value.is_structured() ? json::serialize(value) : cell(project, name)));
  return done;
}

int create(const context& in, const project_options& from) {
  json::object body{{"id", from.id}, {"title", from.title}};
  if (auto put = put_rules(from.rules, body); !put) return complain(put.error());
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto made = client->call("POST", "/api/v1/projects", json::serialize(body));
  if (!made) return complain(made.error());
  if (in.json) return print_one(in, *made);
  fmt::print(stdout, "created project {}\n", from.id);
  return done;
}

int list(const context& in) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("GET", "/api/v1/projects");
  if (!got) return complain(got.error());
  table out({"ID", "TITLE", "STATE", "MODELS", "TIME ZONE"});
  for (const auto& one : got->at("data").as_array()) {
    if (in.json) fmt::print(stdout, "{}\n", json::serialize(one));
    const auto models = cell(one, "models");
    out.add({cell(one, "id"), cell(one, "title"), cell(one, "blocked") == "true" ? "blocked" : "good", models == "-" ? "all" : models, cell(one, "time_zone")});
  }
  if (!in.json) fmt::print(stdout, "{}", out.text(in.terminal));
  return done;
}

int one(const context& in, const project_options& from, std::string_view method) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call(method, "/api/v1/projects/" + percent_encode(from.id));
  if (!got) return complain(got.error());
  if (method == "GET" || in.json) return print_one(in, *got);
  fmt::print(stdout, "deleted project {}\n", from.id);
  return done;
}

}  // namespace

void add_project_verbs(command root, context& in) {
  auto projects = root.add_verb("project", "Create, list and delete projects");
  projects.needs_verb();
  auto options = std::make_shared<project_options>();
  auto made = add_common(projects.add_verb("create", "Create a project"), in);
  made.add_option("id", options->id, "Letters, digits, '-', '_', '.'").required();
  made.add_option("--title", options->title, "For people");
  add_rule_options(made, options->rules);
  made.callback([&in, options] { in.chosen = [&in, options] { return create(in, *options); }; });
  add_common(projects.add_verb("list", "List projects"), in).callback([&in] { in.chosen = [&in] { return list(in); }; });
  auto shown = add_common(projects.add_verb("show", "Show one project's settings"), in);
  shown.add_option("id", options->id, "The project").required();
  shown.callback([&in, options] { in.chosen = [&in, options] { return one(in, *options, "GET"); }; });
  auto gone = add_common(projects.add_verb("delete", "Delete a project that has no keys"), in);
  gone.add_option("id", options->id, "The project").required();
  gone.callback([&in, options] { in.chosen = [&in, options] { return one(in, *options, "DELETE"); }; });
}

}  // namespace andon::app::cli
