#include <fmt/format.h>

#include <exception>

#include "andon/app/cli/run_cli.hpp"

int main(int argc, char** argv) try {
  return andon::app::run_cli(argc, argv);
} catch (const std::exception& bug) {
  fmt::print(stderr, "andon: {}\n", bug.what());
  return 1;
}
