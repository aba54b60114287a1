#pragma once
// The command line: verbs, their options, their help. Exit codes: 0 done, 1 the operation failed, 2 wrong usage.
#include <functional>
#include <memory>
#include <string>

#include "andon/app/serve/serve.hpp"

namespace CLI { class App; }

namespace andon::app {

/// The long-running verbs, so that tests put their own in.
struct verbs {
  std::function<int(const serve_options&)> serve = app::serve;
  std::function<int(const sim_options&)> sim = app::run_sim;
  std::function<int(const std::string&)> check = app::check_file;
};

/// Parses and runs. Prints to standard output and standard error.
int run_cli(int argc, char** argv, const verbs& with = {});

}  // namespace andon::app
