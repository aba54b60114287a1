#include <fmt/format.h>

#include <algorithm>

#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/table.hpp"

namespace andon::app::cli {

int complain(const error& why) {
  for (std::size_t from = 0; from <= why.message.size();) {  // complaints of a configuration are a line each
    const auto end = std::min(why.message.find('\n', from), why.message.size());
    fmt::print(stderr, "andon: {}\n", clean(std::string_view(why.message).substr(from, end - from), 2000));
    from = end + 1;
  }
  return why.code == errc::invalid_argument || why.code == errc::bad_json ? wrong_usage : failed;
}

command add_common(command verb, context& in) {
  verb.add_option("--data", in.data, "Data directory of the running gateway").show_default();
  verb.add_flag("--json", in.json, "For machines: one JSON object a line");
  return verb;
}

}  // namespace andon::app::cli
