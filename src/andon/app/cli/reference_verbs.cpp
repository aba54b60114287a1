#include <fmt/format.h>

#include "andon/admin/route_table.hpp"
#include "andon/app/cli/reference.hpp"
#include "andon/ledger/filter.hpp"

namespace andon::app::cli {
namespace {

int print(const std::string& text) {
  if (text.empty()) return failed;
  fmt::print(stdout, "{}{}", text, text.ends_with('\n') ? "" : "\n");
  return done;
}

int print_reference(const command& root, const std::string& what) {
  if (what == "settings") return print(settings_page());
  if (what == "schema") return print(settings_json_schema());
  if (what == "errors") return print(errors_page());
  if (what == "cli") return print(cli_page(root));
  if (what == "filter") return print(ledger::filter_reference());
  return print(admin::paths_markdown());
}

}  // namespace

void add_reference_verbs(command root, context& in) {
  auto reference = root.add_verb("reference", "Print a generated reference page");
  auto what = std::make_shared<std::string>();
  reference.add_option("page", *what, "Which page").required().one_of({"settings", "schema", "errors", "cli", "filter", "admin"});
  reference.callback([root, &in, what] { in.chosen = [root, what] { return print_reference(root, *what); }; });

  auto completion = root.add_verb("completion", "Print a shell's completion script: source <(andon completion bash)");
  auto shell = std::make_shared<std::string>();
  completion.add_option("shell", *shell, "Which shell").required().one_of({"bash", "zsh", "fish"});
  completion.callback([root, &in, shell] { in.chosen = [root, shell] { return print(completion_script(root, *shell)); }; });

  auto version = root.add_verb("version", "Print the version");
  version.callback([&in] { in.chosen = [] { return print(std::string("andon ") + ANDON_VERSION); }; });
}

}  // namespace andon::app::cli
