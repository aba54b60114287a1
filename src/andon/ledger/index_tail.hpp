#pragma once
// The newest rows, in memory: what apply has taken since the last sealed segment. One thread adds; readers hold the
// store's shared lock. Names, lists and the text of a body are kept up to a bound, so that no Record makes a large row.
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "andon/ledger/index_ids.hpp"
#include "andon/ledger/index_terms.hpp"
#include "andon/ledger/index_view.hpp"
#include "andon/ledger/record_codec.hpp"

namespace andon::ledger {

/// Distinct names in the order they came; a name's ordinal is its place.
class name_table {
public:
  name_table();
  std::uint32_t ordinal(std::string_view name);
  [[nodiscard]] dictionary view() const { return {ends_.data(), text_.data(), static_cast<std::uint32_t>(ends_.size())}; }
  void clear();
  [[nodiscard]] std::size_t memory() const { return text_.size() + (ends_.size() + slots_.size()) * 4; }

private:
  void grow();
  std::vector<std::uint32_t> ends_;
  std::string text_;
  std::vector<std::uint32_t> slots_;  ///< ordinal + 1
  std::uint32_t last_ = 0;
};

class index_tail {
public:
  void add(const record_view& r, position at, std::uint64_t sequence);
  void clear();
  void remove(const bitmap& rows);
  void hand_over_ids(id_table& to) { to.swap(ids_); }

  [[nodiscard]] std::uint32_t rows() const { return rows_; }
  [[nodiscard]] std::uint32_t live() const { return rows_ - removed_count_; }
  [[nodiscard]] std::size_t memory() const;  ///< bytes in use; a few nanoseconds
  [[nodiscard]] bool contains(request_id id) const { return ids_.contains(id); }
  [[nodiscard]] const std::vector<position>& positions() const { return positions_; }

private:
  friend class tail_view;
  using number_values = std::array<std::int64_t, number_count>;

  void add_numbers(const record_view& r, std::uint64_t sequence);
  void add_names(const record_view& r);
  struct word { std::uint64_t hash; std::uint32_t text; std::uint32_t place; std::uint32_t size; };
  void add_words(std::string_view body, std::uint32_t side);
  void add_collected();

  std::uint32_t rows_ = 0;
  std::array<std::vector<std::int64_t>, number_count> numbers_;
  std::array<zone, number_count> zones_;
  std::array<name_table, name_count> names_;
  std::array<std::vector<std::uint32_t>, name_count> ordinals_;
  std::array<name_table, list_count> list_names_;
  std::array<std::vector<std::uint32_t>, list_count> list_ends_, list_ordinals_;
  std::vector<position> positions_;
  id_table ids_;
  term_table terms_;
  std::vector<std::uint64_t> removed_;
  std::uint32_t removed_count_ = 0;
  std::string text_, pair_;
  std::uint32_t place_ = 0;
  std::vector<word> words_;
  std::vector<char> word_texts_;
};

class tail_view final : public segment_view {
public:
  explicit tail_view(const index_tail& tail);
  [[nodiscard]] std::uint32_t rows() const override { return tail_.rows_; }
  [[nodiscard]] zone zone_of(number n) const override { return tail_.zones_[static_cast<std::size_t>(n)]; }
  result<number_span> numbers(number n) override;
  result<names_span> names(field f) override;
  result<lists_span> lists(field f) override;
  result<postings> find_term(std::string_view term) override;
  result<void> scan_terms(std::string_view prefix, const term_visitor& visit) override;
  result<void> read_row(std::uint32_t row, summary& out) override;
  [[nodiscard]] const bitmap* removed() const override { return removed_ ? &*removed_ : nullptr; }

private:
  [[nodiscard]] std::string_view name(field f, std::uint32_t row) const;

  const index_tail& tail_;
  std::optional<bitmap> removed_;
  std::vector<unsigned char> postings_;
};

}  // namespace andon::ledger
