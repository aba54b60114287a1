#include "andon/app/config/diagnostics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace andon::app {
namespace {

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

std::vector<diagnostic> by_place(const std::vector<diagnostic>& all) {
  std::multimap<std::pair<int, int>, diagnostic> places;
  for (const auto& one : all) places.emplace(std::pair{one.at.line, one.at.column}, one);
  std::vector<diagnostic> out;
  for (auto& [place, one] : places) out.push_back(std::move(one));
  return out;
}

}  // namespace

position place_map::at(std::string_view path) const {
  while (!path.empty()) {
    if (const auto found = places_.find(path); found != places_.end()) return found->second;
    const auto end = path.find_last_of(".[");
    path = path.substr(0, end == std::string_view::npos ? 0 : end);
  }
  return {};
}

std::string to_string(const diagnostic& d) {
  auto place = d.at.line > 0 ? fmt::format("{}:{}:{}", d.file, d.at.line, d.at.column) : d.file;
  auto text = fmt::format("{}: {}{}{}{}", place, d.weight == severity::warning ? "warning: " : "", d.path, d.path.empty() ? "" : ": ", d.message);
  return d.hint.empty() ? text : fmt::format("{} ({})", text, d.hint);
}

void diagnostics::add(position at, std::string path, std::string message, std::string hint) {
  found_.push_back({severity::error, file_, at, std::move(path), std::move(message), std::move(hint)});
}

void diagnostics::warn(position at, std::string path, std::string message, std::string hint) {
  warnings_.push_back({severity::warning, file_, at, std::move(path), std::move(message), std::move(hint)});
}

bool diagnostics::says_of(std::string_view path) const {
  return std::ranges::any_of(found_, [&](const diagnostic& one) {
    return one.path.starts_with(path) && (one.path.size() == path.size() || one.path[path.size()] == '.' || one.path[path.size()] == '[');
  });
}

std::vector<diagnostic> diagnostics::sorted() const { return by_place(found_); }
std::vector<diagnostic> diagnostics::warnings() const { return by_place(warnings_); }

std::string diagnostics::text() const {
  std::string out;
  for (const auto& one : sorted()) out.append(out.empty() ? "" : "\n").append(to_string(one));
  return out;
}

std::string nearest(const std::string& name, const std::vector<std::string>& candidates) {
  std::string best;
  auto limit = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const auto& candidate : candidates)
    if (const auto distance = edit_distance(name, candidate); distance < limit) {
      limit = distance;
      best = candidate;
    }
  return best;
}

}  // namespace andon::app
