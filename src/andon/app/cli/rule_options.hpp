#pragma once
// Limits and budgets as options of `key create` and `project create`, and the body that the admin API takes.
#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "andon/app/cli/cli_context.hpp"

namespace andon::app::cli {

struct rule_options {
  std::string requests, tokens, parallel, daily, weekly, monthly;
  std::vector<std::string> models, tags;
};

void add_rule_options(command verb, rule_options& into);
/// Puts limits, budgets, models and tags into `body`. errc::invalid_argument for numbers that are none.
result<void> put_rules(const rule_options& from, boost::json::object& body);

}  // namespace andon::app::cli
