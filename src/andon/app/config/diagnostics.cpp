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

}  // namespace

std::string to_string(const diagnostic& d) {
  auto place = d.at.line > 0 ? fmt::format("{}:{}:{}", d.file, d.at.line, d.at.column) : d.file;
  auto text = fmt::format("{}: {}{}{}", place, d.path, d.path.empty() ? "" : ": ", d.message);
  return d.hint.empty() ? text : fmt::format("{} ({})", text, d.hint);
}

void diagnostics::add(position at, std::string path, std::string message, std::string hint) {
  found_.push_back({file_, at, std::move(path), std::move(message), std::move(hint)});
}

std::vector<diagnostic> diagnostics::sorted() const {
  std::multimap<std::pair<int, int>, diagnostic> by_place;
  for (const auto& one : found_) by_place.emplace(std::pair{one.at.line, one.at.column}, one);
  std::vector<diagnostic> out;
  for (auto& [place, one] : by_place) out.push_back(std::move(one));
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
