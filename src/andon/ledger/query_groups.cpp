#include "andon/ledger/query_groups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "andon/ledger/query_eval.hpp"

namespace andon::ledger {
namespace {

constexpr double growth = 1.02;
constexpr std::size_t max_sketches = 20'000;

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

number column_of(measure m) {
  switch (m) {
    case measure::latency: return number::duration;
    case measure::ttft: return number::first_token;
    case measure::upstream: return number::upstream;
    case measure::cost: return number::cost;
    case measure::tokens: break;
  }
  return number::input;
}

std::string word_of(field f, std::int64_t v) {
  switch (f) {
    case field::operation: return std::string{word_name(f, v)};
    case field::outcome: return std::string{v == 0 ? std::string_view{} : kind_of(static_cast<errc>(v)).name};
    case field::origin: return v == 0 ? std::string{} : std::string{to_string(kind_of(static_cast<errc>(v)).from)};
    case field::delivered: case field::price: return std::string{word_name(f, v)};
    case field::cache: return std::string{word_name(f, v >> cache_shift & 7)};
    case field::http: return std::string{word_name(f, v >> http_shift & 3)};
    case field::upstream_http: return std::string{word_name(f, v >> upstream_http_shift & 3)};
    default: return std::to_string(v);
  }
}

std::optional<number> small_column(field f) {
  switch (f) {
    case field::operation: return number::op;
    case field::outcome: case field::origin: return number::outcome;
    case field::delivered: return number::delivered;
    case field::price: return number::price;
    case field::status: return number::status;
    case field::attempts: return number::attempts;
    case field::http: case field::upstream_http: case field::cache: case field::stream: case field::interrupted: case field::estimated: case field::truncated: return number::flags;
    default: return std::nullopt;
  }
}

int flag_bit(field f) {
  return f == field::stream ? flag_stream : f == field::interrupted ? flag_interrupted : f == field::estimated ? flag_estimated : f == field::truncated ? flag_truncated : 0;
}

}  // namespace

int value_sketch::bucket_of(std::int64_t value) { return static_cast<int>(std::ceil(std::log(static_cast<double>(value)) / std::log(growth))); }

void value_sketch::add(std::int64_t value) {
  ++count_;
  if (value <= 0) { ++zeros_; return; }
  const int b = bucket_of(value);
  if (buckets_.empty()) first_ = b;
  if (b < first_) { buckets_.insert(buckets_.begin(), static_cast<std::size_t>(first_ - b), 0); first_ = b; }
  if (b >= first_ + static_cast<int>(buckets_.size())) buckets_.resize(static_cast<std::size_t>(b - first_) + 1);
  ++buckets_[static_cast<std::size_t>(b - first_)];
}

double value_sketch::percentile(double p) const {
  if (count_ == 0) return std::nan("");
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(p * static_cast<double>(count_))));
  std::uint64_t below = zeros_;
  if (rank <= below) return 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    below += buckets_[i];
    if (rank <= below) return 2 * std::pow(growth, first_ + static_cast<int>(i)) / (growth + 1);
  }
  return std::nan("");
}

/// For every row of a group of Records the axis's text, as an ordinal. Several values: each counts.
struct row_groups::axis_values {
  std::vector<std::string> texts;
  std::function<void(std::uint32_t, std::vector<std::uint32_t>&)> of;
};

struct row_groups::number_columns {
  number_span started, duration, input, output, cached, reasoning, cost, outcome, price;
  std::vector<number_span> measured;
};

