#include "andon/slo/series.hpp"

#include <algorithm>
#include <cmath>

namespace andon::slo {
namespace {

using namespace std::chrono_literals;

constexpr seconds longest_walk = 2h;  // beyond, adding up again is cheaper than stepping

bool is_short(const window& over) { return over.is_rolling() && over.length <= 1h; }

}  // namespace

instant count_series::begin_now(sliding& one) const {
  if (one.over.follows && now_ < one.valid_until && now_ >= one.begin) return one.begin;
  if (one.over.follows) one.valid_until = one.over.end(now_);
  const auto begin = one.over.begin(now_);
  return grain_ == grain::minute ? floor_to(begin, 60s) : begin;
}

void count_series::start(sliding& one, instant begin) {
  one.begin = begin;
  one.sum = between(one.begin, now_);
}

std::size_t count_series::watch(const window& over) {
  for (std::size_t i = 0; i < windows_.size(); ++i)
    if (windows_[i].over == over) return i;
  windows_.push_back({.over = over, .begin = {}, .valid_until = {}, .sum = {}});
  start(windows_.back(), begin_now(windows_.back()));
  return windows_.size() - 1;
}

void count_series::add(instant at, const counts& more) {
  if (grain_ == grain::second && at >= now_ - about(tier::second).keep) sums_.change(tier::second, at) += more;
  if (at >= now_ - about(tier::minute).keep) sums_.change(tier::minute, at) += more;
  if (at >= now_ - about(tier::hour).keep) sums_.change(tier::hour, at) += more;
  if (at >= now_) return;
  for (auto& one : windows_)
    if (at >= one.begin) one.sum += more;
  for (auto* one : listeners_) one->changed(at);
}

/// Takes away what lies before `to`.
void count_series::leave(sliding& one, instant to) {
  const bool by_second = grain_ == grain::second && is_short(one.over);
  const bool by_hour = !by_second && one.over.is_rolling() && one.over.length > 31 * 24h;
  const auto of = by_second ? tier::second : by_hour ? tier::hour : tier::minute;
  for (auto at = one.begin; at < to; at += about(of).slot) one.sum -= sums_.get(of, at);
  one.begin = to;
}

void count_series::move_to(instant now) {
  const auto step = now - now_;
  const bool walk = step >= 0s && step <= longest_walk;
  if (walk && grain_ == grain::second)
    for (auto at = now_; at < now; at += 1s)
      if (const auto& entering = sums_.get(tier::second, at); entering != counts{})
        for (auto& one : windows_) one.sum += entering;
  now_ = now;
  for (auto& one : windows_) {
    const auto begin = begin_now(one);
    if (walk && begin >= one.begin && begin - one.begin <= longest_walk) leave(one, begin);
    else start(one, begin);
  }
}

slice_series::slice_series(series_store& store, series_id id, seconds slice, slice_rule rule, std::vector<member> members, std::vector<excluded> without,
                           instant closed)
    : own_(store, id, count_series::grain::minute, closed),
      slice_(slice),
      rule_(rule),
      members_(std::move(members)),
      without_(std::move(without)),
      closed_(floor_to(closed, slice)) {
  for (const auto& one : members_) one.of->tell(*this);
}

slice_series::~slice_series() {
  for (const auto& one : members_) one.of->tell_no_more(*this);
}

counts slice_series::judge(instant begin) {
  const auto end = begin + slice_;
  if (std::ranges::any_of(without_, [&](const excluded& out) { return out.from < end && out.to > begin; })) return {};
  bool any = false;
  double value = 1;
  for (const auto& one : members_) {
    const auto ratio = one.of->sums().sum(begin, end, false).good_ratio();
    if (!ratio) continue;
    any = true;
    if (rule_ == slice_rule::ratios) value -= one.weight * (1 - *ratio);
    else if (*ratio < one.slice_target) value = 0;
  }
  if (!any) return {};
  return {std::llround(std::clamp(value, 0.0, 1.0) * static_cast<double>(counts::whole)), counts::whole};
}

void slice_series::put(instant begin) {
  const auto fresh = judge(begin), before = own_.sums().get(tier::minute, begin);
  if (fresh == before) return;
  own_.add(begin, fresh - before);
  if (before.empty()) own_.tally(fresh);
}

/// The clock was set back: slices from `first` on come again, and are judged when they are over again.
void slice_series::take_back(instant first) {
  for (auto begin = first; begin < closed_; begin += slice_)
    if (const auto known = own_.sums().get(tier::minute, begin); known != counts{}) own_.add(begin, counts{} - known);
  closed_ = first;
}

void slice_series::move_to(instant now) {
  own_.move_to(now);
  const auto last = floor_to(now, slice_);
  if (last < closed_) take_back(last);
  for (; closed_ < last; closed_ += slice_) put(closed_);
}

void slice_series::changed(instant at) {
  if (const auto begin = floor_to(at, slice_); begin + slice_ <= closed_ && begin >= own_.now() - about(tier::minute).keep) put(begin);
}

}  // namespace andon::slo
