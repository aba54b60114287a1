#include <algorithm>
#include <array>

#include "andon/gateway/stages.hpp"
#include "andon/llm/dialect/openai_request.hpp"

namespace andon::gateway {
namespace {

constexpr std::array<std::string_view, 5> operation_names{"chat", "completion", "embeddings", "models", "other"};
constexpr std::size_t max_label = 256;
constexpr std::size_t max_tags = 128;

result<void> find_route(exchange& x) {
  const auto index = x.who.in()->find_route(x.facts.model);
  x.route = x.under->find(x.facts.model);
  if (x.route == nullptr || index == access::route_index::none)
    return fail(errc::model_not_found, "The model '" + x.facts.model + "' does not exist or you do not have access to it.", "model");
  if (!x.who->may_use(index))
    return fail(errc::model_not_allowed, "This key may not use the model '" + x.facts.model + "'.", "model");
  return {};
}

/// The principal's own tags come first: a client that sends many cannot push them out and escape their budgets.
void gather_tags(exchange& x) {
  auto own = x.who->tags;
  const auto add = [&own](const std::string& tag) {
    if (own.size() < max_tags && std::ranges::find(own, tag) == own.end()) own.push_back(tag.substr(0, max_label));
  };
  for (const auto& tag : x.tags) add(tag);
  for (const auto& tag : x.facts.tags) add(tag);
  x.tags = std::move(own);
}

}  // namespace

result<void> decode(gateway&, exchange& x) {
  auto& account = x.account;
  account.op = static_cast<ledger::operation>(x.asked.op);
  account.request_body.assign(x.body);
  account.request_bytes = x.body.size();
  const auto operation_name = operation_names[static_cast<std::size_t>(x.asked.op)];
  if (!access::allows(x.who->role, access::permission::models_call) || !x.who->may_use_operation(operation_name))
    return fail(errc::forbidden, "This key may not use " + std::string(operation_name) + ".");
  auto facts = llm::openai::scan_request(x.asked.op, x.body, x.asked.azure ? llm::openai::model_from::path : llm::openai::model_from::body);
  if (!facts) return std::unexpected(std::move(facts.error()));
  x.facts = std::move(*facts);
  if (x.asked.azure) x.facts.model = x.asked.argument;
  account.stream = x.facts.stream;
  account.route = route_name{x.facts.model.substr(0, max_label)};
  if (account.user.empty()) account.user = x.facts.user.substr(0, max_label);
  gather_tags(x);
  account.tags = x.tags;
  account.metadata = x.facts.metadata;
  for (const auto& [name, value] : x.who->metadata) account.metadata.emplace_back(name, value);
  return find_route(x);
}

}  // namespace andon::gateway
