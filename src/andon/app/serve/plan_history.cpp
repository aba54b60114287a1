#include "andon/app/serve/plan_history.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <sstream>

#include "andon/base/hashing.hpp"

namespace andon::app {
namespace {

constexpr std::array<std::string_view, 10> is_free{"alerting", "alert_rules", "indicators", "keys", "projects", "plan_history", "listen", "log", "ledger", "telemetry"};

/// Maps by key, so that the order of what stands in the file does not matter; lists as they are.
YAML::Node in_order(const YAML::Node& from) {
  if (from.IsMap()) {
    std::map<std::string, YAML::Node> entries;
    for (const auto& one : from) entries.emplace(one.first.as<std::string>(), in_order(one.second));
    YAML::Node out(YAML::NodeType::Map);
    for (const auto& [name, one] : entries) out.force_insert(name, one);
    return out;
  }
  if (!from.IsSequence()) return from.IsScalar() ? YAML::Node(from.Scalar()) : YAML::Node();
  YAML::Node out(YAML::NodeType::Sequence);
  for (const auto& one : from) out.push_back(in_order(one));
  return out;
}

/// The settings of the first level that are free, in one form.
std::string free_part(const YAML::Node& of) {
  YAML::Node out(YAML::NodeType::Map);
  for (const auto name : is_free)
    if (const auto one = of.IsMap() ? of[std::string(name)] : YAML::Node(YAML::NodeType::Undefined)) out.force_insert(std::string(name), in_order(one));
  return YAML::Dump(out);
}

/// The lines of each setting of the first level, with the comments behind it; what stands before the first has no name.
/// Nothing when they do not stand one below the other at the left.
std::vector<std::pair<std::string, std::string>> sections_of(const std::string& text, const YAML::Node& read) {
  std::map<int, std::string> begins{{0, ""}};
  for (const auto& one : read) {
    const auto at = one.first.Mark();
    if (at.column != 0 || read.Style() == YAML::EmitterStyle::Flow) return {};
    begins[at.line] = one.first.as<std::string>();
  }
  std::vector<std::pair<std::string, std::string>> out;
  std::istringstream in(text);
  int number = 0;
  for (std::string line; std::getline(in, line); ++number) {
    if (const auto begin = begins.find(number); begin != begins.end()) out.emplace_back(begin->second, "");
    out.back().second += line + "\n";
  }
  return out;
}

std::string kept_part(const YAML::Node& of) {
  auto all = in_order(of);
  for (const auto name : is_free)
    if (all.IsMap()) all.remove(std::string(name));
  return YAML::Dump(all);
}

/// An alias may have lost its anchor, or found another; a document's end may stand in the middle.
bool is_mix_of(const std::string& text, const YAML::Node& kept, const YAML::Node& free) {
  try {
    const auto all = YAML::LoadAll(text);
    return all.size() == 1 && free_part(all[0]) == free_part(free) && kept_part(all[0]) == kept_part(kept);
  } catch (const YAML::Exception&) {
    return false;
  }
}

bool stays_free(const std::string& name) { return std::ranges::find(is_free, name) != is_free.end(); }

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(std::move(line));
  return out;
}

struct edit {
  char kind;             // ' ', '-', '+'
  std::string_view line;
};

/// Longest common subsequence; what is alike at both ends is left out of it.
std::vector<edit> edits(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<edit> out;
  std::size_t head = 0, tail = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) out.push_back({' ', a[head++]});
  while (tail < a.size() - head && tail < b.size() - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  const std::size_t n = a.size() - head - tail, m = b.size() - head - tail;
  constexpr std::size_t most_cells = 25'000'000;  // beyond, all of the middle is shown as replaced
  if (n * m > most_cells) {
    for (std::size_t i = 0; i < n; ++i) out.push_back({'-', a[head + i]});
    for (std::size_t j = 0; j < m; ++j) out.push_back({'+', b[head + j]});
  } else {
    std::vector<std::uint32_t> best((n + 1) * (m + 1), 0);
    const auto at = [&](std::size_t i, std::size_t j) -> std::uint32_t& { return best[i * (m + 1) + j]; };
    for (std::size_t i = n; i-- > 0;)
      for (std::size_t j = m; j-- > 0;) at(i, j) = a[head + i] == b[head + j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
    for (std::size_t i = 0, j = 0; i < n || j < m;) {
      if (i < n && j < m && a[head + i] == b[head + j]) out.push_back({' ', a[head + i]}), ++i, ++j;
      else if (i < n && (j == m || at(i + 1, j) >= at(i, j + 1))) out.push_back({'-', a[head + i++]});
      else out.push_back({'+', b[head + j++]});
    }
  }
  for (std::size_t i = a.size() - tail; i < a.size(); ++i) out.push_back({' ', a[i]});
  return out;
}

}  // namespace

std::string plan_hash(const std::string& text) { return to_hex(sha256(text)); }

std::span<const std::string_view> free_settings() { return is_free; }

std::string frozen_part(const std::string& text, const settings& read) {
  std::string out;
  try {
    out = kept_part(YAML::Load(text));
  } catch (const YAML::Exception&) {
    out = text;  // it was read before: a text that YAML refuses never comes here
  }
  for (const auto& file : read.openslo) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream content;
    content << in.rdbuf();
    out += "\n" + plan_hash(std::move(content).str());
  }
  return out;
}

