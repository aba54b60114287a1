#include "andon/drill/traffic_account.hpp"

#include <algorithm>

#include "andon/route/outage.hpp"

namespace andon::drill {
namespace {

double in_seconds(nanoseconds span) { return static_cast<double>(span.count()) / 1e9; }

/// Of the calls that say something about targets: not those that the client, a limit or a guard ended, nor those from the cache.
bool concerns(const ledger::record_view& r) {
  if (r.op() == ledger::operation::feedback || r.interrupted()) return false;
  const auto from = kind_of(r.outcome()).from;
  if (from == origin::client || from == origin::limit || from == origin::guard) return false;
  return r.outcome() != errc::none || r.attempt_count() > 0;
}

}  // namespace

traffic_account::traffic_account(std::set<std::string> models, std::set<std::string> routes, wall_time began)
    : models_(models.begin(), models.end()), routes_(routes.begin(), routes.end()), began_(began) {}

void traffic_account::count(const ledger::record_view& view) {
  if (!concerns(view) || !routes_.contains(view.route())) return;
  const auto record = view.materialize();
  const auto end = record.started + record.duration;
  if (end < began_) return;
  const auto refusals = std::ranges::count_if(record.attempts, [&](const ledger::attempt& one) { return models_.contains(one.model.view()) && one.error_message == route::outage::message; });
  refused_attempts_ += static_cast<std::uint64_t>(refusals);
  if (refusals > 0) first_refused_ = first_refused_ ? std::min(*first_refused_, record.started) : record.started;
  const bool served = record.outcome == errc::none;
  const bool here = !record.attempts.empty() && models_.contains(record.attempts.back().model.view());
  if (refusals > 0 || !lifted_ || record.started < *lifted_) {
    ++calls_;
    failed_ += served ? 0 : 1;
  }
  if (served && !here && elsewhere_.size() < most_spans) elsewhere_.push_back({record.started, end});
  if (served && here && lifted_ && record.started + record.attempts.back().started >= *lifted_) back_ = back_ ? std::min(*back_, end) : end;
}

void traffic_account::tell(realised& to) const {
  to.calls = calls_;
  to.failed = failed_;
  to.refused_attempts = refused_attempts_;
  if (back_) to.recovery_s = in_seconds(*back_ - *lifted_);
  if (!first_refused_) return;
  std::optional<wall_time> first;
  for (const auto& one : elsewhere_)
    if (one.from >= *first_refused_ && (!first || one.until < *first)) first = one.until;
  if (first) to.failover_s = in_seconds(*first - *first_refused_);
}

}  // namespace andon::drill
