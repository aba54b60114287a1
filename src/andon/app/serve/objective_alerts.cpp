#include "andon/app/serve/objective_alerts.hpp"

#include "andon/base/log.hpp"

namespace andon::app {
namespace {

using namespace std::chrono_literals;

constexpr nanoseconds told_every = 1min, lasts = 5min;

void post(alert::board& board, std::span<const slo::signal> all, wall_time now) {
  if (all.empty()) return;
  std::vector<alert::posted_alert> posts;
  posts.reserve(all.size());
  for (const auto& one : all) posts.push_back(posted_of(one, now));
  const auto done = board.post(posts, now, alert::poster::own);
  for (const auto& problem : done.problems) log::error("objective_alert_refused", {{"reason", problem}});
  if (done.not_kept) log::error("objective_alert_not_kept", {{"reason", done.not_kept->message}});
}

}  // namespace

alert::posted_alert posted_of(const slo::signal& one, wall_time now) {
  alert::posted_alert out;
  out.labels.insert(one.labels.begin(), one.labels.end());
  out.labels["alertname"] = one.name;
  out.labels["severity"] = one.severity;
  out.labels["source"] = "andon";
  out.annotations.insert(one.annotations.begin(), one.annotations.end());
  out.starts_at = one.since;
  out.ends_at = one.resolved ? wall_time{*one.resolved} : now + lasts;
  return out;
}

void objective_alerts::told(std::span<const slo::signal> all, wall_time now) {
  const std::lock_guard hold(posting_);
  post(board_, all, now);
}

void objective_alerts::look(const std::function<std::vector<slo::signal>()>& firing, wall_time now) {
  if (now - looked_ < told_every && now >= looked_) return;
  looked_ = now;
  const std::lock_guard hold(posting_);
  post(board_, firing(), now);
}

}  // namespace andon::app
