#include "andon/app/plan/compile_alerting.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "andon/alert/words.hpp"
#include "andon/base/time_text.hpp"

namespace andon::app {
namespace {

constexpr std::size_t shortest_key = 16;
constexpr std::string_view nobody = "nobody";  ///< a receiver that is meant to tell no one

std::string_view usual_url(std::string_view kind) {
  if (kind == "pagerduty") return "https://events.pagerduty.com/v2/enqueue";
  if (kind == "opsgenie") return "https://api.opsgenie.com";
  if (kind == "github") return "https://api.github.com";
  return {};
}

template <class Map>
std::vector<std::string> names_of(const Map& entries) {
  std::vector<std::string> out;
  for (const auto& [name, value] : entries) out.push_back(name);
  return out;
}

class compiler {
public:
  compiler(const settings& from, diagnostics& found) : all_(from), from_(from.alerting), found_(found) {
    for (const auto& one : found.found()) said_.insert(one.path);
  }

  alert::configuration_ptr run() {
    const auto before = found_.found().size();
    basics();
    for (const auto& [name, interval] : from_.time_intervals.entries) add_interval(name, interval);
    for (const auto& [name, receiver] : from_.receivers.entries) add_receiver(name, receiver);
    for (const auto& [name, person] : from_.people.entries) add_person(name, person);
    for (const auto& [name, schedule] : from_.schedules.entries) add_schedule(name, schedule);
    for (const auto& [name, chain] : from_.escalations.entries) add_escalation(name, chain);
    routes();
    for (std::size_t i = 0; i < from_.inhibit_rules.size(); ++i) add_inhibition(from_.inhibit_rules[i], path("inhibit_rules", i));
    if (found_.found().size() != before) return nullptr;
    out_->seal();
    return std::move(out_);
  }

private:
  static std::string path(std::string_view list, std::size_t index) { return fmt::format("alerting.{}[{}]", list, index); }
  /// What could not be read has no value that could be wrong.
  void complain(const std::string& where, std::string what, std::string hint = {}) {
    if (!said_.contains(where)) found_.add(all_.places.at(where), where, std::move(what), std::move(hint));
  }
  template <class Map>
  bool known(const Map& entries, const std::string& name, const std::string& where, std::string_view kind) {
    if (entries.contains(name)) return true;
    const auto close = nearest(name, names_of(entries));
    complain(where, fmt::format("there is no {} '{}'", kind, name), close.empty() ? "" : "did you mean '" + close + "'?");
    return false;
  }
  bool is_url(std::string_view text) const { return text.starts_with("http://") || text.starts_with("https://"); }

  void basics() {
    auto& out = *out_;
    out.resolve_timeout = from_.resolve_timeout;
    out.intake_timeout = from_.intake_timeout;
    out.link_lifetime = from_.link_lifetime;
    out.external_url = from_.external_url;
    while (out.external_url.ends_with('/')) out.external_url.pop_back();
    if (!out.external_url.empty() && !is_url(out.external_url)) complain("alerting.external_url", "must begin with http:// or https://");
    out.bounds.give_up_after = from_.delivery.give_up_after;
    out.bounds.longest_pause = from_.delivery.longest_pause;
    out.bounds.per_minute = from_.delivery.per_minute;
    for (std::size_t i = 0; i < from_.intake_keys.size(); ++i) {
      if (from_.intake_keys[i].reveal().size() < shortest_key) complain(path("intake_keys", i), fmt::format("must have at least {} characters", shortest_key));
      out.intake_keys.push_back(from_.intake_keys[i]);
    }
  }

  void add_interval(const std::string& name, const interval_group& from) {
    auto made = alert::time_interval::parse({from.times, from.weekdays, from.days_of_month, from.months, from.years, from.time_zone});
    if (made) out_->intervals.emplace(name, std::move(*made));
    else complain("alerting.time_intervals." + name + "." + made.error().param, made.error().message);
  }
  std::optional<alert::time_interval> only_of(const std::string& name, const std::string& where) {
    if (name.empty() || !known(from_.time_intervals.entries, name, where, "entry of time_intervals")) return std::nullopt;
    const auto found = out_->intervals.find(name);
    return found == out_->intervals.end() ? std::nullopt : std::optional(found->second);
  }

  void add_receiver(const std::string& name, const receiver_group& from) {
    const auto where = "alerting.receivers." + name;
    auto& ways = out_->receivers[name].ways;
    for (const auto& [kind, group] : from.ways())
      if (*group) ways.push_back(way_of(kind, **group, fmt::format("{}.{}", where, kind)));
    if (ways.empty() && from.escalation.empty() && name != nobody)
      complain(where, "has no way to tell anybody: alerts that come here are heard by no one", fmt::format("give it one, such as `webhook: {{ url: … }}`, or name it `{}` if that is meant", nobody));
    if (from.escalation.empty()) return;
    known(from_.escalations.entries, from.escalation, where + ".escalation", "entry of escalations");
    alert::way chain;
    chain.kind = alert::find_kind("escalation");
    chain.escalation = from.escalation;
    ways.push_back(std::move(chain));
  }

