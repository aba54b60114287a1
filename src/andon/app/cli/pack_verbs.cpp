#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/table.hpp"
#include "andon/app/config/packs.hpp"
#include "andon/slo/grafana_dashboard.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

template <class All>
std::vector<std::string> names_of(const All& all) {
  std::vector<std::string> out;
  for (const auto& one : all) out.emplace_back(one.name);
  return out;
}

template <class All>
int list(const context& in, const All& all, const char* header) {
  table out({header, "WHAT"});
  for (const auto& one : all) {
    if (in.json) fmt::print(stdout, "{}\n", json::serialize(json::object{{"name", one.name}, {"title", one.title}}));
    else out.add({std::string(one.name), std::string(one.title)});
  }
  if (!in.json) fmt::print(stdout, "{}", out.text(in.terminal));
  return done;
}

/// `list` and, by name, one of them.
template <class All, class Print>
void add_named(command root, context& in, const char* verb, const char* about, const char* shown, const char* header, const All& all, Print print) {
  auto made = root.add_verb(verb, about);
  made.needs_verb();
  auto every = made.add_verb("list", "All of them");
  every.add_flag("--json", in.json, "For machines: one JSON object a line");
  every.callback([&in, &all, header] { in.chosen = [&in, &all, header] { return list(in, all, header); }; });
  auto one = made.add_verb(shown, "Print one");
  auto name = std::make_shared<std::string>();
  one.add_option("name", *name, "Which").required().one_of(names_of(all));
  one.callback([&in, &all, name, print] {
    in.chosen = [&all, name, print] {
      fmt::print(stdout, "{}", print(*std::ranges::find(all, *name, [](const auto& of) { return of.name; })));
      return done;
    };
  });
}

}  // namespace

void add_pack_verbs(command root, context& in) {
  static const auto packs = pack_table();
  static const auto dashboards = slo::dashboard_table();
  add_named(root, in, "pack", "Objectives and alert rules that ship with Andon, for the setting `packs`", "show", "PACK", packs, [](const pack& of) { return of.text; });
  add_named(root, in, "dashboard", "Dashboards for Grafana over Andon's /metrics", "export", "DASHBOARD", dashboards,
            [](const slo::dashboard_about& of) { return slo::grafana_dashboard(of); });
}

}  // namespace andon::app::cli
