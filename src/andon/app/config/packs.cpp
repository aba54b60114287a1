#include "andon/app/config/packs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "andon/slo/measure.hpp"

// clang-format off
__asm__(
    ".section .rodata.andon_pack_standard,\"a\",@progbits\n"
    ".globl andon_pack_standard_begin\n"
    ".hidden andon_pack_standard_begin\n"
    ".globl andon_pack_standard_end\n"
    ".hidden andon_pack_standard_end\n"
    "andon_pack_standard_begin:\n"
    ".incbin \"" ANDON_PACK_STANDARD "\"\n"
    "andon_pack_standard_end:\n"
    ".previous\n");
// clang-format on

extern "C" const char andon_pack_standard_begin[];
extern "C" const char andon_pack_standard_end[];

namespace andon::app {
namespace {

/// One pack on its way into the settings of a file.
class addition {
public:
  addition(const pack_settings& how, std::string path, settings& to, diagnostics& found) : how_(how), path_(std::move(path)), to_(to), found_(found) {}

  void add(const pack& what) {
    name_ = what.name;
    diagnostics inside{fmt::format("pack {}", what.name)};
    auto part = read_settings(std::string(what.text), inside, [](const std::string&) { return std::optional<std::string>{}; });
    for (const auto& one : inside.sorted()) found_.add(place(), path_, to_string(one));
    move("objectives", part.objectives, to_.objectives);
    move("indicators", part.indicators, to_.indicators);
    move("alert_rules", part.alert_rules, to_.alert_rules);
    unknown_exceptions(what);
  }

private:
  [[nodiscard]] position place() const { return to_.places.at(path_); }

  template <class T>
  void move(std::string_view table, table_of<T>& from, table_of<T>& into) {
    for (auto& [name, one] : from.entries) {
      known_.insert(name);
      if (std::ranges::find(how_.without, name) != how_.without.end()) continue;
      if (into.entries.contains(name)) {
        const auto own = fmt::format("{}.{}", table, name);
        found_.warn(to_.places.at(own), own, fmt::format("takes the place of '{}' of the pack '{}'", name, name_), fmt::format("if that is meant, say so: `without: [ {} ]` at the pack", name));
        continue;
      }
      if constexpr (requires { one.filter; }) narrow(one);
      to_.places.put(fmt::format("{}.{}", table, name), place());
      into.entries.emplace(name, std::move(one));
    }
  }

  template <class T>
  void narrow(T& one) const {
    const auto* what = slo::find_measure(one.measure);
    if (how_.filter.empty() || what == nullptr || what->source != slo::measure_source::records) return;
    one.filter = one.filter.empty() ? how_.filter : fmt::format("({}) ({})", how_.filter, one.filter);
  }

  void unknown_exceptions(const pack& what) {
    for (std::size_t i = 0; i < how_.without.size(); ++i)
      if (!known_.contains(how_.without[i])) {
        const auto close = nearest(how_.without[i], {known_.begin(), known_.end()});
        const auto at = fmt::format("{}.without[{}]", path_, i);
        found_.add(to_.places.at(at), at, fmt::format("the pack has no '{}'", how_.without[i]),
                   close.empty() ? fmt::format("`andon pack show {}` prints it", what.name) : "did you mean '" + close + "'?");
      }
  }

  const pack_settings& how_;
  std::string path_;
  settings& to_;
  diagnostics& found_;
  std::string_view name_;
  std::set<std::string> known_;
};

}  // namespace

std::span<const pack> pack_table() {
  static const std::array all{pack{"standard", "The field's usual promises: reliability, scalability, robustness, security.",
                                   {andon_pack_standard_begin, static_cast<std::size_t>(andon_pack_standard_end - andon_pack_standard_begin)}}};
  return all;
}

void add_packs(settings& to, diagnostics& found) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < to.packs.size(); ++i) {
    const auto& how = to.packs[i];
    const auto path = fmt::format("packs[{}]", i);
    const auto what = std::ranges::find(pack_table(), how.name, &pack::name);
    if (!seen.insert(how.name).second) found.add(to.places.at(path), path, fmt::format("'{}' is named twice", how.name));
    else if (what != pack_table().end()) addition(how, path, to, found).add(*what);
    else {
      std::vector<std::string> names;
      for (const auto& one : pack_table()) names.emplace_back(one.name);
      found.add(to.places.at(path), path, fmt::format("there is no pack '{}'", how.name), fmt::format("one of {}", fmt::join(names, ", ")));
    }
  }
}

}  // namespace andon::app
