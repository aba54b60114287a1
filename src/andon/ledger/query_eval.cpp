#include "andon/ledger/query_eval.hpp"

#include <algorithm>

#include "andon/ledger/name_match.hpp"
#include "andon/ledger/query_text.hpp"

namespace andon::ledger {
namespace {

template <class Offset>
void set_range(bitmap& out, const number_span& span, std::uint64_t low, std::uint64_t high) {
  auto& words = out.words();
  const std::uint64_t width = high - low;
  for (std::uint32_t first = 0; first < span.rows; first += 64) {
    const std::uint32_t n = std::min(64u, span.rows - first);
    std::uint64_t bits = 0;
    for (std::uint32_t i = 0; i < n; ++i) {
      Offset value;
      std::memcpy(&value, span.data + std::size_t{first + i} * sizeof(Offset), sizeof value);
      bits |= static_cast<std::uint64_t>(static_cast<std::uint64_t>(value) - low <= width) << i;
    }
    words[first / 64] = bits;
  }
}

/// Rows whose value is in [low, high].
void match_range(bitmap& out, const number_span& span, std::int64_t low, std::int64_t high) {
  const auto offset = [&](std::int64_t v) { return static_cast<std::uint64_t>(v) - static_cast<std::uint64_t>(span.base); };
  if (span.base == 0 && span.width == 8) {  // signed values as they are
    for (std::uint32_t i = 0; i < span.rows; ++i) if (const auto v = span.at(i); v >= low && v <= high) out.set(i);
    return;
  }
  const std::uint64_t limit = span.width == 8 ? ~0ULL : span.width == 0 ? 0 : (1ULL << span.width * 8) - 1;
  if (high < span.base) return;
  const std::uint64_t first = low <= span.base ? 0 : offset(low);
  const std::uint64_t last = std::min(limit, offset(high));
  if (first > last) return;
  switch (span.width) {
    case 0: out.flip(); break;
    case 1: set_range<std::uint8_t>(out, span, first, last); break;
    case 2: set_range<std::uint16_t>(out, span, first, last); break;
    case 4: set_range<std::uint32_t>(out, span, first, last); break;
    default: set_range<std::uint64_t>(out, span, first, last); break;
  }
}

result<bitmap> all_rows(segment_view& rows) { return bitmap(rows.rows(), true); }
result<bitmap> no_rows(segment_view& rows) { return bitmap(rows.rows()); }

result<bitmap> match_number(number column, std::int64_t low, std::int64_t high, segment_view& rows) {
  const zone z = rows.zone_of(column);
  if (low > high || high < z.low || low > z.high) return no_rows(rows);
  if (low <= z.low && high >= z.high) return all_rows(rows);
  const auto span = rows.numbers(column);
  if (!span) return std::unexpected(span.error());
  bitmap out(rows.rows());
  match_range(out, *span, low, high);
  return out;
}

result<bitmap> match_tokens(const filter_node& node, segment_view& rows) {
  const auto input = rows.numbers(number::input);
  if (!input) return std::unexpected(input.error());
  const auto output = rows.numbers(number::output);
  if (!output) return std::unexpected(output.error());
  bitmap out(rows.rows());
  for (std::uint32_t i = 0; i < rows.rows(); ++i) {
    const std::int64_t total = (tokens{input->at(i)} + tokens{output->at(i)}).value();
    if (total >= node.low && total <= node.high) out.set(i);
  }
  return out;
}

/// Rows whose small number is a member of the set.
result<bitmap> match_members(number column, const auto& is_member, segment_view& rows) {
  const auto span = rows.numbers(column);
  if (!span) return std::unexpected(span.error());
  bitmap out(rows.rows());
  for (std::uint32_t i = 0; i < rows.rows(); ++i) if (is_member(span->at(i))) out.set(i);
  return out;
}

result<bitmap> match_word(const filter_node& node, segment_view& rows) {
  const auto member = [&](std::int64_t v) { return v >= 0 && v < 64 && (node.members >> v & 1) != 0; };
  switch (node.which) {
    case field::operation: return match_members(number::op, member, rows);
    case field::outcome: return match_members(number::outcome, member, rows);
    case field::delivered: return match_members(number::delivered, member, rows);
    case field::price: return match_members(number::price, member, rows);
    case field::cache: return match_members(number::flags, [&](std::int64_t v) { return member(v >> cache_shift & 7); }, rows);
    case field::http: return match_members(number::flags, [&](std::int64_t v) { return member(v >> http_shift & 3); }, rows);
    case field::upstream_http: return match_members(number::flags, [&](std::int64_t v) { return member(v >> upstream_http_shift & 3); }, rows);
    default: return match_members(number::outcome, [&](std::int64_t v) { return member(static_cast<std::int64_t>(kind_of(static_cast<errc>(v)).from)); }, rows);
  }
}

result<bitmap> match_flag(const filter_node& node, segment_view& rows) {
  const std::int64_t bit = node.which == field::stream ? flag_stream : node.which == field::interrupted ? flag_interrupted : node.which == field::estimated ? flag_estimated : flag_truncated;
  return match_members(number::flags, [&](std::int64_t v) { return (node.members >> ((v & bit) != 0 ? 1 : 0) & 1) != 0; }, rows);
}

result<bitmap> match_names(const filter_node& node, segment_view& rows) {
  const auto span = rows.names(node.which);
  if (!span) return std::unexpected(span.error());
  std::vector<char> wanted(span->names.count);
  bool any = false;
  for (std::uint32_t i = 0; i < wanted.size(); ++i) any |= (wanted[i] = matches_name(node, span->names.at(i)));
  bitmap out(rows.rows());
  if (!any) return out;
  for (std::uint32_t row = 0; row < rows.rows(); ++row) if (wanted[static_cast<std::size_t>(span->ordinals.at(row))]) out.set(row);
  return out;
}

result<bitmap> match_lists(const filter_node& node, segment_view& rows) {
  const auto span = rows.lists(node.which);
  if (!span) return std::unexpected(span.error());
  std::vector<char> wanted(span->names.count);
  for (std::uint32_t i = 0; i < wanted.size(); ++i) wanted[i] = node.which == field::meta ? matches_pair(node, span->names.at(i)) : matches_name(node, span->names.at(i));
  bitmap out(rows.rows());
  std::uint32_t i = 0;
  for (std::uint32_t row = 0; row < rows.rows(); ++row) {
    for (const auto end = static_cast<std::uint32_t>(span->ends.at(row)); i < end; ++i) if (wanted[static_cast<std::size_t>(span->ordinals.at(i))]) out.set(row);
  }
  return out;
}

result<bitmap> match_identity(const filter_node& node, segment_view& rows) {
  const auto high = static_cast<std::int64_t>(node.id_high);
  auto out = match_number(number::id_high, high, high, rows);
  if (!out || out->none()) return out;
  const auto low = match_number(number::id_low, static_cast<std::int64_t>(node.id_low), static_cast<std::int64_t>(node.id_low), rows);
  if (!low) return low;
  *out &= *low;
  return out;
}

result<bitmap> match_compare(const filter_node& node, segment_view& rows) {
  if (node.which == field::id) return match_identity(node, rows);
  if (node.which == field::tokens) return match_tokens(node, rows);
  switch (about(node.which).type) {
    case field_type::name: return match_names(node, rows);
    case field_type::names: return match_lists(node, rows);
    case field_type::word: return match_word(node, rows);
    case field_type::flag: return match_flag(node, rows);
    default: break;
  }
  const auto column = column_of(node.which);
  return column ? match_number(*column, node.low, node.high, rows) : no_rows(rows);
}

/// Less is evaluated earlier.
int cost_of(const filter_node& node) {
  if (node.kind == node_kind::text) return node.match == text_match::words ? 3 : 4;
  if (node.kind != node_kind::compare) return 5;
  const field_type type = about(node.which).type;
  return type == field_type::time || node.which == field::id ? 0 : type == field_type::name || type == field_type::names ? 2 : 1;
}

result<bitmap> match(const filter_node& node, segment_view& rows);

result<bitmap> match_all(const filter_node& node, segment_view& rows) {
  std::vector<const filter_node*> order;
  for (const auto& child : node.children) order.push_back(&child);
  std::ranges::sort(order, {}, [](const filter_node* n) { return std::pair(cost_of(*n), n); });
  bitmap out(rows.rows(), true);
  for (const filter_node* child : order) {
    const auto part = match(*child, rows);
    if (!part) return part;
    out &= *part;
    if (out.none()) break;
  }
  return out;
}

result<bitmap> match_any(const filter_node& node, segment_view& rows) {
  bitmap out(rows.rows());
  for (const auto& child : node.children) {
    const auto part = match(child, rows);
    if (!part) return part;
    out |= *part;
  }
  return out;
}

result<bitmap> match(const filter_node& node, segment_view& rows) {
  switch (node.kind) {
    case node_kind::everything: return all_rows(rows);
    case node_kind::all_of: return match_all(node, rows);
    case node_kind::any_of: return match_any(node, rows);
    case node_kind::none_of: {
      auto out = match(node.children.front(), rows);
      if (out) out->flip();
      return out;
    }
    case node_kind::text: return match_text(node, rows);
    case node_kind::compare: return match_compare(node, rows);
  }
  return no_rows(rows);
}

/// Exact, case included: this is a boundary, not a search.
result<void> keep_visible(bitmap& out, const scope& visible, segment_view& rows) {
  if (!visible.project()) return {};
  const auto span = rows.names(field::project);
  if (!span) return std::unexpected(span.error());
  std::uint64_t wanted = ~0ULL;
  for (std::uint32_t i = 0; i < span->names.count; ++i) if (span->names.at(i) == visible.project()->view()) wanted = i;
  for (std::uint32_t row = 0; row < rows.rows(); ++row) if (static_cast<std::uint64_t>(span->ordinals.at(row)) != wanted) out.clear(row);
  return {};
}

}  // namespace

std::optional<number> column_of(field f) {
  switch (f) {
    case field::status: return number::status;
    case field::cost: return number::cost;
    case field::input: return number::input;
    case field::output: return number::output;
    case field::cached: return number::cached;
    case field::reasoning: return number::reasoning;
    case field::latency: return number::duration;
    case field::ttft: return number::first_token;
    case field::upstream: return number::upstream;
    case field::request_bytes: return number::request_bytes;
    case field::reply_bytes: return number::reply_bytes;
    case field::attempts: return number::attempts;
    case field::started: return number::started;
    default: return std::nullopt;
  }
}

result<bitmap> evaluate(const filter_node& node, const scope& visible, segment_view& rows) {
  auto out = match(node, rows);
  if (!out) return out;
  if (const bitmap* removed = rows.removed()) {
    bitmap kept = *removed;
    kept.flip();
    *out &= kept;
  }
  if (out->none()) return out;
  if (auto done = keep_visible(*out, visible, rows); !done) return std::unexpected(done.error());
  return out;
}

zone started_bounds(const filter_node& node) {
  zone bounds{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  if (node.kind == node_kind::compare && node.which == field::started) return {node.low, node.high};
  if (node.kind != node_kind::all_of) return bounds;
  for (const auto& child : node.children) {
    const zone z = started_bounds(child);
    bounds = {std::max(bounds.low, z.low), std::min(bounds.high, z.high)};
  }
  return bounds;
}

}  // namespace andon::ledger
