#include "andon/app/plan/advice_alerting.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "andon/admin/guard.hpp"
#include "andon/alert/route_tree.hpp"
#include "andon/alert/time_interval.hpp"
#include "andon/alert/words.hpp"
#include "andon/base/time_text.hpp"

namespace andon::app {
namespace {

constexpr auto far_ahead = std::chrono::days{366};
constexpr auto between_looks = std::chrono::minutes{1};  // as fine as an interval can be
constexpr std::size_t looks = far_ahead / between_looks, most_intervals = 16;

class adviser {
public:
  adviser(const settings& from, wall_time now, diagnostics& found) : all_(from), from_(from.alerting), now_(now), found_(found) {}

  void run() {
    for (const auto& [name, one] : from_.time_intervals.entries) interval("alerting.time_intervals." + name, name, one);
    if (from_.route) routes(*from_.route, "alerting.route", {}, alert::route_options{});
    for (const auto& [name, one] : from_.receivers.entries) templates("alerting.receivers." + name, one);
    for (const auto& [name, one] : all_.alert_rules.entries) severity("alert_rules." + name + ".severity", one.severity);
    for (const auto& [name, one] : all_.policies.entries)
      for (std::size_t i = 0; i < one.steps.size(); ++i) severity(fmt::format("policies.{}.steps[{}].severity", name, i), one.steps[i].severity);
    for (const auto& [name, one] : from_.schedules.entries) schedule("alerting.schedules." + name, one);
    links();
  }

private:
  void warn(const std::string& path, std::string message, std::string hint = {}) { found_.warn(all_.places.at(path), path, std::move(message), std::move(hint)); }

  /// Those that can be read; of the others the compilation complains.
  static alert::matchers matchers_of(const alert_route_group& from) {
    alert::matchers out;
    for (const auto& text : from.matchers)
      if (auto made = alert::matcher::parse(text)) out.push_back(std::move(*made));
    return out;
  }

  /// `above`: the matchers on the way to this route; `usual`: the intervals it inherits.
  void routes(const alert_route_group& at, const std::string& path, alert::matchers above, alert::route_options usual) {
    const auto own = matchers_of(at);
    above.insert(above.end(), own.begin(), own.end());
    contradictions(above, own, path);
    for (std::size_t i = 0; i < at.matchers.size(); ++i)
      if (const auto made = alert::matcher::parse(at.matchers[i]); made && made->name() == "severity" && made->op() == alert::match_op::equal) severity(fmt::format("{}.matchers[{}]", path, i), made->value());
    intervals(at, path, usual);
    for (std::size_t i = 0; i < at.routes.size(); ++i) {
      const auto below = fmt::format("{}.routes[{}]", path, i);
      hidden(at.routes, i, path);
      routes(at.routes[i], below, above, usual);
    }
  }

  /// Words of one's own are fine; one that is nearly a usual one is a slip, and wakes nobody.
  void severity(const std::string& path, const std::string& word) {
    const auto usual = alert::severity_words();
    if (std::ranges::find(usual, word) != usual.end()) return;
    auto close = nearest(word, usual);
    if (close.empty())
      if (const auto same_letters = std::ranges::find_if(usual, [&](const std::string& one) { return std::ranges::is_permutation(one, word); }); same_letters != usual.end()) close = *same_letters;
    if (!close.empty()) warn(path, fmt::format("'{}' is no usual severity", word), "did you mean '" + close + "'?");
  }

  void templates(const std::string& path, const receiver_group& from) {
    for (const auto& [kind, way] : from.ways()) {
      if (!*way) continue;
      for (const auto& [field, text] : {std::pair<const char*, const std::string&>{"title", (*way)->title}, {"text", (*way)->text}})
        for (const auto& unknown : alert::unknown_fields(text))
          warn(fmt::format("{}.{}.{}", path, kind, field), fmt::format("no message has a field '{}': it comes out empty", unknown), "the guide on alerts lists them");
    }
  }

  /// A value that the way here demands and another matcher of the way refuses.
  void contradictions(const alert::matchers& way, const alert::matchers& own, const std::string& path) {
    for (const auto& demand : way) {
      if (demand.op() != alert::match_op::equal) continue;
      for (const auto& other : way) {
        const bool is_of_here = std::ranges::find(own, other) != own.end() || std::ranges::find(own, demand) != own.end();
        if (!is_of_here || other.name() != demand.name() || other.matches_value(demand.value())) continue;
        return warn(path, fmt::format("no alert can come here: {} and {} exclude each other", demand.text(), other.text()), "matchers of the routes above hold here, too");
      }
    }
  }

  /// Whatever `given` matches, this one matches, too: as far as can be told from the words.
  static bool follows(const alert::matcher& one, const alert::matchers& given) {
    if (one.op() == alert::match_op::match && one.value() == ".*") return true;
    return std::ranges::any_of(given, [&](const alert::matcher& has) { return has == one || (has.op() == alert::match_op::equal && has.name() == one.name() && one.matches_value(has.value())); });
  }

