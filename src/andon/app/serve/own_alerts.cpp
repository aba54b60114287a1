#include "andon/app/serve/own_alerts.hpp"

#include "andon/base/log.hpp"
#include "andon/sql/damage.hpp"

namespace andon::app {
namespace {

using namespace std::chrono_literals;

constexpr nanoseconds told_every = 1min, lasts = 5min;
constexpr nanoseconds audit_fault_holds = 10min;

}  // namespace

void own_alerts::set(const char* name, bool holds, std::string summary, wall_time now, std::vector<alert::posted_alert>& posts, const char* severity) {
  const auto found = firing_.find(name);
  const bool held = found != firing_.end();
  if (!holds && !held) return;
  alert::posted_alert one{{{"alertname", name}, {"severity", severity}, {"source", "andon"}}, {{"summary", std::move(summary)}}, held ? std::min(found->second.began, now) : now, now + lasts};
  if (!holds) {
    one.ends_at = now;
    firing_.erase(found);
  } else if (held && now >= found->second.told && now - found->second.told < told_every) {
    return;
  } else {
    firing_[name] = {*one.starts_at, now};
  }
  posts.push_back(std::move(one));
}

void own_alerts::take_over() {
  board_.read([&](const alert::board_view& from) {
    for (const auto& [fingerprint, one] : from.book.all())
      if (!one.resolved(from.now) && alert::label_value(one.labels, "source") == "andon" && one.labels.size() == 3) firing_[std::string(alert::label_value(one.labels, "alertname"))] = {one.starts_at, {}};
  });
}

/// An hour long: whoever has not seen it by then finds the letters in the list.
void own_alerts::look_for_dead(wall_time now, std::vector<alert::posted_alert>& posts) {
  if (now >= counted_ && now - counted_ < told_every) return;
  counted_ = now;
  std::int64_t dead = 0;
  board_.read([&](const alert::board_view& from) {
    if (const auto count = from.store.count_messages(now - 1h)) dead = (*count)[static_cast<std::size_t>(alert::message_state::dead)];
  });
  set("AndonMessagesDead", dead > 0, "Messages of alerts could not be delivered in the last hour: `andon alert dead-letters` tells which and why.", now, posts, "warning");
}

/// Nobody was on call, or no step had anybody to tell; until somebody sees it here, or the incident is over.
void own_alerts::look_for_unheard(wall_time now, std::vector<alert::posted_alert>& posts) {
  std::string ids;
  board_.read([&](const alert::board_view& from) {
    for (const auto& [number, one] : from.open_incidents)
      if (one.state == alert::incident_state::triggered && !one.place.next && one.told.empty()) ids.append(ids.empty() ? "" : ", ").append(one.id());
  });
  set("AndonPageUnheard", !ids.empty(), "Nobody was told, for nobody is on call or no step has anybody: " + ids + ". `andon incident show` tells why.", now, posts, "warning");
}

/// For as long as the file lies there: whoever has looked at it removes it, and with it the alert.
void own_alerts::look_for_damage(wall_time now, std::vector<alert::posted_alert>& posts) {
  if (now >= searched_ && now - searched_ < told_every) return;
  searched_ = now;
  std::string names;
  for (const auto& folder : {data_, data_ / "index"})
    for (const auto& one : sql::files_set_aside(folder)) names += (names.empty() ? "" : ", ") + one.filename().string();
  set("AndonFileDamaged", !names.empty(), "Damaged files were set aside and begun anew: " + names + ". Remove them when you have looked at them.", now, posts);
}

void own_alerts::look(wall_time now, const own_troubles& troubles) {
  std::vector<alert::posted_alert> posts;
  if (records_ != nullptr) {
    const auto state = records_->status();
    set("AndonLedgerFull", state.journal.full, "The journal has no space; ledger.on_full decides what happens to calls.", now, posts);
    set("AndonLedgerNotSynced", state.journal.sync_failing, "The journal cannot be forced to the disk.", now, posts);
    set("AndonLedgerUnbalanced", !state.balanced(), "Records appended are not those indexed, waiting and dropped.", now, posts);
    set("AndonIndexStopped", !state.index_problem.empty(), "The index stands still: " + state.index_problem, now, posts);
  }
  if (const auto failures = audit_.failures(); failures != audit_failures_) {
    audit_failures_ = failures;
    audit_failed_ = now;
  }
  set("AndonAuditNotWritten", audit_failed_ != wall_time{} && now - audit_failed_ < audit_fault_holds, "Acts could not be written to the audit log.", now, posts);
  set("AndonLedgerDamaged", !troubles.damage.empty(), "Records cannot be read: " + troubles.damage, now, posts);
  set("AndonObjectivesBlind", !troubles.objectives.empty(), "Objectives are not judged, or new ones not filled: " + troubles.objectives, now, posts);
  set("AndonDecisionsNotKept", !troubles.decisions.empty(), "Decisions cannot be kept, so error-budget policies do nothing: " + troubles.decisions, now, posts);
  set("AndonFileNotInForce", !troubles.file.empty(), "The configuration file is not what is in force: " + troubles.file, now, posts, "warning");
  set("AndonStatementNotIssued", !troubles.statements.empty(), "A statement is due and cannot be issued; it is tried again: " + troubles.statements, now, posts, "warning");
  look_for_damage(now, posts);
  look_for_dead(now, posts);
  look_for_unheard(now, posts);
  if (posts.empty()) return;
  const auto done = board_.post(posts, now, alert::poster::own);
  for (const auto& problem : done.problems) log::error("own_alert_refused", {{"reason", problem}});
  if (done.not_kept) log::error("own_alert_not_kept", {{"reason", done.not_kept->message}});
}

}  // namespace andon::app