  alert::way way_of(std::string_view kind, const way_group& from, const std::string& where) {
    alert::way out;
    out.kind = alert::find_kind(kind);
    out.send_resolved = from.send_resolved;
    out.url = !from.url.empty() ? from.url : secret(from.address.empty() ? std::string(usual_url(kind)) : from.address);
    out.key = from.key;
    out.user = from.user;
    out.place = from.place;
    out.type = from.type;
    out.transition = from.transition;
    out.to = from.to;
    out.headers = from.headers;
    out.title = from.title;
    out.text = from.text;
    out.ca_file = from.ca_file;
    out.max_alerts = static_cast<std::size_t>(from.max_alerts);
    for (const auto& [name, text] : {std::pair<const char*, const std::string&>{"title", from.title}, {"text", from.text}})
      if (auto good = alert::check_template(text); !good) complain(where + "." + name, good.error().message);
    if (kind == "email") check_mail(out, where);
    else if (!is_url(out.url.reveal())) complain(where + ".url", "must begin with http:// or https://");
    if (kind == "github" && std::ranges::count(from.place, '/') != 1) complain(where + ".repository", "must be owner/name");
    return out;
  }
  void check_mail(alert::way& out, const std::string& where) {
    const auto& s = from_.smtp;
    out.smtp = {s.host, static_cast<std::uint16_t>(s.port), s.from, s.user, s.password, s.tls, s.ca_file};
    if ((s.host.empty() || s.from.empty()) && !found_.says_of("alerting.smtp")) complain(where, "mail needs alerting.smtp.host and alerting.smtp.from");
    const auto is_address = [](const std::string& text) { return text.find('@') != std::string::npos && text.find_first_of(" \r\n,<>") == std::string::npos; };
    for (std::size_t i = 0; i < out.to.size(); ++i)
      if (!is_address(out.to[i])) complain(fmt::format("{}.to[{}]", where, i), fmt::format("'{}' is no mail address such as ops@example.org", out.to[i]));
    if (!s.from.empty() && !is_address(s.from)) complain("alerting.smtp.from", fmt::format("'{}' is no mail address such as andon@example.org", s.from));
    if (out.to.empty()) complain(where + ".to", "needs at least one address");
  }

  void add_person(const std::string& name, const person_group& from) {
    out_->people[name] = {from.name.empty() ? name : from.name, from.receivers};
    if (from.receivers.empty() && all_.places.has("alerting.people." + name + ".receivers")) complain("alerting.people." + name, "has no receivers: nobody hears of it when it is this person's turn", "give them one, such as `receivers: [ alice-phone ]`");
    for (std::size_t i = 0; i < from.receivers.size(); ++i) {
      const auto where = fmt::format("alerting.people.{}.receivers[{}]", name, i);
      if (!known(from_.receivers.entries, from.receivers[i], where, "receiver")) continue;
      if (!from_.receivers.entries.at(from.receivers[i]).escalation.empty()) complain(where, "a person cannot be told by a receiver with an escalation");
    }
  }

  void add_schedule(const std::string& name, const schedule_group& from) {
    const auto where = "alerting.schedules." + name;
    alert::schedule made{.zone = from.time_zone, .offsets = nullptr, .rotations = {}};
    auto zone = time_zone::load(from.time_zone);
    if (!zone) complain(where + ".time_zone", fmt::format("'{}' is no time zone", from.time_zone), "IANA names are such as Europe/Vienna");
    made.offsets = std::make_shared<const time_zone>(zone ? std::move(*zone) : time_zone::utc());
    if (from.rotations.empty()) complain(where, "has no rotations: nobody is ever on call");
    for (std::size_t i = 0; i < from.rotations.size(); ++i) {
      const auto& one = from.rotations[i];
      const auto at = fmt::format("{}.rotations[{}]", where, i);
      if (one.people.empty()) complain(at, "has no people");
      for (std::size_t k = 0; k < one.people.size(); ++k) known(from_.people.entries, one.people[k], fmt::format("{}.people[{}]", at, k), "person");
      const auto start = parse_local_time(one.start);
      if (!start) complain(at + ".start", start.error().message);
      made.rotations.push_back({one.people, start.value_or(std::chrono::local_seconds{}), std::chrono::duration_cast<std::chrono::seconds>(one.every), only_of(one.only, at + ".only")});
    }
    out_->schedules[name] = std::move(made);
  }