  /// An earlier sibling that takes whatever this one would.
  void hidden(const std::vector<alert_route_group>& siblings, std::size_t index, const std::string& path) {
    const auto own = matchers_of(siblings[index]);
    for (std::size_t before = 0; before < index; ++before) {
      const auto first = matchers_of(siblings[before]);
      const bool takes_all = first.size() == siblings[before].matchers.size() && std::ranges::all_of(first, [&](const auto& one) { return follows(one, own); });
      if (siblings[before].go_on || !takes_all) continue;
      return warn(fmt::format("{}.routes[{}]", path, index), fmt::format("no alert can come here: {}.routes[{}] takes them all", path, before), "put this one first, or give that one `continue: true`");
    }
  }

  void intervals(const alert_route_group& at, const std::string& path, alert::route_options& usual) {
    usual.group_interval = at.group_interval.value_or(usual.group_interval);
    usual.repeat_interval = at.repeat_interval.value_or(usual.repeat_interval);
    if ((at.group_interval || at.repeat_interval) && usual.repeat_interval < usual.group_interval)
      warn(path + (at.repeat_interval ? ".repeat_interval" : ".group_interval"), fmt::format("told again after {} only: a group is looked at every group_interval", format_duration(usual.group_interval)),
           fmt::format("repeat_interval is {}, group_interval {}", format_duration(usual.repeat_interval), format_duration(usual.group_interval)));
    speaking(at, path);
  }

  void interval(const std::string& path, const std::string& name, const interval_group& from) {
    auto made = alert::time_interval::parse({from.times, from.weekdays, from.days_of_month, from.months, from.years, from.time_zone});
    if (!made || holds_.size() == most_intervals) return;  // of what cannot be read the compilation complains
    const auto first = now_ - now_.time_since_epoch() % between_looks;
    std::vector<bool> holds(looks);
    for (std::size_t i = 0; i < looks; ++i) holds[i] = made->contains(first + static_cast<std::int64_t>(i) * between_looks);
    if (std::ranges::find(holds, true) == holds.end()) warn(path, "does not hold within the coming year: what is bound to it never happens");
    holds_[name] = std::move(holds);
  }

  /// Some moment of the coming year has to be active and not muted.
  void speaking(const alert_route_group& at, const std::string& path) {
    const auto looked_at = [this](const std::string& name) { return holds_.contains(name); };
    if (at.mute_time_intervals.empty() && at.active_time_intervals.empty()) return;
    if (!std::ranges::all_of(at.mute_time_intervals, looked_at) || !std::ranges::all_of(at.active_time_intervals, looked_at)) return;
    const auto any = [&](const std::vector<std::string>& names, std::size_t i) {
      return std::ranges::any_of(names, [&](const std::string& name) { return holds_.at(name)[i]; });
    };
    for (std::size_t i = 0; i < looks; ++i)
      if ((at.active_time_intervals.empty() || any(at.active_time_intervals, i)) && !any(at.mute_time_intervals, i)) return;
    warn(path, "is quiet throughout the coming year: its mute_time_intervals and active_time_intervals leave no time");
  }

  void schedule(const std::string& path, const schedule_group& from) {
    const auto zone = time_zone::load(from.time_zone);
    if (!zone) return;  // the compilation complains
    std::size_t begun = 0;
    for (std::size_t i = 0; i < from.rotations.size(); ++i) {
      const auto start = parse_local_time(from.rotations[i].start);
      const nanoseconds ahead = start ? zone->first_at(*start) - now_ : nanoseconds{};
      if (ahead <= nanoseconds{}) ++begun;
      else if (ahead > far_ahead) warn(fmt::format("{}.rotations[{}].start", path, i), fmt::format("is more than a year ahead: nobody of this rotation is on call before {}", from.rotations[i].start));
    }
    if (begun == 0 && !from.rotations.empty()) warn(path, "nobody is on call yet: every rotation begins later");
  }

  /// Whoever is paged opens the link of the page.
  void links() {
    if (from_.external_url.empty()) {
      if (!from_.escalations.entries.empty()) warn("alerting.escalations", "pages have no link to acknowledge", "set alerting.external_url to how people reach the admin port");
      return;
    }
    auto host = from_.external_url;
    if (const auto scheme = host.find("://"); scheme != std::string::npos) host.erase(0, scheme + 3);
    host = host.substr(0, host.find('/'));
    if (!admin::is_own_host(host, all_.listen.admin_hosts))
      warn("alerting.external_url", "the admin port does not answer to this name: whoever opens a link gets 421", "add it to listen.admin_hosts");
  }

  const settings& all_;
  const alerting_settings& from_;
  wall_time now_;
  diagnostics& found_;
  std::map<std::string, std::vector<bool>> holds_;  ///< by interval: whether it holds at each look
};

}  // namespace

void advise_alerting(const settings& from, wall_time now, diagnostics& found) { adviser(from, now, found).run(); }

}  // namespace andon::app
