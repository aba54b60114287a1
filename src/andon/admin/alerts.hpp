#pragma once
// What the handlers of alerts share.
#include <boost/json/object.hpp>

#include "andon/admin/handlers.hpp"
#include "andon/alert/board.hpp"

namespace andon::admin {

/// errc::unavailable where the program has no board of alerts.
result<alert::board*> board_of(const services& with);
/// Who acts, for timelines and silences.
std::string actor_of(const request& asked);
boost::json::object incident_json(const alert::incident& from);
/// A time, or how long ago; `missing` when the argument is absent.
result<wall_time> since_of(const request& asked, std::string_view name, wall_time missing);

}  // namespace andon::admin
