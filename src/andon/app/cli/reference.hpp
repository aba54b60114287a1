#pragma once
// Pages made from the program's own declarations, so that they cannot disagree with it.
#include <string>

#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/run_cli.hpp"

namespace andon::app::cli {

/// Puts every verb on `root`. `in` and `with` must outlive it.
void build(command root, context& in, const verbs& with);

std::string settings_page();                  ///< Markdown
std::string settings_json_schema();           ///< JSON Schema (draft 2020-12) of the configuration file
std::string errors_page();                    ///< Markdown
std::string cli_page(const command& root);   ///< Markdown
/// For bash, zsh or fish; empty for others.
std::string completion_script(const command& root, const std::string& shell);

}  // namespace andon::app::cli
