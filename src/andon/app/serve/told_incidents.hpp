#pragma once
// Incidents of the board of alerts as statements tell of them.
#include "andon/alert/board.hpp"
#include "andon/business/statement.hpp"

namespace andon::app {

/// Those that were open at some time of [from, to), oldest first; at most 1,000. errc of the board's store.
result<std::vector<business::told_incident>> told_incidents(const alert::board& board, slo::instant from, slo::instant to);

}  // namespace andon::app
