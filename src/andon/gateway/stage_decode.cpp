#include <algorithm>
#include <array>

#include "andon/gateway/stages.hpp"
#include "andon/llm/dialect/openai_request.hpp"

namespace andon::gateway {
namespace {

constexpr std::array<std::string_view, 5> operation_names{"chat", "completion", "embeddings", "models", "other"};
constexpr std::size_t max_label = 256;
constexpr std::size_t max_tags = 128;
constexpr std::size_t max_metadata_name = 64, max_metadata_value = 512;  // as OpenAI bounds them
constexpr std::size_t max_refused_body = 4096;                          // of a call that is not admitted, in its Record

/// The beginning of a text, without a character that is cut in two.
std::string_view beginning(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0U) == 0x80U) --most;
  return text.substr(0, most);
}

result<void> check_metadata(const exchange& x) {
  for (const auto& [name, value] : x.facts.metadata) {
    const bool name_fits = name.size() <= max_metadata_name;
    if (name_fits && value.size() <= max_metadata_value) continue;
    const std::string shown{beginning(name, max_metadata_name)};
    return fail(errc::bad_request, name_fits ? "The value of 'metadata." + shown + "' is longer than " + std::to_string(max_metadata_value) + " bytes."
                                             : "A name in 'metadata' is longer than " + std::to_string(max_metadata_name) + " bytes: '" + shown + "…'.", "metadata");
  }
  return {};
}

result<void> find_route(exchange& x) {
  const auto index = x.who.in()->find_route(x.facts.model);
  x.route = x.under->find(x.facts.model);
  if (x.route == nullptr || index == access::route_index::none)
    return fail(errc::model_not_found, "The model '" + x.account.route.str() + "' does not exist or you do not have access to it.", "model");
  if (!x.who->may_use(index))
    return fail(errc::model_not_allowed, "This key may not use the model '" + x.account.route.str() + "'.", "model");
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

/// What the principal says of itself holds: a client cannot replace it, and route conditions see one value of a name.
void gather_metadata(exchange& x) {
  auto& own = x.account.metadata;
  own.assign(x.who->metadata.begin(), x.who->metadata.end());
  const auto given = static_cast<std::ptrdiff_t>(own.size());
  for (auto& pair : x.facts.metadata)
    if (std::ranges::find(own.begin(), own.begin() + given, pair.first, &std::pair<std::string, std::string>::first) == own.begin() + given) own.push_back(std::move(pair));
}

}  // namespace

result<void> decode(gateway&, exchange& x) {
  auto& account = x.account;
  account.op = static_cast<ledger::operation>(x.asked.op);
  account.request_body.assign(beginning(x.body, max_refused_body));  // admit takes the rest
  account.request_truncated = account.request_body.size() < x.body.size();
  account.request_bytes = x.body.size();
  const auto operation_name = operation_names[static_cast<std::size_t>(x.asked.op)];
  if (!access::allows(x.who->role, access::permission::models_call) || !x.who->may_use_operation(operation_name))
    return fail(errc::forbidden, "This key may not use " + std::string(operation_name) + ".");
  auto facts = llm::openai::scan_request(x.asked.op, x.body, x.asked.azure ? llm::openai::model_from::path : llm::openai::model_from::body);
  if (!facts) return std::unexpected(std::move(facts.error()));
  x.facts = std::move(*facts);
  if (x.asked.azure) x.facts.model = x.asked.argument;
  account.stream = x.facts.stream;
  account.route = route_name{std::string(beginning(x.facts.model, max_label))};
  if (account.user.empty()) account.user = x.facts.user.substr(0, max_label);
  gather_tags(x);
  account.tags = x.tags;
  if (auto fits = check_metadata(x); !fits) return fits;
  gather_metadata(x);
  return find_route(x);
}

}  // namespace andon::gateway
