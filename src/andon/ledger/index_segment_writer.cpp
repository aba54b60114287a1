#include <algorithm>
#include <map>
#include <numeric>

#include "andon/ledger/index_format.hpp"
#include "andon/ledger/index_postings.hpp"
#include "andon/ledger/index_rows.hpp"
#include "andon/ledger/index_segment.hpp"

namespace andon::ledger {
namespace {

void append_offsets(chunk_bytes& out, const std::vector<std::uint64_t>& values, std::uint8_t width) {
  const std::size_t first = out.size();
  out.resize(first + values.size() * width);
  for (std::size_t i = 0; i < values.size(); ++i) std::memcpy(out.data() + first + i * width, &values[i], width);
}

template <class T>
void append_raw(chunk_bytes& out, T value) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(&value);
  out.insert(out.end(), bytes, bytes + sizeof value);
}

class writer {
public:
  writer(segment_view& from, const bitmap& keep, std::uint64_t id, chunk_writer& out) : from_(from), out_(out), new_row_(from.rows(), dropped) {
    meta_.id = id;
    keep.each([&](std::uint32_t row) { rows_.push_back(row); new_row_[row] = meta_.rows++; });
    whole_ = meta_.rows == from.rows();
  }

  result<segment_meta> run() {
    for (std::size_t i = 0; i < number_count; ++i)
      if (auto done = write_number(static_cast<number>(i)); !done) return std::unexpected(done.error());
    for (std::size_t i = 0; i < name_count; ++i)
      if (auto done = write_names(static_cast<field>(i)); !done) return std::unexpected(done.error());
    for (std::uint32_t i = 0; i < list_count; ++i)
      if (auto done = write_lists(i == 0 ? field::tag : field::meta, i); !done) return std::unexpected(done.error());
    if (auto done = write_rows(); !done) return std::unexpected(done.error());
    if (auto done = write_terms(); !done) return std::unexpected(done.error());
    return meta_;
  }

private:
  static constexpr std::uint32_t dropped = ~0u;

  result<void> put(std::uint32_t part, const chunk_bytes& bytes) {
    meta_.bytes += bytes.size();
    return out_.write(meta_.first_chunk() + part, bytes);
  }

  result<void> write_number(number n) {
    const auto span = from_.numbers(n);
    if (!span) return std::unexpected(span.error());
    zone z{0, 0};
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const std::int64_t v = span->at(rows_[i]);
      z = i == 0 ? zone{v, v} : zone{std::min(z.low, v), std::max(z.high, v)};
    }
    meta_.zones[static_cast<std::size_t>(n)] = z;
    const std::uint8_t width = parts::width_for(static_cast<std::uint64_t>(z.high) - static_cast<std::uint64_t>(z.low));
    if (width == 0) return {};
    std::vector<std::uint64_t> offsets(rows_.size());
    std::ranges::transform(rows_, offsets.begin(), [&](std::uint32_t row) { return static_cast<std::uint64_t>(span->at(row)) - static_cast<std::uint64_t>(z.low); });
    chunk_bytes bytes;
    append_offsets(bytes, offsets, width);
    return put(parts::numbers + static_cast<std::uint32_t>(n), bytes);
  }

  /// Writes the names in use, sorted; fills `renumber`: old ordinal → new.
  result<std::uint32_t> write_dictionary(std::uint32_t part, const dictionary& names, const std::vector<bool>& used, std::vector<std::uint32_t>& renumber) {
    std::vector<std::uint32_t> order;
    for (std::uint32_t i = 0; i < names.count; ++i) if (used[i]) order.push_back(i);
    std::ranges::sort(order, {}, [&](std::uint32_t i) { return names.at(i); });
    chunk_bytes bytes;
    append_raw(bytes, static_cast<std::uint32_t>(order.size()));
    std::uint32_t end = 0;
    for (const std::uint32_t i : order) append_raw(bytes, end += static_cast<std::uint32_t>(names.at(i).size()));
    for (const std::uint32_t i : order) bytes.insert(bytes.end(), names.at(i).begin(), names.at(i).end());
    renumber.assign(names.count, 0);
    for (std::uint32_t i = 0; i < order.size(); ++i) renumber[order[i]] = i;
    if (auto done = put(part, bytes); !done) return std::unexpected(done.error());
    return static_cast<std::uint32_t>(order.size());
  }

  result<void> write_names(field f) {
    const auto span = from_.names(f);
    if (!span) return std::unexpected(span.error());
    std::vector<bool> used(span->names.count);
    for (const std::uint32_t row : rows_) used[static_cast<std::size_t>(span->ordinals.at(row))] = true;
    std::vector<std::uint32_t> renumber;
    const std::uint32_t part = parts::names + 2 * static_cast<std::uint32_t>(f);
    const auto count = write_dictionary(part, span->names, used, renumber);
    if (!count) return std::unexpected(count.error());
    if (*count <= 1) return {};
    std::vector<std::uint64_t> ordinals;
    for (const std::uint32_t row : rows_) ordinals.push_back(renumber[static_cast<std::size_t>(span->ordinals.at(row))]);
    chunk_bytes bytes;
    append_offsets(bytes, ordinals, parts::width_for(*count - 1));
    return put(part + 1, bytes);
  }

