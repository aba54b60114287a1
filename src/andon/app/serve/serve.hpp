#pragma once
// The program's long-running verbs. Each returns its exit code.
#include <cstdint>
#include <optional>
#include <string>

namespace andon::app {

struct serve_options {
  std::string config;                     ///< empty: embedded defaults
  std::string data = "./andon-data";
  std::optional<std::string> gateway;     ///< host:port, over the configuration's
  std::optional<std::string> admin;
  bool supervised = false;                ///< something starts the gateway again when it dies
};
/// Runs the gateway until SIGTERM or SIGINT. 0: drained; 1: could not start; 2: the configuration is wrong.
int serve(const serve_options& options);

struct sim_options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string script;                     ///< empty: the built-in behaviour
  std::string address_file;               ///< host:port is written here once it listens
};
int run_sim(const sim_options& options);

/// `andon check`: 0 when the file can be served, 2 with every complaint on standard error.
int check_file(const std::string& path);

}  // namespace andon::app
