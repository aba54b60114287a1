#include "andon/app/cli/reference.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/app/config/settings.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;
using shape = setting_doc::shape;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

void append_settings(std::string& out, const std::vector<setting_doc>& docs, const std::string& path) {
  for (const auto& one : docs) {
    const bool named = one.form == shape::table;
    const auto full = path + one.name;
    std::string type = one.type;
    if (!one.choices.empty()) type = fmt::format("one of: {}", fmt::join(one.choices, ", "));
    out += fmt::format("| `{}` | {} | {} | {} | {}{} |\n", named ? full + ".NAME" : full, escaped(type), one.initial.empty() ? "" : "`" + one.initial + "`",
                       escaped(one.bounds), escaped(one.doc), one.required ? " **Required.**" : "");
    append_settings(out, one.inside, full + (named ? ".NAME." : one.form == shape::list ? "[]." : "."));
  }
}

json::object object_schema(const std::vector<setting_doc>& docs);

json::object scalar_schema(const setting_doc& one) {
  json::object out;
  if (one.json_type == "boolean") out["type"] = "boolean";
  else if (one.json_type == "count" || one.json_type == "number") out["type"] = json::array{"integer", "number", "string"};
  else out["type"] = json::array{"string", "number"};
  if (!one.choices.empty()) {
    out["type"] = "string";
    out["enum"] = json::value_from(one.choices);
  }
  return out;
}

json::object setting_schema(const setting_doc& one) {
  json::object out;
  if (one.form == shape::group) {
    out = object_schema(one.inside);
  } else if (one.form == shape::table) {
    out["type"] = "object";
    out["additionalProperties"] = object_schema(one.inside);
  } else if (one.form == shape::list) {
    out["type"] = "array";
    json::object item = one.json_type == "groups" ? json::object{{"type", "object"}} : scalar_schema(one);
    if (!one.inside.empty()) item = json::object{{"anyOf", json::array{json::object{{"type", "string"}}, object_schema(one.inside)}}};
    out["items"] = std::move(item);
  } else if (one.json_type == "map") {
    out["type"] = "object";
    out["additionalProperties"] = json::object{{"type", json::array{"string", "number"}}};
  } else {
    out = scalar_schema(one);
  }
  out["description"] = one.bounds.empty() ? one.doc : fmt::format("{} ({})", one.doc, one.bounds);
  if (!one.initial.empty()) out["default"] = one.initial;
  return out;
}

json::object object_schema(const std::vector<setting_doc>& docs) {
  json::object properties;
  json::array required;
  for (const auto& one : docs) {
    properties[one.name] = setting_schema(one);
    if (one.required) required.emplace_back(one.name);
  }
  json::object out{{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
  if (!required.empty()) out["required"] = std::move(required);
  return out;
}

void append_verb(std::string& out, const command& verb, const std::string& name) {
  const auto inside = verb.verbs();
  if (inside.empty()) {
    std::string usage = name, rows;
    for (const auto& one : verb.options()) {
      if (one.place) usage += one.required ? fmt::format(" {}", one.label) : fmt::format(" [{}]", one.label);
      rows += fmt::format("| `{}` | {}.{}{} |\n", one.label, escaped(one.what), one.required ? " **Required.**" : "",
                          one.initial.empty() ? "" : fmt::format(" Default: `{}`.", one.initial));
    }
    out += fmt::format("## {}\n\n{}.\n\n", usage, verb.about());
    if (!rows.empty()) out += "| option | what |\n| --- | --- |\n" + rows + "\n";
  }
  for (const auto& one : inside) append_verb(out, one, name + " " + one.name());
}

}  // namespace

std::string settings_page() {
  std::string out = "# Settings\n\nEvery setting of the configuration file, as `andon check` reads it. `NAME` stands for a name of your own. Secrets are written as "
                    "`${NAME}` (environment) or `file:PATH`.\n\n| setting | type | default | bounds | what it does |\n| --- | --- | --- | --- | --- |\n";
  append_settings(out, settings_schema().docs(), "");
  return out;
}

std::string settings_json_schema() {
  auto schema = object_schema(settings_schema().docs());
  json::object out{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "Andon's configuration file"}};
  for (auto& [name, value] : schema) out[name] = std::move(value);
  return json::serialize(out);
}

std::string errors_page() {
  std::string out = "# Errors\n\nWhat the gateway answers, logs and records. `name` is the outcome in Records, metrics, logs, filters (`outcome:NAME`) and on the command "
                    "line; of a call without an error it is `none`. Where a call has no error, the command line says instead what its Record says elsewhere: "
                    "`interrupted` (`interrupted:true`), `cut` (`delivered:cut`), or `open` while it has no status. `type` and `code` are what a client reads "
                    "in `error`.\n\n| name | origin | status | type | code | retry | meaning |\n| --- | --- | --- | --- | --- | --- | --- |\n";
  for (const auto& one : error_table())
    if (one.code != errc::none)
      out += fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", one.name, to_string(one.from), one.http_status, one.wire_type, one.wire_code,
                         one.client_may_retry ? "yes" : "no", escaped(one.meaning));
  return out;
}

std::string cli_page(const command& root) {
  std::string out = "# Command line\n\nExit codes: 0 done, 1 the operation failed, 2 wrong usage. Verbs that talk to a running gateway find it by its data directory "
                    "(`--data`).\n\n";
  append_verb(out, root, "andon");
  return out;
}

}  // namespace andon::app::cli
