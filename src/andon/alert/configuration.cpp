#include "andon/alert/configuration.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "andon/base/time_text.hpp"

namespace andon::alert {
namespace {

namespace json = boost::json;

json::array texts(const auto& from) {
  json::array out;
  for (const auto& one : from) out.emplace_back(one);
  return out;
}

json::array matcher_texts(const matchers& from) {
  json::array out;
  for (const auto& one : from) out.emplace_back(one.text());
  return out;
}

json::object route_json(const route_tree::node& from, const route_options* above) {
  const auto& o = from.options;
  json::object out{{"receiver", o.receiver}};
  const bool same_groups = above != nullptr && above->group_by == o.group_by;
  if (!o.group_by.empty() && !same_groups) out["group_by"] = texts(o.group_by);
  if (above == nullptr || above->group_wait != o.group_wait) out["group_wait"] = format_duration(o.group_wait);
  if (above == nullptr || above->group_interval != o.group_interval) out["group_interval"] = format_duration(o.group_interval);
  if (above == nullptr || above->repeat_interval != o.repeat_interval) out["repeat_interval"] = format_duration(o.repeat_interval);
  if (!from.match.empty()) out["matchers"] = matcher_texts(from.match);
  if (from.go_on) out["continue"] = true;
  json::array children;
  for (const auto& child : from.children) children.emplace_back(route_json(*child, &o));
  if (!children.empty()) out["routes"] = std::move(children);
  return out;
}

}  // namespace

void configuration::seal() {
  routes = std::make_unique<route_tree>(route);
  channels.clear();
  for (const auto& [name, receiver] : receivers)
    for (const auto& one : receiver.ways) channels[name].push_back({std::string(one.kind->name), one.send_resolved || one.kind->render == nullptr});
}

const way* configuration::find_way(const std::string& receiver, const std::string& channel) const {
  const auto found = receivers.find(receiver);
  if (found == receivers.end()) return nullptr;
  const auto one = std::ranges::find_if(found->second.ways, [&](const way& w) { return w.kind->name == channel; });
  return one == found->second.ways.end() ? nullptr : &*one;
}

bool configuration::sends() const {
  return std::ranges::any_of(receivers, [](const auto& item) { return std::ranges::any_of(item.second.ways, [](const way& one) { return one.kind->render != nullptr; }); });
}

std::string configuration::alertmanager_text() const {
  json::array names, rules;
  for (const auto& [name, receiver] : receivers) names.emplace_back(json::object{{"name", name}});
  for (const auto& one : inhibit)
    rules.emplace_back(json::object{{"source_matchers", matcher_texts(one.source)}, {"target_matchers", matcher_texts(one.target)}, {"equal", texts(one.equal)}});
  return json::serialize(json::object{{"global", json::object{{"resolve_timeout", format_duration(resolve_timeout)}}}, {"route", route_json(routes->root(), nullptr)},
                                      {"receivers", std::move(names)}, {"inhibit_rules", std::move(rules)}});
}

configuration_ptr empty_configuration() {
  auto out = std::make_shared<configuration>();
  out->receivers["none"] = {};
  out->route.receiver = "none";
  out->seal();
  return out;
}

}  // namespace andon::alert
