#include "andon/business/kpi.hpp"

#include <algorithm>

namespace andon::business {

using namespace std::chrono_literals;

std::vector<time_span> windows_of(const slo::window& over, instant now, std::size_t how_many) {
  std::vector<time_span> out;
  auto end = slo::floor_to(now, 1h) + 1h;
  if (!over.is_rolling()) end = over.follows->at(now).end;
  for (std::size_t i = 0; i < how_many; ++i) {
    const auto begin = over.is_rolling() ? end - over.length : over.follows->at(end - 1s).begin;
    out.push_back({begin, end});
    end = begin;
  }
  return out;
}

std::optional<double> folded(std::span<const kpi_value> all, const time_span& in, folding how) {
  double sum = 0, last = 0;
  std::size_t n = 0;
  for (const auto& one : all) {
    if (one.at < in.begin || one.at >= in.end) continue;
    sum += one.value;
    last = one.value;
    ++n;
  }
  if (n == 0) return std::nullopt;
  switch (how) {
    case folding::last: return last;
    case folding::mean: return sum / static_cast<double>(n);
    case folding::sum: break;
  }
  return sum;
}

std::optional<double> quotient(std::optional<double> part, bool has_per, std::optional<double> per) {
  if (!part || !has_per) return part;
  if (!per || *per == 0) return std::nullopt;
  return *part / *per;
}

std::string_view to_string(standing of) {
  switch (of) {
    case standing::no_data: return "no data";
    case standing::met: return "met";
    case standing::missed: return "missed";
  }
  return "";
}

standing judge(const kpi_spec& what, std::optional<double> value) {
  if (!value) return standing::no_data;
  return slo::holds(*value, what.how, what.target) ? standing::met : standing::missed;
}

kpi_report make_report(kpi_spec what, std::vector<kpi_window> values) {
  kpi_report out{.what = std::move(what), .present = {}, .before = {}, .change = {}, .trend = {}, .objectives = {}};
  for (auto& one : values) one.stands = judge(out.what, one.value);
  std::vector<slo::point> points;
  const std::size_t first = out.what.over.is_rolling() ? 0 : 1;
  for (std::size_t i = first; i < values.size() && i < first + trend_windows; ++i)
    if (values[i].value) points.push_back({-static_cast<double>(i), *values[i].value});
  out.trend = slo::slope_of(points);
  if (values.size() > 1 && values[0].value && values[1].value) out.change = *values[0].value - *values[1].value;
  if (values.empty()) return out;
  out.present = values[0];
  out.before.assign(values.begin() + 1, values.end());
  return out;
}

}  // namespace andon::business
