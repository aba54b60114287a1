#include "andon/app/cli/run_cli.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/reference.hpp"
#include "andon/app/config/diagnostics.hpp"

namespace andon::app {
namespace {

void add_serve(CLI::App& root, cli::context& in, const verbs& with) {
  auto* verb = root.add_subcommand("serve", "Run the gateway until it is told to stop (SIGTERM, or andon drain)");
  auto options = std::make_shared<serve_options>();
  verb->add_option("--config", options->config, "Configuration file (YAML); without it embedded defaults serve");
  verb->add_option("--data", options->data, "Directory for the ledger, keys and tokens")->capture_default_str();
  verb->add_option("--gateway", options->gateway, "host:port for clients, over the configuration's");
  verb->add_option("--admin", options->admin, "host:port for administration, over the configuration's");
  verb->add_flag("--supervised", options->supervised, "A supervisor starts the gateway again when it dies, so that a drill may kill it; under systemd this is seen");
  verb->callback([options, &in, &with] { in.chosen = [options, &with] { return with.serve(*options); }; });
}

void add_sim(CLI::App& root, cli::context& in, const verbs& with) {
  auto* verb = root.add_subcommand("sim", "Run the simulated provider alone");
  auto options = std::make_shared<sim_options>();
  verb->add_option("--host", options->host, "Address to listen on")->capture_default_str();
  verb->add_option("--port", options->port, "Port; 0 takes a free one")->capture_default_str();
  verb->add_option("--script", options->script, "Script of latencies, faults and replies");
  verb->add_option("--address-file", options->address_file, "host:port is written here once it listens");
  verb->callback([options, &in, &with] { in.chosen = [options, &with] { return with.sim(*options); }; });
}

void add_check(CLI::App& root, cli::context& in, const verbs& with) {
  auto* verb = root.add_subcommand("check", "Check a configuration file: 0 when it can be served, 2 with every complaint");
  auto file = std::make_shared<std::string>();
  verb->add_option("file", *file, "Configuration file; without it the embedded defaults");
  verb->callback([file, &in, &with] { in.chosen = [file, &with] { return with.check(*file); }; });
}

std::string full_name(const CLI::App& of) { return of.get_parent() == nullptr ? of.get_name() : full_name(*of.get_parent()) + " " + of.get_name(); }

/// Every name that may stand behind the verb: of verbs, or with `options` of options.
std::vector<std::string> names_within(const CLI::App& of, bool options) {
  std::vector<std::string> out;
  if (!options)
    for (const auto* one : of.get_subcommands([](const CLI::App*) { return true; })) out.push_back(one->get_name());
  else
    for (const auto* one : of.get_options())
      for (const auto& name : one->get_lnames()) out.push_back("--" + name);
  return out;
}

/// What is said of a word that no verb or option knows; empty when there is no such word.
std::string unknown_word(const CLI::App& root) {
  const auto left = root.remaining(true);
  if (left.empty()) return {};
  const auto* at = &root;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  const auto word = left.front().substr(0, left.front().find('='));
  const bool option = word.starts_with('-');
  const auto names = names_within(*at, option);
  const auto close = nearest(word, names);
  const auto what = option ? "option" : names.empty() ? "argument" : "verb";
  return fmt::format("{} has no {} '{}'{}; `{} --help` tells what it takes\n", full_name(*at), what, word, close.empty() ? "" : fmt::format(", did you mean '{}'?", close), full_name(*at));
}

}  // namespace

void cli::build(CLI::App& root, context& in, const verbs& with) {
  root.description("Andon: an LLM gateway with a durable, searchable ledger of every call");
  root.require_subcommand(1);
  root.set_version_flag("--version", std::string("andon ") + ANDON_VERSION);
  root.get_formatter()->column_width(34);
  add_serve(root, in, with);
  add_check(root, in, with);
  add_sim(root, in, with);
  add_status_verbs(root, in);
  add_key_verbs(root, in);
  add_project_verbs(root, in);
  add_ledger_verbs(root, in);
  add_audit_verb(root, in);
  add_objective_verbs(root, in);
  add_pack_verbs(root, in);
  add_business_verbs(root, in);
  add_decision_verbs(root, in);
  add_feedback_verbs(root, in);
  add_alert_verbs(root, in);
  add_oncall_verbs(root, in);
  add_report_verbs(root, in);
  add_drill_verbs(root, in);
  add_backup_verbs(root, in);
  add_reference_verbs(root, in);
}

int run_cli(int argc, char** argv, const verbs& with) {
  cli::context in;
  in.terminal = isatty(STDOUT_FILENO) == 1;
  CLI::App root("", "andon");
  cli::build(root, in, with);
  try {
    root.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return root.exit(asked);  // --help, --version
  } catch (const CLI::ParseError& wrong) {
    if (const auto unknown = unknown_word(root); !unknown.empty()) fmt::print(stderr, "{}", unknown);
    else root.exit(wrong);
    return cli::wrong_usage;
  }
  return in.chosen ? in.chosen() : cli::wrong_usage;
}

}  // namespace andon::app