  result<void> write_lists(field f, std::uint32_t list) {
    const auto span = from_.lists(f);
    if (!span) return std::unexpected(span.error());
    std::vector<bool> used(span->names.count);
    std::vector<std::uint64_t> ends, ordinals;
    for (const std::uint32_t row : rows_) {
      const auto last = static_cast<std::uint32_t>(span->ends.at(row));
      for (std::uint32_t i = row == 0 ? 0 : static_cast<std::uint32_t>(span->ends.at(row - 1)); i < last; ++i) {
        ordinals.push_back(static_cast<std::uint64_t>(span->ordinals.at(i)));
        used[ordinals.back()] = true;
      }
      ends.push_back(ordinals.size());
    }
    std::vector<std::uint32_t> renumber;
    const std::uint32_t part = parts::lists + 4 * list;
    if (auto count = write_dictionary(part, span->names, used, renumber); !count) return std::unexpected(count.error());
    for (auto& o : ordinals) o = renumber[o];
    chunk_bytes bytes;
    append_offsets(bytes, ends, 4);
    if (auto done = put(part + 1, bytes); !done) return done;
    bytes.clear();
    append_offsets(bytes, ordinals, 4);
    return put(part + 2, bytes);
  }

  result<void> write_rows() {
    row_encoder encoder;
    summary row;
    std::map<std::uint32_t, position> oldest;
    for (std::uint32_t i = 0; i < rows_.size(); ++i) {
      if (auto done = from_.read_row(rows_[i], row); !done) return done;
      encoder.add(row);
      const auto [at, fresh] = oldest.try_emplace(row.at.stream, row.at);
      if (!fresh) at->second = std::min(at->second, row.at);
      if ((i + 1) % rows_per_chunk != 0 && i + 1 != rows_.size()) continue;
      if (auto done = put(parts::rows + i / rows_per_chunk, encoder.bytes()); !done) return done;
      encoder.clear();
    }
    for (const auto& [stream, at] : oldest) meta_.oldest.push_back(at);
    return {};
  }

  result<void> write_terms() {
    result<void> failed;
    auto scanned = from_.scan_terms({}, [&](std::string_view term, postings where) {
      failed = add_term(term, where);
      return failed.has_value();
    });
    if (!scanned) return scanned;
    if (!failed) return failed;
    if (auto done = flush_block(); !done) return done;
    return put(parts::term_index, starts_);
  }

  result<void> add_term(std::string_view term, postings where) {
    if (!whole_) {
      kept_.clear();
      decode_postings(where, [&](std::uint32_t row, std::uint32_t place) { if (row < new_row_.size() && new_row_[row] != dropped) kept_.add(new_row_[row], place); });
      where = kept_.bytes();
      if (where.empty()) return {};
    }
    if (!block_.empty() && block_.size() + where.size() > parts::block_bytes) {
      if (auto done = flush_block(); !done) return done;
    }
    if (block_.empty()) {
      before_.clear();
      append_varint(starts_, term.size());
      starts_.insert(starts_.end(), term.begin(), term.end());
    }
    const auto shared = static_cast<std::size_t>(std::ranges::mismatch(term, before_).in1 - term.begin());
    append_varint(block_, shared);
    append_varint(block_, term.size() - shared);
    block_.insert(block_.end(), term.begin() + static_cast<std::ptrdiff_t>(shared), term.end());
    append_varint(block_, where.size());
    block_.insert(block_.end(), where.begin(), where.end());
    before_.assign(term);
    return {};
  }

  result<void> flush_block() {
    if (block_.empty()) return {};
    if (auto done = put(parts::terms + meta_.term_blocks++, block_); !done) return done;
    block_.clear();
    return {};
  }

  segment_view& from_;
  chunk_writer& out_;
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint32_t> new_row_;
  bool whole_ = false;
  segment_meta meta_;
  postings_builder kept_;
  chunk_bytes block_, starts_;
  std::string before_;
};

}  // namespace

result<segment_meta> write_segment(segment_view& from, const bitmap& keep, std::uint64_t id, chunk_writer& out) {
  return writer(from, keep, id, out).run();
}

chunk_bytes segment_meta::encode() const {
  chunk_bytes out;
  append_raw(out, rows);
  append_raw(out, term_blocks);
  append_raw(out, bytes);
  for (const zone& z : zones) { append_raw(out, z.low); append_raw(out, z.high); }
  append_raw(out, static_cast<std::uint32_t>(oldest.size()));
  for (const position& p : oldest) { append_raw(out, p.stream); append_raw(out, p.segment); append_raw(out, p.offset); }
  return out;
}

result<segment_meta> segment_meta::decode(std::uint64_t id, std::span<const unsigned char> in) {
  bool whole = true;
  const auto take = [&]<class T>(T& value) {
    if (in.size() < sizeof(T)) { whole = false; return; }
    std::memcpy(&value, in.data(), sizeof(T));
    in = in.subspan(sizeof(T));
  };
  segment_meta meta;
  meta.id = id;
  std::uint32_t streams = 0;
  take(meta.rows); take(meta.term_blocks); take(meta.bytes);
  for (zone& z : meta.zones) { take(z.low); take(z.high); }
  take(streams);
  for (std::uint32_t i = 0; i < streams && whole; ++i) {
    position p;
    take(p.stream); take(p.segment); take(p.offset);
    meta.oldest.push_back(p);
  }
  if (!whole || meta.rows == 0) return fail(errc::corrupt, "index: a segment's description is damaged");
  return meta;
}

}  // namespace andon::ledger