bool says_the_same(const std::string& a, const std::string& b) {
  try {
    return YAML::Dump(in_order(YAML::Load(a))) == YAML::Dump(in_order(YAML::Load(b)));
  } catch (const YAML::Exception&) {
    return a == b;
  }
}

std::string with_free_part_of(const std::string& plan, const std::string& now) {
  try {
    auto to = YAML::Load(plan);
    const auto from = YAML::Load(now);
    if (free_part(to) == free_part(from)) return plan;
    const auto kept = sections_of(plan, to), present = sections_of(now, from);
    std::string out;
    for (const auto& [name, lines] : kept)
      if (!stays_free(name)) out += lines;
    for (const auto& [name, lines] : present)
      if (stays_free(name)) out += lines;
    if (!kept.empty() && !present.empty() && is_mix_of(out, to, from)) return out;
    for (const auto name : is_free) {
      to.remove(std::string(name));
      if (from[std::string(name)]) to[std::string(name)] = from[std::string(name)];
    }
    return YAML::Dump(to);
  } catch (const YAML::Exception&) {
    return plan;  // both were read before: a text that YAML refuses never comes here
  }
}

const slo::plan_entry* find_good_plan(std::span<const slo::plan_entry> plans, const std::string& objective, double bound, slo::seconds within, slo::instant now,
                                      const std::function<bool(const slo::plan_entry&)>& is_present) {
  for (std::size_t i = 1; i < plans.size(); ++i) {
    const auto& by = plans[i - 1];  // which replaced it
    if (now - by.at > within) return nullptr;
    if (by.who.starts_with("dec_")) continue;
    const auto left = std::ranges::find(by.standing, objective, &std::pair<std::string, double>::first);
    const bool inside = left == by.standing.end() || left->second > bound;
    if (inside && !is_present(plans[i])) return &plans[i];
  }
  return nullptr;
}

std::string text_diff(const std::string& before, const std::string& after, const std::string& before_name, const std::string& after_name) {
  constexpr std::size_t around = 3;
  const auto a = lines_of(before), b = lines_of(after);
  const auto all = edits(a, b);
  std::vector<bool> shown(all.size(), false);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].kind != ' ')
      for (std::size_t j = i - std::min(i, around); j < std::min(all.size(), i + around + 1); ++j) shown[j] = true;
  std::string out;
  std::size_t old_line = 1, new_line = 1;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (shown[i] && (i == 0 || !shown[i - 1])) {
      std::size_t olds = 0, news = 0;
      for (std::size_t j = i; j < all.size() && shown[j]; ++j) olds += all[j].kind != '+', news += all[j].kind != '-';
      if (out.empty()) out = fmt::format("--- {}\n+++ {}\n", before_name, after_name);
      out += fmt::format("@@ -{},{} +{},{} @@\n", old_line, olds, new_line, news);
    }
    if (shown[i]) out += fmt::format("{}{}\n", all[i].kind, all[i].line);
    old_line += all[i].kind != '+';
    new_line += all[i].kind != '-';
  }
  return out;
}

}  // namespace andon::app
