#pragma once
// What a running gateway lends to its drills: where a target's name leads, which alerts page, who would start it again.
#include <string>
#include <string_view>
#include <vector>

#include "andon/alert/board.hpp"
#include "andon/app/config/settings.hpp"
#include "andon/app/serve/objective_watch.hpp"
#include "andon/drill/drill_desk.hpp"
#include "andon/gateway/plan.hpp"

namespace andon::app {

drill::desk_limits limits_of(const drill_settings& from);
/// The model of that name, or all models of the provider of that name; nothing: there is neither.
drill::places places_of(const gateway::plan& in, route::health_table& health, std::string_view target);
/// Names of the alerts that are firing with severity `page`, each once.
std::vector<std::string> paging_alerts(const alert::board& board);
/// `told`: the command line says that there is one. Else systemd, when it is the parent. Empty: nobody that is known.
std::string supervisor_of(bool told);
/// What a drill realised, as samples of the present second.
void tell_measures(const drill::drill& one, objective_watch& to);
void kill_this_process();

}  // namespace andon::app
