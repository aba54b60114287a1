#pragma once
// A group of Records as searches see it: columns of numbers and names, lists, and the places of every word. The rows
// still in memory (index_tail.hpp) and a sealed segment (index_segment.hpp) both look like this. One question owns one
// view; what it hands out stays valid until the view goes (and, for the tail, while its lock is held).
#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>
#include <vector>

#include "andon/ledger/filter.hpp"
#include "andon/ledger/search.hpp"

namespace andon::ledger {

/// The stored numbers of a Record.
enum class number : std::uint8_t {
  started, duration, first_token, upstream, status, cost, input, output, cached, reasoning, request_bytes, reply_bytes,
  attempts, op, outcome, delivered, price, flags, sequence, id_high, id_low, count_,
};
inline constexpr std::size_t number_count = static_cast<std::size_t>(number::count_);
/// Fields project … trace are columns of names; tag and meta are lists of names.
inline constexpr std::size_t name_count = static_cast<std::size_t>(field::trace) + 1;
inline constexpr std::size_t list_count = 2;
enum row_flag : std::uint8_t { flag_stream = 1, flag_interrupted = 2, flag_estimated = 4, flag_truncated = 8 };
inline constexpr int cache_shift = 4;          ///< the flags' next three bits are the cache_use …
inline constexpr int http_shift = 7;           ///< … then two the client's http_version …
inline constexpr int upstream_http_shift = 9;  ///< … and two the provider's; rows of older versions have 0, which is none

struct zone { std::int64_t low = 0, high = 0; };  ///< of a column; low > high when there are no rows

/// Values as base + unsigned offset of `width` bytes (0, 1, 2, 4, 8), little endian, unaligned.
struct number_span {
  const unsigned char* data = nullptr;
  std::int64_t base = 0;
  std::uint32_t rows = 0;
  std::uint8_t width = 0;
  [[nodiscard]] std::uint64_t offset(std::uint32_t i) const {
    std::uint64_t value = 0;
    if (width != 0) std::memcpy(&value, data + std::size_t{i} * width, width);
    return value;
  }
  [[nodiscard]] std::int64_t at(std::uint32_t i) const { return static_cast<std::int64_t>(static_cast<std::uint64_t>(base) + offset(i)); }
};

struct dictionary {
  const std::uint32_t* ends = nullptr;  ///< end of each name in `text`
  const char* text = nullptr;
  std::uint32_t count = 0;
  [[nodiscard]] std::string_view at(std::uint32_t i) const {
    const std::uint32_t first = i == 0 ? 0 : ends[i - 1];
    return {text + first, ends[i] - first};
  }
};
struct names_span { dictionary names; number_span ordinals; };
/// Row i's names are ordinals[ends[i-1] … ends[i]).
struct lists_span { dictionary names; number_span ends; number_span ordinals; };

class bitmap {
public:
  explicit bitmap(std::uint32_t size, bool value = false) : words_((size + 63) / 64, value ? ~0ULL : 0), size_(size) { trim(); }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] bool test(std::uint32_t i) const { return (words_[i / 64] >> (i % 64) & 1) != 0; }
  void set(std::uint32_t i) { words_[i / 64] |= 1ULL << (i % 64); }
  void clear(std::uint32_t i) { words_[i / 64] &= ~(1ULL << (i % 64)); }
  void flip() { for (auto& w : words_) w = ~w; trim(); }
  void operator&=(const bitmap& other) { for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i]; }
  void operator|=(const bitmap& other) { for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i]; }
  [[nodiscard]] bool none() const { for (const auto w : words_) if (w != 0) return false; return true; }
  [[nodiscard]] std::uint32_t count() const { std::uint32_t n = 0; for (const auto w : words_) n += static_cast<std::uint32_t>(std::popcount(w)); return n; }
  template <class F>
  void each(F&& f) const {
    for (std::size_t w = 0; w < words_.size(); ++w)
      for (std::uint64_t left = words_[w]; left != 0; left &= left - 1) f(static_cast<std::uint32_t>(w * 64 + static_cast<std::size_t>(std::countr_zero(left))));
  }
  [[nodiscard]] std::vector<std::uint64_t>& words() { return words_; }

private:
  void trim() { if (size_ % 64 != 0) words_.back() &= (1ULL << (size_ % 64)) - 1; }
  std::vector<std::uint64_t> words_;
  std::uint32_t size_;
};

using postings = std::span<const unsigned char>;
/// Return false to end the scan.
using term_visitor = std::function<bool(std::string_view term, postings)>;

class segment_view {
public:
  virtual ~segment_view() = default;
  [[nodiscard]] virtual std::uint32_t rows() const = 0;
  [[nodiscard]] virtual zone zone_of(number) const = 0;
  virtual result<number_span> numbers(number) = 0;
  virtual result<names_span> names(field) = 0;
  virtual result<lists_span> lists(field) = 0;      ///< tag or meta
  virtual result<postings> find_term(std::string_view term) = 0;  ///< empty if absent; valid until the next call
  virtual result<void> scan_terms(std::string_view prefix, const term_visitor&) = 0;  ///< ascending
  virtual result<void> read_row(std::uint32_t row, summary& out) = 0;
  [[nodiscard]] virtual const bitmap* removed() const { return nullptr; }
};

}  // namespace andon::ledger
