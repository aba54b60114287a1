#pragma once
#include "andon/app/config/settings.hpp"
#include "andon/cache/store.hpp"
#include "andon/gateway/plan.hpp"

namespace andon::app {

gateway::batch_policy batch_policy_of(const route_settings& from);
/// What the route's settings and its targets make of its cache.
cache::route_policy cache_policy_of(const route_settings& from, const gateway::served_route& route);
/// Tells apart what may have answered: a kept reply is not given once another set of models would, fallbacks included.
std::string served_by(const gateway::served_route& route);
cache::store_limits store_limits_of(const cache_settings& from);

}  // namespace andon::app
