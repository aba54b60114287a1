#include <fmt/format.h>

#include <cmath>

#include "andon/base/metrics.hpp"

namespace andon::metrics {
namespace {

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string as_name(std::string_view text) {
  std::string name{text};
  for (char& c : name)
    if (!is_name_char(c)) c = '_';
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) name.insert(name.begin(), '_');
  return name;
}

std::string_view unit_suffix(std::string_view unit, kind what) {
  struct row { std::string_view unit, suffix; };
  static constexpr std::array rows{row{"s", "_seconds"}, row{"ms", "_milliseconds"}, row{"us", "_microseconds"},
                                   row{"ns", "_nanoseconds"}, row{"By", "_bytes"}, row{"USD", "_usd"}, row{"nUSD", "_nano_usd"}};
  for (const auto& [known, suffix] : rows)
    if (unit == known) return suffix;
  return unit == "1" && what == kind::gauge ? "_ratio" : "";
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (char c : text) {
    if (c == '\\') out += "\\\\";
    else if (c == '\n') out += "\\n";
    else if (c == '"' && quotes) out += "\\\"";
    else out += c;
  }
}

void append_number(std::string& out, double v) {
  if (std::isnan(v)) out += "NaN";
  else if (std::isinf(v)) out += v > 0 ? "+Inf" : "-Inf";
  else if (v == std::floor(v) && std::abs(v) < 1e15) fmt::format_to(std::back_inserter(out), "{}", static_cast<std::int64_t>(v));
  else fmt::format_to(std::back_inserter(out), "{}", v);
}

// `{a="1",b="2"` without its end, or nothing.
std::string open_labels(const labels& with) {
  std::string out;
  for (const auto& [name, value] : with) {
    out += out.empty() ? '{' : ',';
    out += as_name(name);
    out += "=\"";
    append_escaped(out, value, true);
    out += '"';
  }
  return out;
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix, std::string_view opened, double v) {
  out.append(name).append(suffix).append(opened);
  if (!opened.empty()) out += '}';
  out += ' ';
  append_number(out, v);
  out += '\n';
}

void append_histogram(std::string& out, std::string_view name, const std::string& opened, const registry::series& one) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < one.buckets.buckets.size(); ++i) {
    below += one.buckets.buckets[i];
    std::string with = opened + (opened.empty() ? "{le=\"" : ",le=\"");
    append_number(with, i < one.boundaries.size() ? one.boundaries[i] : INFINITY);
    append_sample(out, name, "_bucket", with + '"', static_cast<double>(below));
  }
  append_sample(out, name, "_sum", opened, one.buckets.sum);
  append_sample(out, name, "_count", opened, static_cast<double>(one.buckets.count));
}

void append_head(std::string& out, std::string_view name, const registry::series& one) {
  static constexpr std::array<std::string_view, 3> kinds{"counter", "gauge", "histogram"};
  out.append("# HELP ").append(name).append(" ");
  append_escaped(out, one.about.help, false);
  out.append("\n# TYPE ").append(name).append(" ").append(kinds[static_cast<std::size_t>(one.what)]).append("\n");
}

}  // namespace

std::string prometheus_name(const description& about, kind what) {
  constexpr std::string_view total = "_total";
  std::string name = as_name(about.name);
  if (what == kind::counter && name.ends_with(total)) name.resize(name.size() - total.size());
  if (const auto suffix = unit_suffix(about.unit, what); !name.ends_with(suffix)) name += suffix;
  if (what == kind::counter) name += total;
  return name;
}

std::string registry::render_prometheus() const {
  std::string out;
  std::string name;
  const description* current = nullptr;
  visit([&](const series& one) {
    if (&one.about != current) {
      current = &one.about;
      name = prometheus_name(one.about, one.what);
      append_head(out, name, one);
    }
    const std::string opened = open_labels(one.with);
    if (one.what == kind::histogram) append_histogram(out, name, opened, one);
    else append_sample(out, name, "", opened, one.value);
  });
  return out;
}

}  // namespace andon::metrics
