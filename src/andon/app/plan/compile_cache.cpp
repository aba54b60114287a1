#include "andon/app/plan/compile_cache.hpp"

#include <algorithm>

namespace andon::app {
namespace {

void put_part(std::string& out, std::string_view text) { out.append(std::to_string(text.size())).append(":").append(text); }

/// A condition on who calls: then callers get different targets, so they must not share replies.
bool is_of_caller(const condition_settings& one) { return one.field == "user" || one.field == "tag" || one.field.starts_with("metadata"); }

bool is_by_caller(const route_settings& from) {
  return std::ranges::any_of(from.targets, [](const auto& target) { return std::ranges::any_of(target.when, is_of_caller); });
}

}  // namespace

gateway::batch_policy batch_policy_of(const route_settings& from) {
  return {from.batch.window, static_cast<std::size_t>(from.batch.max_inputs), static_cast<std::size_t>(from.batch.max_bytes.value()), is_by_caller(from)};
}

std::string served_by(const gateway::served_route& route) {
  std::string out;
  for (const auto* model : route.all_models())
    for (const auto part : {model->name.view(), std::string_view(model->upstream_model), std::string_view(model->address), std::string_view(model->paths[0])}) put_part(out, part);
  return out;
}

cache::route_policy cache_policy_of(const route_settings& from, const gateway::served_route& route) {
  cache::route_policy out;
  out.keep = from.cache.ttl;
  out.exact = from.cache.exact;
  out.coalesce = from.cache.coalesce;
  out.by_caller = is_by_caller(from);
  out.served = served_by(route);
  out.threshold = static_cast<float>(from.cache.semantic.threshold);
  out.embedding_limit = from.cache.semantic.timeout;
  return out;
}

cache::store_limits store_limits_of(const cache_settings& from) {
  return {static_cast<std::size_t>(from.memory.value()), static_cast<std::size_t>(from.max_entry.value())};
}

}  // namespace andon::app
