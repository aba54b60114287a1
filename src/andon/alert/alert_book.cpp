#include "andon/alert/alert_book.hpp"

#include <fmt/format.h>

namespace andon::alert {
namespace {

result<alert> accepted(const posted_alert& from, nanoseconds resolve_timeout, wall_time now) {
  alert out{.labels = from.labels, .annotations = from.annotations, .fingerprint = 0, .starts_at = {}, .ends_at = {}, .updated_at = now, .times_out = false, .generator_url = from.generator_url};
  std::erase_if(out.labels, [](const auto& pair) { return pair.second.empty(); });
  if (out.labels.empty()) return fail(errc::invalid_argument, "at least one label pair required");
  if (auto good = check_labels(out.labels, "labels"); !good) return std::unexpected(std::move(good.error()));
  if (auto good = check_labels(out.annotations, "annotations"); !good) return std::unexpected(std::move(good.error()));
  out.starts_at = from.starts_at.value_or(from.ends_at.value_or(now));
  out.ends_at = from.ends_at.value_or(now + resolve_timeout);
  out.times_out = !from.ends_at;
  if (out.ends_at < out.starts_at) return fail(errc::invalid_argument, "start time must be before end time");
  out.fingerprint = fingerprint_of(out.labels);
  return out;
}

bool overlaps(const alert& fresh, const alert& known) {
  return (fresh.ends_at > known.starts_at && fresh.ends_at < known.ends_at) || (fresh.starts_at > known.starts_at && fresh.starts_at < known.ends_at);
}

}  // namespace

alert merged(const alert& older, const alert& newer, wall_time now) {
  alert out = newer;
  out.starts_at = std::min(older.starts_at, newer.starts_at);
  if (newer.resolved(now)) {
    if (older.resolved(now) && older.ends_at > newer.ends_at) out.ends_at = older.ends_at;
  } else if (older.ends_at > newer.ends_at && !older.times_out) {
    out.ends_at = older.ends_at;
  }
  return out;
}

result<const alert*> alert_book::post(const posted_alert& from, nanoseconds resolve_timeout, wall_time now, poster by) {
  auto fresh = accepted(from, resolve_timeout, now);
  if (!fresh) return std::unexpected(std::move(fresh.error()));
  const auto known = alerts_.find(fresh->fingerprint);
  const auto most = by == poster::own ? most_ : most_ - most_ / 10;
  if (known == alerts_.end() && alerts_.size() >= most)
    return fail(errc::overloaded, fmt::format("{} alerts are known, and no more are taken; use fewer labels with many values", alerts_.size()));
  ++version_;
  if (known != alerts_.end() && overlaps(*fresh, known->second)) *fresh = merged(known->second, *fresh, now);
  auto& kept = alerts_[fresh->fingerprint];
  kept = std::move(*fresh);
  return &kept;
}

void alert_book::restore(alert from) {
  ++version_;
  const auto fingerprint = from.fingerprint;
  alerts_[fingerprint] = std::move(from);
}

const alert* alert_book::find(std::uint64_t fingerprint) const {
  const auto found = alerts_.find(fingerprint);
  return found == alerts_.end() ? nullptr : &found->second;
}

void alert_book::forget(std::uint64_t fingerprint) {
  ++version_;
  alerts_.erase(fingerprint);
}

}  // namespace andon::alert
