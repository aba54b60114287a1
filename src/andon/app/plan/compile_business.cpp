#include "andon/app/plan/compile_business.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "andon/app/plan/compile_objectives.hpp"
#include "andon/base/time_text.hpp"

namespace andon::app {
namespace {

class business_compiler {
public:
  business_compiler(const settings& from, const slo::watch_plan& watched, diagnostics& found) : from_(from), watched_(watched), found_(found) {}

  business::business_plan run() {
    for (const auto& [name, one] : from_.agreements.entries) agreement(name, one);
    for (const auto& [name, one] : from_.kpis.entries) kpi(name, one);
    return std::move(out_);
  }

private:
  void complain(const std::string& path, std::string message, std::string hint = {}) {
    found_.add(from_.places.at(path), path, std::move(message), std::move(hint));
  }

  const slo::objective_spec* objective(const std::string& path, const std::string& name) {
    const auto found = std::ranges::find(watched_.objectives, name, &slo::objective_spec::name);
    if (found != watched_.objectives.end()) return &*found;
    std::vector<std::string> names;
    for (const auto& one : watched_.objectives) names.push_back(one.name);
    const auto close = nearest(name, names);
    complain(path, fmt::format("there is no objective '{}'", name), close.empty() ? "declare it in `objectives`" : "did you mean '" + close + "'?");
    return nullptr;
  }

  static std::vector<business::credit_tier> tiers(const std::vector<credit_settings>& from) {
    std::vector<business::credit_tier> out;
    for (const auto& one : from) out.push_back({business::share_of_percent(one.below), business::share_of_percent(one.percent)});
    return out;
  }

  void check_tiers(const std::string& path, const std::vector<business::credit_tier>& all, business::share promised, const std::string& of) {
    for (auto& one : business::complaints_of(all, promised))
      if (const auto at = fmt::format("{}.credits[{}]", path, one.at); !found_.says_of(at)) complain(at, one.what + " (promise " + of + ")");
  }

  void promise(business::agreement& into, const std::string& path, const std::string& at, const promise_settings& one, const std::vector<business::credit_tier>& usual) {
    if (std::ranges::find(into.promises, one.objective, &business::promise::objective) != into.promises.end())
      return complain(at + ".objective", fmt::format("'{}' is promised twice", one.objective));
    const auto* of = objective(at + ".objective", one.objective);
    if (of == nullptr) return;
    if (of->is_composite() && of->method == slo::budgeting::occurrences)
      return complain(at + ".objective", fmt::format("'{}' is a composite that counts events: its parts weigh differently, so there is no share to promise", one.objective),
                      "name its parts, or give it `method: timeslices`");
    business::promise made{one.objective, one.target ? business::share_of_percent(*one.target) : business::share_of_percent(of->target * 100), usual};
    if (made.promised.billionths == 0) complain(at + ".target", "a promise is above 0 percent");
    if (one.credits.empty()) return check_tiers(path, usual, made.promised, one.objective), into.promises.push_back(std::move(made));
    made.credits = tiers(one.credits);
    check_tiers(at, made.credits, made.promised, one.objective);
    into.promises.push_back(std::move(made));
  }

  void exclusions(business::agreement& into, const std::string& path, const std::vector<exclusion_settings>& from) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      const auto at = fmt::format("{}.exclusions[{}]", path, i);
      const auto begin = parse_rfc3339(from[i].from), end = parse_rfc3339(from[i].to);
      if (!begin) complain(at + ".from", begin.error().message);
      if (!end) complain(at + ".to", end.error().message);
      if (from[i].reason.empty()) complain(at + ".reason", "say why it does not count: the counterparty reads it");
      if (!begin || !end) continue;
      if (*begin >= *end) complain(at + ".to", "is not after `from`");
      into.exclusions.push_back({{std::chrono::floor<std::chrono::minutes>(*begin), std::chrono::ceil<std::chrono::minutes>(*end)}, from[i].reason});
    }
  }

  void fee(business::agreement& into, const std::string& path, const fee_settings& from) {
    const auto cents = business::parse_cents(from.amount);
    if (!cents) complain(path + ".fee.amount", cents.error().message);
    const bool code = from.currency.size() == 3 && std::ranges::all_of(from.currency, [](char c) { return c >= 'A' && c <= 'Z'; });
    if (!code) complain(path + ".fee.currency", fmt::format("'{}' is no ISO 4217 code such as EUR", from.currency));
    if (cents && code) into.fee = {*cents, from.currency};
  }

