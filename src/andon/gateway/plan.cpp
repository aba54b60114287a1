#include "andon/gateway/plan.hpp"

#include <algorithm>

namespace andon::gateway {

void plan::seal() {
  std::ranges::sort(routes, {}, [](const auto& r) { return r->name; });
  by_name_.clear();
  for (const auto& r : routes) by_name_.emplace(r->name.view(), r.get());
}

const served_route* plan::find(std::string_view route) const {
  const auto found = by_name_.find(route);
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace andon::gateway