  void add_escalation(const std::string& name, const escalation_group& from) {
    alert::escalation made;
    made.repeat = from.repeat;
    for (std::size_t i = 0; i < from.steps.size(); ++i) {
      const auto at = fmt::format("alerting.escalations.{}.steps[{}]", name, i);
      alert::escalation_step step{.notify = {}, .wait = from.steps[i].wait, .round_robin = from.steps[i].round_robin, .only = only_of(from.steps[i].only, at + ".only")};
      for (std::size_t k = 0; k < from.steps[i].notify.size(); ++k) step.notify.push_back(target_of(from.steps[i].notify[k], fmt::format("{}.notify[{}]", at, k)));
      if (step.notify.empty()) complain(at, "tells nobody");
      made.steps.push_back(std::move(step));
    }
    if (made.steps.empty()) complain("alerting.escalations." + name, "has no steps");
    out_->escalations[name] = std::move(made);
  }
  bool tells_anybody(const std::string& receiver) const {
    return std::ranges::any_of(out_->receivers.at(receiver).ways, [](const alert::way& one) { return one.kind->render != nullptr; });
  }
  alert::escalation_target target_of(const std::string& text, const std::string& where) {
    auto out = alert::escalation_target::parse(text);
    switch (out.what) {
      case alert::escalation_target::kind::person:
        if (from_.people.entries.contains(out.name)) break;
        if (from_.schedules.entries.contains(out.name)) complain(where, fmt::format("there is no person '{}'", out.name), fmt::format("the schedule is `schedule:{}`", out.name));
        else if (from_.receivers.entries.contains(out.name)) complain(where, fmt::format("there is no person '{}'", out.name), fmt::format("the receiver is `receiver:{}`", out.name));
        else known(from_.people.entries, out.name, where, "person");
        break;
      case alert::escalation_target::kind::schedule: known(from_.schedules.entries, out.name, where, "schedule"); break;
      case alert::escalation_target::kind::receiver:
        if (known(from_.receivers.entries, out.name, where, "receiver") && !tells_anybody(out.name)) complain(where, "a step cannot tell a receiver that has no way but an escalation");
        break;
    }
    return out;
  }

  alert::matchers matchers_of(const std::vector<std::string>& from, const std::string& where) {
    alert::matchers out;
    for (std::size_t i = 0; i < from.size(); ++i) {
      auto made = alert::matcher::parse(from[i]);
      if (made) out.push_back(std::move(*made));
      else complain(fmt::format("{}[{}]", where, i), made.error().message);
    }
    return out;
  }
  void label_names(const std::vector<std::string>& from, const std::string& where) {
    for (std::size_t i = 0; i < from.size(); ++i)
      if (!alert::is_label_name(from[i])) complain(fmt::format("{}[{}]", where, i), fmt::format("'{}' is no label name", from[i]));
  }

  alert::route_spec route_of(const alert_route_group& from, const std::string& where) {
    alert::route_spec out;
    out.receiver = from.receiver;
    if (!from.receiver.empty()) known(from_.receivers.entries, from.receiver, where + ".receiver", "receiver");
    if (all_.places.has(where + ".group_by")) out.group_by = from.group_by;
    if (from.group_by != std::vector<std::string>{"..."}) label_names(from.group_by, where + ".group_by");
    out.group_wait = from.group_wait;
    out.group_interval = from.group_interval;
    out.repeat_interval = from.repeat_interval;
    out.match = matchers_of(from.matchers, where + ".matchers");
    out.go_on = from.go_on;
    out.mute_intervals = from.mute_time_intervals;
    out.active_intervals = from.active_time_intervals;
    for (const auto& [name, list] : {std::pair<const char*, const std::vector<std::string>&>{"mute_time_intervals", from.mute_time_intervals}, {"active_time_intervals", from.active_time_intervals}})
      for (std::size_t i = 0; i < list.size(); ++i) known(from_.time_intervals.entries, list[i], fmt::format("{}.{}[{}]", where, name, i), "entry of time_intervals");
    for (std::size_t i = 0; i < from.routes.size(); ++i) out.routes.push_back(route_of(from.routes[i], fmt::format("{}.routes[{}]", where, i)));
    return out;
  }
  void routes() {
    const std::string where = "alerting.route";
    if (!from_.route) {
      out_->receivers["none"];
      out_->route.receiver = "none";
      if (!from_.receivers.entries.empty()) complain("alerting.receivers", "there are receivers, but no alerting.route leads to them", "alerting: { route: { receiver: NAME } }");
      return;
    }
    const auto& root = *from_.route;
    if (root.receiver.empty()) complain(where, "'receiver' is missing", "the first route takes everything that no route below it takes");
    if (!root.matchers.empty()) complain(where + ".matchers", "the first route takes everything; matchers belong to the routes below it");
    if (root.go_on) complain(where + ".continue", "there is nothing behind the first route");
    if (!root.mute_time_intervals.empty() || !root.active_time_intervals.empty()) complain(where, "the first route may have no time intervals", "give them to a route below it");
    out_->route = route_of(root, where);
  }

  void add_inhibition(const inhibit_group& from, const std::string& where) {
    label_names(from.equal, where + ".equal");
    out_->inhibit.push_back({matchers_of(from.source_matchers, where + ".source_matchers"), matchers_of(from.target_matchers, where + ".target_matchers"), from.equal});
    if (from.source_matchers.empty() || from.target_matchers.empty()) complain(where, "source_matchers and target_matchers need one entry each at least");
  }

  const settings& all_;
  const alerting_settings& from_;
  diagnostics& found_;
  std::set<std::string> said_;  ///< settings of which reading complained
  std::shared_ptr<alert::configuration> out_ = std::make_shared<alert::configuration>();
};

}  // namespace

alert::configuration_ptr compile_alerting(const settings& from, diagnostics& found) { return compiler(from, found).run(); }

}  // namespace andon::app