  void agreement(const std::string& name, const agreement_settings& one) {
    const auto path = "agreements." + name;
    if (!business::archive::is_good_name(name)) complain(path, "names files: letters, digits, - and _, at most 100, not beginning with -");
    business::agreement made{.name = name, .title = one.title, .description = one.description, .counterparty = one.counterparty, .notes = one.notes};
    made.zone_name = one.time_zone;
    if (auto zone = time_zone::load(one.time_zone)) made.zone = std::make_shared<const time_zone>(std::move(*zone));
    else complain(path + ".time_zone", fmt::format("'{}' is no IANA time zone that this machine knows", one.time_zone));
    if (one.counterparty.empty() && from_.places.has(path + ".counterparty")) complain(path + ".counterparty", "is empty: say with whom it was agreed");
    if (one.objectives.empty()) complain(path, "promises nothing: name at least one of `objectives`");
    const auto usual = tiers(one.credits);
    for (std::size_t i = 0; i < one.objectives.size(); ++i) promise(made, path, fmt::format("{}.objectives[{}]", path, i), one.objectives[i], usual);
    exclusions(made, path, one.exclusions);
    if (one.fee) fee(made, path, *one.fee);
    made.issue_after = one.issue_after;
    out_.agreements.push_back(std::move(made));
  }

  std::optional<business::kpi_part> part(const std::string& path, const std::string& which, const std::string& indicator, const std::string& statistic) {
    if (indicator.empty()) return std::nullopt;
    const auto of = std::ranges::find(watched_.indicators, indicator, &slo::indicator_spec::name);
    const auto word = which == "per" ? "per_statistic" : "statistic";
    if (of == watched_.indicators.end()) return complain(path + "." + which, fmt::format("there is no indicator '{}'", indicator), "declare it in `indicators`"), std::nullopt;
    const auto what = statistic.empty() ? slo::usual_statistic(of->what.what) : slo::parse_statistic(statistic);
    if (!what) return complain(path + "." + word, fmt::format("'{}' is not one of {}", statistic, fmt::join(slo::statistic_names(), ", "))), std::nullopt;
    return business::kpi_part{indicator, *what};
  }

  slo::window window(const std::string& path, const kpi_settings& one) {
    const auto length = std::chrono::floor<slo::seconds>(one.window);
    if (one.calendar == calendar_choice::none) {
      if (length % 1h != 0s) complain(path + ".window", "has to be whole hours");
      return slo::rolling(length);
    }
    const auto zone_name = one.time_zone.empty() ? from_.time_zone : one.time_zone;
    if (auto made = calendar_window(one.calendar, zone_name)) return std::move(*made);
    complain(path + ".time_zone", fmt::format("'{}' is no IANA time zone that this machine knows", zone_name));
    return slo::rolling(length);
  }

  void kpi(const std::string& name, const kpi_settings& one) {
    const auto path = "kpis." + name;
    business::kpi_spec made{.name = name, .title = one.title, .description = one.description, .owner = one.owner, .unit = one.unit};
    made.part = part(path, "indicator", one.indicator, one.statistic);
    made.per = part(path, "per", one.per, one.per_statistic);
    if (one.indicator.empty() && !(one.statistic.empty() && one.per.empty() && one.per_statistic.empty()))
      complain(path + (one.per.empty() ? ".statistic" : ".per"), "needs `indicator`: without it, values come from outside");
    if (one.per.empty() && !one.per_statistic.empty()) complain(path + ".per_statistic", "needs `per`");
    made.fold = one.fold;
    if (one.at_least && one.at_most) complain(path + ".at_most", "either at_least or at_most");
    else if (!one.at_least && !one.at_most) complain(path, "needs a target: at_least or at_most");
    made.how = one.at_most ? slo::comparison::lte : slo::comparison::gte;
    made.target = one.at_most ? *one.at_most : one.at_least.value_or(0);
    made.over = window(path, one);
    for (std::size_t i = 0; i < one.objectives.size(); ++i)
      if (objective(fmt::format("{}.objectives[{}]", path, i), one.objectives[i]) != nullptr) made.objectives.push_back(one.objectives[i]);
    out_.kpis.push_back(std::move(made));
  }

  const settings& from_;
  const slo::watch_plan& watched_;
  diagnostics& found_;
  business::business_plan out_;
};

}  // namespace

business::business_plan compile_business(const settings& from, const slo::watch_plan& watched, diagnostics& found) { return business_compiler(from, watched, found).run(); }

}  // namespace andon::app
