#include "andon/ledger/index_segment.hpp"

#include <algorithm>

#include "andon/ledger/index_format.hpp"
#include "andon/ledger/index_postings.hpp"
#include "andon/ledger/index_rows.hpp"

namespace andon::ledger {
namespace {

std::unexpected<error> damaged() { return fail(errc::corrupt, "index: a part of a segment has the wrong size"); }

/// Calls f(term, postings) for each word of a block; false from f ends it.
template <class F>
bool each_term(std::span<const unsigned char> block, F&& f) {
  varint_reader in(block);
  std::string term;
  while (!in.done()) {
    const std::size_t shared = std::min<std::size_t>(in.next(), term.size());
    const auto rest = in.take(in.next());
    term.resize(shared);
    term.append(reinterpret_cast<const char*>(rest.data()), rest.size());
    const auto where = in.take(in.next());
    if (!f(std::string_view{term}, where)) return false;
  }
  return true;
}

}  // namespace

result<std::span<const unsigned char>> sealed_view::chunk(std::uint32_t part) {
  auto found = loaded_.find(part);
  if (found == loaded_.end()) {
    auto bytes = chunks_.read(meta_.first_chunk() + part);
    if (!bytes) return std::unexpected(bytes.error());
    found = loaded_.emplace(part, std::move(*bytes)).first;
  }
  return std::span<const unsigned char>{found->second};
}

result<number_span> sealed_view::numbers(number n) {
  const zone z = zone_of(n);
  number_span span{nullptr, z.low, meta_.rows, parts::width_for(static_cast<std::uint64_t>(z.high) - static_cast<std::uint64_t>(z.low))};
  if (span.width == 0) return span;
  const auto bytes = chunk(parts::numbers + static_cast<std::uint32_t>(n));
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->size() != std::size_t{meta_.rows} * span.width) return damaged();
  span.data = bytes->data();
  return span;
}

result<dictionary> sealed_view::names_of(std::uint32_t part) {
  const auto bytes = chunk(part);
  if (!bytes) return std::unexpected(bytes.error());
  dictionary names;
  if (bytes->size() < 4) return damaged();
  std::memcpy(&names.count, bytes->data(), 4);
  if (bytes->size() < 4 + std::size_t{names.count} * 4) return damaged();
  names.ends = reinterpret_cast<const std::uint32_t*>(bytes->data() + 4);
  names.text = reinterpret_cast<const char*>(bytes->data() + 4 + std::size_t{names.count} * 4);
  return names;
}

result<number_span> sealed_view::ordinals(std::uint32_t part, std::uint32_t count, std::uint32_t rows) {
  number_span span{nullptr, 0, rows, parts::width_for(count == 0 ? 0 : count - 1)};
  if (span.width == 0) return span;
  const auto bytes = chunk(part);
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->size() != std::size_t{rows} * span.width) return damaged();
  span.data = bytes->data();
  return span;
}

result<names_span> sealed_view::names(field f) {
  const std::uint32_t part = parts::names + 2 * static_cast<std::uint32_t>(f);
  const auto names = names_of(part);
  if (!names) return std::unexpected(names.error());
  const auto values = ordinals(part + 1, names->count, meta_.rows);
  if (!values) return std::unexpected(values.error());
  return names_span{*names, *values};
}

result<lists_span> sealed_view::lists(field f) {
  const std::uint32_t part = parts::lists + (f == field::tag ? 0 : 4);
  const auto names = names_of(part);
  const auto ends = names ? chunk(part + 1) : std::unexpected(names.error());
  if (!ends) return std::unexpected(ends.error());
  const auto values = chunk(part + 2);
  if (!values) return std::unexpected(values.error());
  if (ends->size() != std::size_t{meta_.rows} * 4) return damaged();
  return lists_span{*names, {ends->data(), 0, meta_.rows, 4}, {values->data(), 0, static_cast<std::uint32_t>(values->size() / 4), 4}};
}

result<std::uint32_t> sealed_view::block_of(std::string_view term) {
  if (!starts_loaded_) {
    const auto bytes = chunks_.read(meta_.first_chunk() + parts::term_index);
    if (!bytes) return std::unexpected(bytes.error());
    varint_reader in(*bytes);
    while (!in.done()) {
      const auto text = in.take(in.next());
      block_starts_.emplace_back(reinterpret_cast<const char*>(text.data()), text.size());
    }
    starts_loaded_ = true;
  }
  const auto after = std::ranges::upper_bound(block_starts_, term);
  return static_cast<std::uint32_t>(after - block_starts_.begin());
}

result<postings> sealed_view::find_term(std::string_view term) {
  const auto after = block_of(term);
  if (!after) return std::unexpected(after.error());
  if (*after == 0) return postings{};
  if (block_number_ != *after - 1) {
    auto bytes = chunks_.read(meta_.first_chunk() + parts::terms + *after - 1);
    if (!bytes) return std::unexpected(bytes.error());
    block_ = std::move(*bytes);
    block_number_ = *after - 1;
  }
  postings found;
  each_term(block_, [&](std::string_view candidate, postings where) {
    if (candidate == term) found = where;
    return candidate < term;
  });
  return found;
}

result<void> sealed_view::scan_terms(std::string_view prefix, const term_visitor& visit) {
  const auto after = block_of(prefix);
  if (!after) return std::unexpected(after.error());
  for (std::uint32_t block = *after == 0 ? 0 : *after - 1; block < meta_.term_blocks; ++block) {
    if (block_starts_[block] > prefix && !block_starts_[block].starts_with(prefix)) break;
    const auto bytes = chunks_.read(meta_.first_chunk() + parts::terms + block);
    if (!bytes) return std::unexpected(bytes.error());
    const bool on = each_term(*bytes, [&](std::string_view term, postings where) { return !term.starts_with(prefix) ? term < prefix : visit(term, where); });
    if (!on) break;
  }
  return {};
}

result<void> sealed_view::read_row(std::uint32_t row, summary& out) {
  if (row_chunk_ != row / rows_per_chunk) {
    auto bytes = chunks_.read(meta_.first_chunk() + parts::rows + row / rows_per_chunk);
    if (!bytes) return std::unexpected(bytes.error());
    row_bytes_ = std::move(*bytes);
    row_chunk_ = row / rows_per_chunk;
  }
  decode_row(row_bytes_, row % rows_per_chunk, out);
  return {};
}

}  // namespace andon::ledger
