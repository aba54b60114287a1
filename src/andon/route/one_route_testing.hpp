#pragma once
// What the room's tests share: a route `chat` beside the health of its targets, with time and chance in the test's hand.
#include <initializer_list>
#include <memory>

#include "andon/base/random.hpp"
#include "andon/route/route.hpp"

namespace andon::route::testing_support {

inline constexpr mono_time start{std::chrono::hours{1}};

/// A test's own world adds what it needs: it sets `settings` and compiles, as often as it changes them. The health stays.
struct one_route {
  health_table health;
  route_settings settings;
  std::shared_ptr<route> at;
  random_source random;
  mono_time now = start;

  explicit one_route(std::initializer_list<const char*> models, std::uint64_t seed = 11) : random(seed) {
    settings.name = route_name{"chat"};
    for (const char* model : models) settings.targets.push_back({.model = model_name{model}});
  }
  void compile() { at = *route::compile(settings, health); }
  target_health& of(std::uint32_t index) { return *at->at(index).health; }
};

}  // namespace andon::route::testing_support