result<row_groups> row_groups::make(const aggregate_request& ask) {
  row_groups groups;
  groups.ask_ = ask;
  if (ask.group_by.size() > 3) return fail(errc::invalid_argument, "group by at most 3 fields", "group_by");
  if (ask.max_groups < 1 || ask.max_groups > 10'000) return fail(errc::invalid_argument, "max_groups must be 1 to 10000", "max_groups");
  if (ask.bucket < nanoseconds::zero()) return fail(errc::invalid_argument, "the bucket must not be negative", "bucket");
  if (ask.max_groups * ask.percentiles_of.size() > max_sketches) return fail(errc::invalid_argument, "too many percentiles for so many groups; lower max_groups", "max_groups");
  for (const double p : ask.percentiles) if (!(p > 0 && p <= 1)) return fail(errc::invalid_argument, "percentiles must be in (0, 1]", "percentiles");
  for (const std::string& name : ask.group_by) {
    if (name.starts_with("meta.") && name.size() > 5) { groups.axes_.push_back({field::meta, lower(name.substr(5)) + '='}); continue; }
    const field_about* f = find_field(name);
    const bool groupable = f != nullptr && f->which != field::meta && (static_cast<std::size_t>(f->which) < name_count || f->which == field::tag || small_column(f->which));
    if (!groupable) return fail(errc::invalid_argument, fmt::format("cannot group by '{}'", name), "group_by");
    groups.axes_.push_back({f->which, {}});
  }
  groups.total_.sketches.resize(ask.percentiles_of.size());
  return groups;
}

result<row_groups::axis_values> row_groups::values_of(const axis& a, segment_view& rows) {
  axis_values out;
  if (static_cast<std::size_t>(a.which) < name_count) {
    const auto span = rows.names(a.which);
    if (!span) return std::unexpected(span.error());
    for (std::uint32_t i = 0; i < span->names.count; ++i) out.texts.emplace_back(span->names.at(i));
    out.of = [span = *span](std::uint32_t row, std::vector<std::uint32_t>& to) { to.assign(1, static_cast<std::uint32_t>(span.ordinals.at(row))); };
    return out;
  }
  if (a.which == field::tag || a.which == field::meta) {
    const auto span = rows.lists(a.which);
    if (!span) return std::unexpected(span.error());
    std::vector<std::uint32_t> map(span->names.count);
    out.texts.emplace_back();
    for (std::uint32_t i = 0; i < span->names.count; ++i) {
      std::string_view name = span->names.at(i);
      if (a.which == field::meta) {
        if (lower(name.substr(0, a.meta_key.size())) != a.meta_key) continue;
        name.remove_prefix(a.meta_key.size());
      }
      map[i] = static_cast<std::uint32_t>(out.texts.size());
      out.texts.emplace_back(name);
    }
    out.of = [span = *span, map = std::move(map)](std::uint32_t row, std::vector<std::uint32_t>& to) {
      to.clear();
      const auto last = static_cast<std::uint32_t>(span.ends.at(row));
      for (std::uint32_t i = row == 0 ? 0 : static_cast<std::uint32_t>(span.ends.at(row - 1)); i < last; ++i) {
        const std::uint32_t text = map[static_cast<std::size_t>(span.ordinals.at(i))];
        if (text != 0 && std::ranges::find(to, text) == to.end()) to.push_back(text);
      }
      if (to.empty()) to.push_back(0);
    };
    return out;
  }
  const auto span = rows.numbers(*small_column(a.which));
  if (!span) return std::unexpected(span.error());
  std::unordered_map<std::string, std::uint32_t> known;
  std::vector<std::uint32_t> ordinals(rows.rows());
  for (std::uint32_t row = 0; row < rows.rows(); ++row) {
    const std::int64_t v = span->at(row);
    const int bit = flag_bit(a.which);
    std::string text = bit != 0 ? ((v & bit) != 0 ? "true" : "false") : word_of(a.which, v);
    const auto [at, fresh] = known.try_emplace(std::move(text), static_cast<std::uint32_t>(known.size()));
    if (fresh) out.texts.push_back(at->first);
    ordinals[row] = at->second;
  }
  out.of = [ordinals = std::move(ordinals)](std::uint32_t row, std::vector<std::uint32_t>& to) { to.assign(1, ordinals[row]); };
  return out;
}

result<row_groups::number_columns> row_groups::columns_of(segment_view& rows) const {
  number_columns out;
  const std::array<std::pair<number, number_span*>, 9> all{{{number::started, &out.started}, {number::duration, &out.duration}, {number::input, &out.input},
      {number::output, &out.output}, {number::cached, &out.cached}, {number::reasoning, &out.reasoning}, {number::cost, &out.cost},
      {number::outcome, &out.outcome}, {number::price, &out.price}}};
  for (const auto& [which, to] : all) {
    const auto span = rows.numbers(which);
    if (!span) return std::unexpected(span.error());
    *to = *span;
  }
  for (const measure m : ask_.percentiles_of) {
    const auto span = rows.numbers(column_of(m));
    if (!span) return std::unexpected(span.error());
    out.measured.push_back(*span);
  }
  return out;
}

void row_groups::add_row(cell& to, const number_columns& from, std::uint32_t row) const {
  aggregate_group& g = to.sums;
  ++g.count;
  g.errors += from.outcome.at(row) != 0 ? 1u : 0u;
  if (from.price.at(row) == static_cast<std::int64_t>(price_state::unknown)) ++g.unpriced;
  else g.cost += nano_usd{from.cost.at(row)};
  g.input += tokens{from.input.at(row)};
  g.output += tokens{from.output.at(row)};
  g.cached += tokens{from.cached.at(row)};
  g.reasoning += tokens{from.reasoning.at(row)};
  g.latency_sum += nanoseconds{from.duration.at(row)};
  for (std::size_t i = 0; i < ask_.percentiles_of.size(); ++i) {
    const measure m = ask_.percentiles_of[i];
    std::int64_t value = from.measured[i].at(row);
    if (m == measure::tokens) value += from.output.at(row);
    if (m == measure::ttft && value == 0) continue;
    if (m == measure::cost && from.price.at(row) == static_cast<std::int64_t>(price_state::unknown)) continue;
    to.sketches[i].add(value);
  }
}

row_groups::cell& row_groups::cell_for(key k) {
  const auto found = cells_.find(k);
  if (found != cells_.end()) return found->second;
  cell* to = nullptr;
  if (cells_.size() < ask_.max_groups) to = &cells_[std::move(k)];
  else { if (!other_) { other_.emplace(); other_->sketches.resize(ask_.percentiles_of.size()); } to = &*other_; }
  to->sketches.resize(ask_.percentiles_of.size());
  return *to;
}

result<void> row_groups::take(const bitmap& matches, segment_view& rows) {
  const auto columns = columns_of(rows);
  if (!columns) return std::unexpected(columns.error());
  std::vector<axis_values> axes;
  for (const axis& a : axes_) {
    auto values = values_of(a, rows);
    if (!values) return std::unexpected(values.error());
    axes.push_back(std::move(*values));
  }
  struct local { std::int64_t bucket; std::uint32_t a, b, c; auto operator<=>(const local&) const = default; };
  std::map<local, cell*> cells;
  std::array<std::vector<std::uint32_t>, 3> ordinals;
  const std::int64_t width = ask_.bucket.count();
  local last{};
  cell* last_cell = nullptr;
  matches.each([&](std::uint32_t row) {
    add_row(total_, *columns, row);
    const std::int64_t at = columns->started.at(row);
    const std::int64_t bucket = width == 0 ? 0 : (at >= 0 ? at / width : (at - width + 1) / width) * width;
    for (std::size_t i = 0; i < 3; ++i) if (i < axes.size()) axes[i].of(row, ordinals[i]); else ordinals[i].assign(1, 0);
    for (const std::uint32_t a : ordinals[0]) for (const std::uint32_t b : ordinals[1]) for (const std::uint32_t c : ordinals[2]) {
      const local where{bucket, a, b, c};
      if (last_cell == nullptr || where != last) {
        cell*& known = cells[where];
        if (known == nullptr) {
          key k{bucket, {}};
          const std::array<std::uint32_t, 3> of{a, b, c};
          for (std::size_t i = 0; i < axes.size(); ++i) k.names.push_back(axes[i].texts[of[i]]);
          known = &cell_for(std::move(k));
        }
        last = where;
        last_cell = known;
      }
      add_row(*last_cell, *columns, row);
    }
  });
  return {};
}

aggregate_group row_groups::finished(cell& from, const key& k) const {
  aggregate_group out = std::move(from.sums);
  out.keys = k.names;
  out.bucket_start = wall_time{nanoseconds{k.bucket}};
  for (const value_sketch& s : from.sketches) {
    auto& to = out.percentiles.emplace_back();
    for (const double p : ask_.percentiles) to.push_back(s.percentile(p));
  }
  return out;
}

aggregated row_groups::finish() {
  aggregated out;
  for (auto& [k, c] : cells_) out.groups.push_back(finished(c, k));
  std::ranges::sort(out.groups, [](const aggregate_group& a, const aggregate_group& b) {
    return a.bucket_start != b.bucket_start ? a.bucket_start < b.bucket_start : a.count != b.count ? a.count > b.count : a.keys < b.keys;
  });
  out.total = finished(total_, {});
  if (other_) out.other = finished(*other_, {});
  return out;
}

}  // namespace andon::ledger
