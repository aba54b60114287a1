#include "andon/alert/silence_book.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "andon/base/log.hpp"

namespace andon::alert {
namespace {

constexpr std::size_t longest_text = 4096, most_matchers = 64;

bool can_update(const silence& known, const silence& wanted, wall_time now) {
  if (known.match != wanted.match || known.recurrence != wanted.recurrence) return false;
  const auto seconds = [](wall_time at) { return std::chrono::floor<std::chrono::seconds>(at); };
  switch (known.state(now)) {
    case silence_state::active: return seconds(wanted.starts_at) == seconds(known.starts_at) && wanted.ends_at >= now;
    case silence_state::pending: return wanted.starts_at >= now;
    case silence_state::expired: return false;
  }
  return false;
}

/// As far as it is looked ahead.
bool never_holds(const silence& of, wall_time now) {
  constexpr auto step = std::chrono::minutes{1};
  constexpr auto far_ahead = std::chrono::days{31};
  const auto from = std::max(of.starts_at, now);
  if (of.ends_at - from > far_ahead) return false;
  for (auto at = from; at < of.ends_at; at += step)
    if (of.when->contains(at)) return false;
  return true;
}

}  // namespace

std::string_view to_string(silence_state s) { return s == silence_state::active ? "active" : s == silence_state::pending ? "pending" : "expired"; }

silence_state silence::state(wall_time now) const {
  if (now < starts_at) return silence_state::pending;
  return now >= ends_at ? silence_state::expired : silence_state::active;
}

bool silence::in_effect(wall_time now) const { return state(now) == silence_state::active && (when ? when->contains(now) : recurrence.empty()); }

std::string make_uuid(random_source& random) {
  const auto a = random(), b = random();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32, (a >> 16) & 0xffff, a & 0xfff, 0x8000 | ((b >> 48) & 0x3fff), b & 0xffffffffffffULL);
}

result<void> silence_book::check(silence& wanted, wall_time now) const {
  if (wanted.match.empty()) return fail(errc::invalid_argument, "silence invalid: at least one matcher required", "matchers");
  if (wanted.match.size() > most_matchers) return fail(errc::invalid_argument, fmt::format("silence invalid: more than {} matchers", most_matchers), "matchers");
  if (std::ranges::all_of(wanted.match, [](const matcher& m) { return m.matches_value({}); }))
    return fail(errc::invalid_argument, "silence invalid: at least one matcher must not match the empty string", "matchers");
  if (wanted.starts_at >= wanted.ends_at) return fail(errc::invalid_argument, "start time must be before end time", "endsAt");
  if (wanted.ends_at < now) return fail(errc::invalid_argument, "end time can't be in the past", "endsAt");
  if (wanted.created_by.size() > longest_text || wanted.comment.size() > longest_text)
    return fail(errc::invalid_argument, fmt::format("createdBy and comment may have {} bytes each", longest_text), "comment");
  wanted.when.reset();
  if (!wanted.recurrence.empty()) {
    auto spans = time_interval::parse(wanted.recurrence);
    if (!spans) return fail(errc::invalid_argument, "recurrence." + spans.error().param + ": " + spans.error().message, "recurrence." + spans.error().param);
    wanted.when = std::move(*spans);
    if (never_holds(wanted, now)) return fail(errc::invalid_argument, "silence invalid: none of its times lies between its start and its end, so it would never hold", "recurrence");
  }
  return {};
}

result<silence_book::changed> silence_book::set(silence wanted, wall_time now) {
  if (auto good = check(wanted, now); !good) return std::unexpected(std::move(good.error()));
  wanted.updated_at = now;
  changed out;
  const auto known = silences_.find(wanted.id);
  if (!wanted.id.empty()) {
    if (known == silences_.end()) return fail(errc::not_found, "silence not found");
    if (can_update(known->second, wanted, now)) {
      known->second = wanted;
      out.id = wanted.id;
      out.now.push_back(std::move(wanted));
      return out;
    }
  }
  constexpr std::size_t with_ended = 4;  // these go after a while
  const auto open = std::ranges::count_if(silences_, [now](const auto& item) { return item.second.state(now) != silence_state::expired; });
  if (std::cmp_greater_equal(open, most_) || silences_.size() >= with_ended * most_) return fail(errc::overloaded, fmt::format("{} silences are kept, and no more are taken; expire some", most_));
  if (known != silences_.end() && known->second.state(now) != silence_state::expired) out.now = expire(wanted.id, now)->now;
  wanted.id = make_uuid(random_);
  wanted.starts_at = std::max(wanted.starts_at, now);
  out.id = wanted.id;
  out.now.push_back(wanted);
  silences_[out.id] = std::move(wanted);
  return out;
}

result<silence_book::changed> silence_book::expire(const std::string& id, wall_time now) {
  const auto known = silences_.find(id);
  if (known == silences_.end()) return fail(errc::not_found, "silence not found");
  auto& one = known->second;
  const auto state = one.state(now);
  if (state == silence_state::expired) return fail(errc::conflict, fmt::format("silence {} already expired", id));
  if (state == silence_state::pending) one.starts_at = now;
  one.ends_at = one.updated_at = now;
  return changed{id, {one}};
}

void silence_book::restore(silence from) {
  if (!from.recurrence.empty()) {
    if (auto spans = time_interval::parse(from.recurrence)) from.when = std::move(*spans);
    else log::error("silence_without_its_times", {{"silence", from.id}, {"meaning", "it silences nothing"}, {"reason", spans.error().message}});
  }
  const auto id = from.id;
  silences_[id] = std::move(from);
}

std::vector<std::string> silence_book::prune(wall_time now) {
  std::vector<std::string> out;
  for (const auto& [id, one] : silences_)
    if (one.ends_at + kept_after_end < now) out.push_back(id);
  for (const auto& id : out) silences_.erase(id);
  return out;
}

const silence* silence_book::find(const std::string& id) const {
  const auto found = silences_.find(id);
  return found == silences_.end() ? nullptr : &found->second;
}

std::vector<const silence*> silence_book::in_effect(wall_time now) const {
  std::vector<const silence*> out;
  for (const auto& [id, one] : silences_)
    if (one.in_effect(now)) out.push_back(&one);
  return out;
}

std::vector<std::string> silence_book::silencing(const label_set& labels, wall_time now) const {
  std::vector<std::string> out;
  for (const auto* one : in_effect(now))
    if (all_match(one->match, labels)) out.push_back(one->id);
  return out;
}

bool silence_book::silences(const label_set& labels, wall_time now) const {
  return std::ranges::any_of(silences_, [&](const auto& item) { return item.second.in_effect(now) && all_match(item.second.match, labels); });
}

}  // namespace andon::alert
