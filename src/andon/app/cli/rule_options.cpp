#include "andon/app/cli/rule_options.hpp"

#include <boost/json.hpp>

#include "andon/app/config/value.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

result<void> put_count(json::object& into, std::string_view name, const std::string& text, std::string_view option) {
  if (text.empty()) return {};
  const auto count = value_codec<std::int64_t>::read(text);
  if (!count || *count < 0) return fail(errc::invalid_argument, std::string(option) + " must be a count such as 600 or 200k, not '" + text + "'");
  into[name] = *count;
  return {};
}

json::array list(const std::vector<std::string>& from) {
  json::array out;
  for (const auto& one : from) out.emplace_back(one);
  return out;
}

}  // namespace

void add_rule_options(command verb, rule_options& into) {
  verb.add_option("--rpm", into.requests, "Requests a minute (600, 5k)");
  verb.add_option("--tpm", into.tokens, "Tokens a minute (200k)");
  verb.add_option("--parallel", into.parallel, "Calls at once");
  verb.add_option("--daily", into.daily, "Budget a day, in dollars");
  verb.add_option("--weekly", into.weekly, "Budget a week, in dollars");
  verb.add_option("--monthly", into.monthly, "Budget a month, in dollars");
  verb.add_option("--models", into.models, "Models that may be called (default: all)").split_at(',');
  verb.add_option("--tags", into.tags, "Tags added to every call").split_at(',');
}

result<void> put_rules(const rule_options& from, json::object& body) {
  json::object limits, budgets;
  for (auto put : {put_count(limits, "requests_per_minute", from.requests, "--rpm"), put_count(limits, "tokens_per_minute", from.tokens, "--tpm"),
                    put_count(limits, "parallel", from.parallel, "--parallel")})
    if (!put) return put;
  if (!from.daily.empty()) budgets["daily"] = from.daily;
  if (!from.weekly.empty()) budgets["weekly"] = from.weekly;
  if (!from.monthly.empty()) budgets["monthly"] = from.monthly;
  if (!limits.empty()) body["limits"] = std::move(limits);
  if (!budgets.empty()) body["budgets"] = std::move(budgets);
  if (!from.models.empty()) body["models"] = list(from.models);
  if (!from.tags.empty()) body["tags"] = list(from.tags);
  return {};
}

}  // namespace andon::app::cli
