#include "andon/app/cli/run_cli.hpp"

#include <unistd.h>

#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/reference.hpp"

namespace andon::app {
namespace {

void add_serve(cli::command root, cli::context& in, const verbs& with) {
  auto verb = root.add_verb("serve", "Run the gateway until it is told to stop (SIGTERM, or andon drain)");
  auto options = std::make_shared<serve_options>();
  verb.add_option("--config", options->config, "Configuration file (YAML); without it embedded defaults serve");
  verb.add_option("--data", options->data, "Directory for the ledger, keys and tokens").show_default();
  verb.add_option("--gateway", options->gateway, "host:port for clients, over the configuration's");
  verb.add_option("--admin", options->admin, "host:port for administration, over the configuration's");
  verb.add_flag("--supervised", options->supervised, "A supervisor starts the gateway again when it dies, so that a drill may kill it; under systemd this is seen");
  verb.callback([options, &in, &with] { in.chosen = [options, &with] { return with.serve(*options); }; });
}

void add_sim(cli::command root, cli::context& in, const verbs& with) {
  auto verb = root.add_verb("sim", "Run the simulated provider alone");
  auto options = std::make_shared<sim_options>();
  verb.add_option("--host", options->host, "Address to listen on").show_default();
  verb.add_option("--port", options->port, "Port; 0 takes a free one").show_default();
  verb.add_option("--script", options->script, "Script of latencies, faults and replies");
  verb.add_option("--address-file", options->address_file, "host:port is written here once it listens");
  verb.callback([options, &in, &with] { in.chosen = [options, &with] { return with.sim(*options); }; });
}

void add_check(cli::command root, cli::context& in, const verbs& with) {
  auto verb = root.add_verb("check", "Check a configuration file: 0 when it can be served, 2 with every complaint");
  auto file = std::make_shared<std::string>();
  verb.add_option("file,--config", *file, "Configuration file; without it the embedded defaults");
  verb.callback([file, &in, &with] { in.chosen = [file, &with] { return with.check(*file); }; });
}

}  // namespace

void cli::build(command root, context& in, const verbs& with) {
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
  cli::command_line line("andon", "Andon: an LLM gateway with a durable, searchable ledger of every call", std::string("andon ") + ANDON_VERSION);
  cli::build(line.root(), in, with);
  if (const auto ended = line.parse(argc, argv)) return *ended;
  return in.chosen ? in.chosen() : cli::wrong_usage;
}

}  // namespace andon::app
