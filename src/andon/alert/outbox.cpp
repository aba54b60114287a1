#include "andon/alert/outbox.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "andon/base/time_text.hpp"

namespace andon::alert {

void outbox::add(pending one) {
  ++receivers_[one.receiver].waiting;
  const auto id = one.id;
  lanes_[lane_of(one)].insert(id);
  rows_[id] = std::move(one);
}

const pending* outbox::newest_waiting(const std::string& receiver, const std::string& channel, const std::string& group_key) const {
  const auto found = lanes_.find({receiver, channel, group_key});
  if (found == lanes_.end() || under_way_.contains(*found->second.rbegin())) return nullptr;
  return &rows_.at(*found->second.rbegin());
}

void outbox::remove(std::int64_t id) {
  const auto found = rows_.find(id);
  if (found == rows_.end() || under_way_.contains(id)) return;
  --receivers_[found->second.receiver].waiting;
  forget(found);
}

void outbox::forget(std::map<std::int64_t, pending>::iterator one) {
  const auto in = lanes_.find(lane_of(one->second));
  in->second.erase(one->first);
  if (in->second.empty()) lanes_.erase(in);
  rows_.erase(one);
}

bool outbox::is_full(const std::string& receiver) const {
  const auto found = receivers_.find(receiver);
  return found != receivers_.end() && found->second.waiting >= bounds_.most_waiting;
}

bool outbox::may_send(receiver_state& to, wall_time now) const {
  const auto most = static_cast<double>(bounds_.per_minute);
  if (!to.known || now < to.filled) to.tokens = to.known ? to.tokens : most;
  else to.tokens = std::min(most, to.tokens + std::chrono::duration<double>(now - to.filled).count() * most / 60);
  to.known = true;
  to.filled = now;
  return to.under_way < bounds_.parallel && to.tokens >= 1;
}

std::optional<pending> outbox::take(wall_time now) {
  pending* next = nullptr;
  std::tuple<std::size_t, std::int64_t, wall_time, std::int64_t> place{};
  for (const auto& [where, ids] : lanes_) {
    auto& one = rows_.at(*ids.begin());
    one.due = std::min(one.due, now + one.wait);
    if (under_way_.contains(one.id) || one.due > now) continue;
    auto& to = receivers_[one.receiver];
    // Who has least on the way, then what was tried least: dead receivers must not keep all senders from the others.
    const std::tuple here{to.under_way, one.attempts, one.since, one.id};
    if (!may_send(to, now) || (next != nullptr && here >= place)) continue;
    next = &one;
    place = here;
  }
  if (next == nullptr) return std::nullopt;
  auto& to = receivers_[next->receiver];
  to.tokens -= 1;
  ++to.under_way;
  ++next->attempts;
  under_way_.insert(next->id);
  return *next;
}

nanoseconds outbox::pause_after(std::int64_t attempts) {
  auto pause = bounds_.first_pause;
  for (std::int64_t i = 1; i < attempts && pause < bounds_.longest_pause; ++i) pause *= 2;
  pause = std::min(pause, bounds_.longest_pause);
  return std::chrono::duration_cast<nanoseconds>(pause * (0.75 + 0.5 * random_.unit()));
}

outbox::ending outbox::finish(std::int64_t id, const judged& how, wall_time now) {
  const auto found = rows_.find(id);
  if (found == rows_.end()) return {how.what, now, how.problem};
  auto& one = found->second;
  auto& to = receivers_[one.receiver];
  if (under_way_.erase(id) > 0) --to.under_way;
  ending out{how.what, now, how.problem};
  if (how.what == verdict::again) {
    out.due = now + std::max(pause_after(one.attempts), std::min<nanoseconds>(how.not_before.value_or(nanoseconds{}), std::chrono::hours{1}));
    if (out.due - one.since <= bounds_.give_up_after) {
      one.due = out.due;
      one.wait = out.due - now;
      return out;
    }
    out.what = verdict::dead;
    out.problem = fmt::format("given up after {} tries in {}: {}", one.attempts, format_duration(std::chrono::duration_cast<std::chrono::seconds>(now - one.since)), how.problem);
  }
  --to.waiting;
  forget(found);
  return out;
}

std::optional<wall_time> outbox::next(wall_time now) const {
  std::optional<wall_time> out;
  for (const auto& [where, ids] : lanes_) {
    const auto& one = rows_.at(*ids.begin());
    if (!under_way_.contains(one.id) && (!out || one.due < *out)) out = std::max(one.due, now);
  }
  return out;
}

}  // namespace andon::alert
