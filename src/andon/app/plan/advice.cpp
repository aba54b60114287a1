#include "andon/app/plan/advice.hpp"

#include <algorithm>
#include <set>

#include "andon/app/plan/advice_alerting.hpp"
#include "andon/base/time_text.hpp"

namespace andon::app {
namespace {

class adviser {
public:
  adviser(const settings& from, diagnostics& found) : from_(from), found_(found) {}

  void run() {
    secrets();
    for (const auto& [name, one] : from_.routes.entries) {
      targets("routes." + name, one);
      deadlines("routes." + name + ".deadline", one.deadline);
      hedge("routes." + name + ".hedge", one);
    }
    unused_providers();
    unused_models();
    unused_routes();
  }

private:
  void warn(const std::string& path, std::string message, std::string hint = {}) {
    found_.warn(from_.places.at(path), path, std::move(message), std::move(hint));
  }

  struct used_secret {
    std::string text, path, service;  ///< service: of a provider's credential, which entries of one service may share
  };

  void secrets() {
    std::vector<used_secret> seen;
    const auto add = [&](const secret& text, std::string path, std::string service) {
      if (text.empty()) return;
      const auto same = std::ranges::find_if(seen, [&](const used_secret& one) {
        return one.text == text.reveal() && (service.empty() || one.service != service);
      });
      if (same != seen.end()) warn(path, "is the same secret as " + same->path, "each place wants its own: whoever learns one has both");
      seen.push_back({std::string(text.reveal()), std::move(path), std::move(service)});
    };
    for (const auto& [name, one] : from_.providers.entries)
      if (one.key) add(*one.key, "providers." + name + ".key", one.url.empty() ? one.kind.empty() ? name : one.kind : one.url);
    for (const auto& [name, one] : from_.keys.entries) add(one.value, "keys." + name + ".value", {});
    if (from_.ledger.encryption) add(*from_.ledger.encryption, "ledger.encryption", {});
  }

  static bool same_conditions(const target_settings& a, const target_settings& b) {
    return std::ranges::equal(a.when, b.when, [](const auto& x, const auto& y) { return x.field == y.field && x.op == y.op && x.value == y.value; });
  }

  void targets(const std::string& path, const route_settings& one) {
    for (std::size_t i = 1; i < one.targets.size(); ++i)
      for (std::size_t before = 0; before < i; ++before) {
        const auto &a = one.targets[before], &b = one.targets[i];
        if (a.model.empty() || a.model != b.model || !same_conditions(a, b)) continue;
        warn(path + ".targets[" + std::to_string(i) + "]", "'" + b.model + "' is already targets[" + std::to_string(before) + "] of this route",
             "a failover to it tries the same model again; for a larger share give `weight`");
        break;
      }
  }

  void deadlines(const std::string& path, const deadline_settings& one) {
    const auto reach = [&](const char* member, nanoseconds span) {
      if (span > one.total)
        warn(path + "." + member, format_duration(span) + " is longer than the whole call may take", "total is " + format_duration(one.total));
    };
    reach("connect", one.connect);
    reach("first_token", one.first_token);
    reach("idle", one.idle);
  }

  void hedge(const std::string& path, const route_settings& one) {
    if (one.hedge.after == nanoseconds{} && one.hedge.quantile == 0) return;
    const bool alone = std::ranges::all_of(one.targets, [&](const auto& target) { return target.model == one.targets.front().model; });
    if (alone) warn(path, "the route has no second model that could be asked", "add one to `targets`");
    else if (one.hedge.after >= one.deadline.total) warn(path + ".after", format_duration(one.hedge.after) + " is longer than the whole call may take", "total is " + format_duration(one.deadline.total));
  }

  void unused_providers() {
    std::set<std::string> used;
    for (const auto& [name, one] : from_.models.entries) used.insert(one.provider);
    for (const auto& [name, one] : from_.providers.entries)
      if (!used.contains(name)) warn("providers." + name, "no model uses this provider", "add an entry to `models`, or remove it");
  }

  void unused_models() {
    std::set<std::string> used;
    for (const auto& [name, one] : from_.routes.entries)
      for (const auto& target : one.targets) used.insert(target.model);
    for (const auto& [name, one] : from_.routes.entries) used.insert(one.cache.semantic.model);
    for (const auto& [name, one] : from_.models.entries)
      if (!used.contains(name)) warn("models." + name, "no route has this model as a target", "clients call routes: add one under `routes`, or remove it");
  }

  void unused_routes() {
    if (from_.projects.entries.empty()) return;
    std::set<std::string> used;
    for (const auto& [name, one] : from_.projects.entries) {
      if (one.models.empty()) return;  // may use all
      used.insert(one.models.begin(), one.models.end());
    }
    for (const auto& [name, one] : from_.routes.entries)
      if (!used.contains(name)) warn("routes." + name, "no project of this file may use this route", "add it to the `models` of a project, or remove it");
  }

  const settings& from_;
  diagnostics& found_;
};

}  // namespace

void advise(const settings& from, wall_time now, diagnostics& found) {
  adviser(from, found).run();
  advise_alerting(from, now, found);
}

}  // namespace andon::app
