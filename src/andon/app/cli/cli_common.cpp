#include <fmt/format.h>

#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/table.hpp"

namespace andon::app::cli {

int complain(const error& why) {
  std::string line = clean(why.message, 2000);
  fmt::print(stderr, "andon: {}\n", line);
  return why.code == errc::invalid_argument || why.code == errc::bad_json ? wrong_usage : failed;
}

CLI::App& add_common(CLI::App& verb, context& in) {
  verb.add_option("--data", in.data, "Data directory of the running gateway")->capture_default_str();
  verb.add_flag("--json", in.json, "For machines: one JSON object a line");
  return verb;
}

}  // namespace andon::app::cli
