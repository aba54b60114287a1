#pragma once
// From the watch over objectives to the board of alerts: each signal is told when it begins and when it is over, and while
// it holds again once a minute, so that an alert whose watch is no more comes to an end. Labels: the signal's, alertname,
// severity, source="andon".
//
// Threads: told() from the watch's, look() from one other.
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "andon/alert/board.hpp"
#include "andon/slo/signal.hpp"

namespace andon::app {

class objective_alerts {
public:
  explicit objective_alerts(alert::board& board) : board_(board) {}
  /// All in one transaction of the board.
  void told(std::span<const slo::signal> all, wall_time now);
  /// `firing`: what holds now. Call about once a second.
  void look(const std::function<std::vector<slo::signal>()>& firing, wall_time now);

private:
  alert::board& board_;
  std::mutex posting_;  ///< what look() read is on the board before the next end is told
  wall_time looked_{};
};

/// As the board takes it.
alert::posted_alert posted_of(const slo::signal& one, wall_time now);

}  // namespace andon::app
