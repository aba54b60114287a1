#include "andon/ledger/index_tail.hpp"

#include <algorithm>

#include "andon/base/hashing.hpp"
#include "andon/base/text_start.hpp"
#include "andon/ledger/fts_extract.hpp"
#include "andon/ledger/fts_tokenizer.hpp"

namespace andon::ledger {
namespace {

template <class T>
number_span span_of(const std::vector<T>& values) {
  return {reinterpret_cast<const unsigned char*>(values.data()), 0, static_cast<std::uint32_t>(values.size()), sizeof(T)};
}

/// Bytes that a row keeps of each name, in the order of the fields: callers choose most of them. The journal has them whole.
constexpr std::size_t name_bytes = 256, text_bytes = 1024;
constexpr std::array<std::size_t, name_count> kept_bytes{text_bytes, text_bytes, name_bytes, name_bytes, name_bytes, name_bytes, name_bytes, name_bytes,
                                                         name_bytes, text_bytes, name_bytes, text_bytes, name_bytes, name_bytes, name_bytes, name_bytes};
constexpr std::size_t kept_in_lists = 64;
constexpr std::size_t searched_bytes = 4u << 20;  // of a body's text

std::size_t list_index(field f) { return f == field::tag ? 0 : 1; }

std::int64_t flags_of(const record_view& r) {
  return (r.stream() ? flag_stream : 0) | (r.interrupted() ? flag_interrupted : 0) | (r.use().estimated ? flag_estimated : 0) | (r.truncated() ? flag_truncated : 0) |
         static_cast<std::int64_t>(r.cache()) << cache_shift | static_cast<std::int64_t>(r.http()) << http_shift |
         static_cast<std::int64_t>(r.upstream_http()) << upstream_http_shift;
}

}  // namespace

name_table::name_table() : slots_(64) {}

std::uint32_t name_table::ordinal(std::string_view name) {
  if (!ends_.empty() && view().at(last_) == name) return last_;
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = xxh3(name) & mask;
  for (; slots_[i] != 0; i = (i + 1) & mask) {
    if (view().at(slots_[i] - 1) == name) return last_ = slots_[i] - 1;
  }
  text_.append(name);
  ends_.push_back(static_cast<std::uint32_t>(text_.size()));
  slots_[i] = static_cast<std::uint32_t>(ends_.size());
  last_ = slots_[i] - 1;
  if (ends_.size() * 2 > slots_.size()) grow();
  return last_;
}

void name_table::grow() {
  slots_.assign(slots_.size() * 2, 0);
  const std::size_t mask = slots_.size() - 1;
  for (std::uint32_t n = 0; n < ends_.size(); ++n) {
    std::size_t i = xxh3(view().at(n)) & mask;
    while (slots_[i] != 0) i = (i + 1) & mask;
    slots_[i] = n + 1;
  }
}

void name_table::clear() {
  ends_.clear();
  text_.clear();
  slots_.assign(64, 0);
  last_ = 0;
}

void index_tail::add(const record_view& r, position at, std::uint64_t sequence) {
  add_numbers(r, sequence);
  add_names(r);
  place_ = 0;
  add_words(r.request_body(), 0);
  ++place_;
  add_words(r.reply_body(), 1);
  positions_.push_back(at);
  ids_.push_back(r.id());
  ++rows_;
}

void index_tail::add_numbers(const record_view& r, std::uint64_t sequence) {
  const llm::usage use = r.use();
  const number_values values{
      r.started().time_since_epoch().count(), r.duration().count(), r.first_token().count(), r.upstream().count(),
      r.http_status(), r.cost().value(), use.input.value(), use.output.value(), use.cached_read.value(), use.reasoning.value(),
      static_cast<std::int64_t>(r.request_bytes()), static_cast<std::int64_t>(r.reply_bytes()),
      static_cast<std::int64_t>(r.attempt_count()), static_cast<std::int64_t>(r.op()), static_cast<std::int64_t>(r.outcome()),
      static_cast<std::int64_t>(r.delivered()), static_cast<std::int64_t>(r.price()), flags_of(r),
      static_cast<std::int64_t>(sequence), static_cast<std::int64_t>(r.id().high()), static_cast<std::int64_t>(r.id().low())};
  for (std::size_t i = 0; i < number_count; ++i) {
    numbers_[i].push_back(values[i]);
    zone& z = zones_[i];
    z = rows_ == 0 ? zone{values[i], values[i]} : zone{std::min(z.low, values[i]), std::max(z.high, values[i])};
  }
}

void index_tail::add_names(const record_view& r) {
  const std::array<std::string_view, name_count> values{
      r.project(), r.key(), r.user(), r.session(), r.route(), r.model(), r.provider(), r.upstream_model(), r.method(),
      r.path(), r.finish_reason(), r.error_message(), r.client_address(), r.user_agent(), r.content_type(), r.trace_id()};
  for (std::size_t i = 0; i < name_count; ++i) ordinals_[i].push_back(names_[i].ordinal(text_start(values[i], kept_bytes[i])));
  const auto tags = std::min(r.tag_count(), kept_in_lists), pairs = std::min(r.metadata_count(), kept_in_lists);
  for (std::size_t i = 0; i < tags; ++i) list_ordinals_[0].push_back(list_names_[0].ordinal(text_start(r.tag(i), name_bytes)));
  for (std::size_t i = 0; i < pairs; ++i) {
    const auto [key, value] = r.metadata(i);
    pair_.assign(text_start(key, name_bytes)).append(1, '=').append(text_start(value, text_bytes));
    list_ordinals_[1].push_back(list_names_[1].ordinal(pair_));
  }
  for (std::size_t i = 0; i < list_count; ++i) list_ends_[i].push_back(static_cast<std::uint32_t>(list_ordinals_[i].size()));
}

void index_tail::add_words(std::string_view body, std::uint32_t side) {
  if (body.empty()) return;
  fts::extract_text(body, text_);
  constexpr std::size_t at_once = 4096;
  fts::tokenize(
      text_start(text_, searched_bytes),
      [&](std::string_view word) {
        const std::size_t padded = (word.size() + 7) / 8 * 8;
        words_.push_back({term_table::hash_padded(word.data(), word.size()), static_cast<std::uint32_t>(word_texts_.size()), place_++ << 1 | side, static_cast<std::uint32_t>(word.size())});
        word_texts_.insert(word_texts_.end(), word.data(), word.data() + padded);
        if (words_.size() == at_once) add_collected();
      },
      [&] { ++place_; });
  add_collected();
  if (text_.capacity() > (1u << 20)) std::string{}.swap(text_);
}

/// The table is larger than the caches, so its lines are fetched some words ahead.
void index_tail::add_collected() {
  constexpr std::size_t slot_ahead = 12, entry_ahead = 5;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (i + slot_ahead < words_.size()) terms_.prefetch_slot(words_[i + slot_ahead].hash);
    if (i + entry_ahead < words_.size()) terms_.prefetch_entry(words_[i + entry_ahead].hash);
    const word& w = words_[i];
    terms_.add({word_texts_.data() + w.text, w.size}, w.hash, rows_, w.place);
  }
  words_.clear();
  word_texts_.clear();
}

void index_tail::clear() {
  rows_ = 0;
  for (auto& column : numbers_) column.clear();
  for (auto& table : names_) table.clear();
  for (auto& column : ordinals_) column.clear();
  for (auto& table : list_names_) table.clear();
  for (auto& column : list_ends_) column.clear();
  for (auto& column : list_ordinals_) column.clear();
  positions_.clear();
  ids_.clear();
  terms_.clear();
  removed_.clear();
  removed_count_ = 0;
}

void index_tail::remove(const bitmap& rows) {
  removed_.resize((rows_ + 63) / 64);
  rows.each([&](std::uint32_t row) {
    if ((removed_[row / 64] >> row % 64 & 1) != 0) return;
    removed_[row / 64] |= 1ULL << row % 64;
    ++removed_count_;
  });
}

std::size_t index_tail::memory() const {
  std::size_t bytes = terms_.memory() + rows_ * (number_count * 8 + name_count * 4 + list_count * 4 + sizeof(position) + 48);
  for (const auto& table : names_) bytes += table.memory();
  for (const auto& table : list_names_) bytes += table.memory();
  for (const auto& column : list_ordinals_) bytes += column.size() * 4;
  return bytes;
}

tail_view::tail_view(const index_tail& tail) : tail_(tail) {
  if (tail.removed_count_ == 0) return;
  removed_.emplace(tail.rows_);
  for (std::uint32_t row = 0; row < tail.rows_; ++row) {
    if (row / 64 < tail.removed_.size() && (tail.removed_[row / 64] >> row % 64 & 1) != 0) removed_->set(row);
  }
}

result<number_span> tail_view::numbers(number n) { return span_of(tail_.numbers_[static_cast<std::size_t>(n)]); }

result<names_span> tail_view::names(field f) {
  const auto i = static_cast<std::size_t>(f);
  return names_span{tail_.names_[i].view(), span_of(tail_.ordinals_[i])};
}

result<lists_span> tail_view::lists(field f) {
  const std::size_t i = list_index(f);
  return lists_span{tail_.list_names_[i].view(), span_of(tail_.list_ends_[i]), span_of(tail_.list_ordinals_[i])};
}

result<postings> tail_view::find_term(std::string_view term) {
  const std::uint32_t found = tail_.terms_.find(term);
  if (found == term_table::none()) return postings{};
  tail_.terms_.copy_postings(found, postings_);
  return postings{postings_};
}

result<void> tail_view::scan_terms(std::string_view prefix, const term_visitor& visit) {
  for (const std::uint32_t term : tail_.terms_.sorted()) {
    const std::string_view text = tail_.terms_.text(term);
    if (!text.starts_with(prefix)) continue;
    tail_.terms_.copy_postings(term, postings_);
    if (!visit(text, postings_)) break;
  }
  return {};
}

std::string_view tail_view::name(field f, std::uint32_t row) const {
  const auto i = static_cast<std::size_t>(f);
  return tail_.names_[i].view().at(tail_.ordinals_[i][row]);
}

result<void> tail_view::read_row(std::uint32_t row, summary& out) {
  const auto value = [&](number n) { return tail_.numbers_[static_cast<std::size_t>(n)][row]; };
  const auto put = [&](std::string& to, field f) { to.assign(name(f, row)); };
  out.id = request_id::from_words(static_cast<std::uint64_t>(value(number::id_high)), static_cast<std::uint64_t>(value(number::id_low)));
  out.at = tail_.positions_[row];
  out.started = wall_time{nanoseconds{value(number::started)}};
  out.duration = nanoseconds{value(number::duration)};
  out.first_token = nanoseconds{value(number::first_token)};
  out.upstream = nanoseconds{value(number::upstream)};
  put(out.project, field::project); put(out.key, field::key); put(out.user, field::user); put(out.session, field::session);
  put(out.route, field::route); put(out.model, field::model); put(out.provider, field::provider);
  put(out.upstream_model, field::upstream_model); put(out.method, field::method); put(out.path, field::path);
  put(out.finish_reason, field::finish); put(out.error_message, field::message); put(out.client_address, field::address);
  put(out.user_agent, field::agent); put(out.content_type, field::content_type); put(out.trace_id, field::trace);
  out.op = static_cast<operation>(value(number::op));
  out.outcome = static_cast<errc>(value(number::outcome));
  out.delivered = static_cast<delivery>(value(number::delivered));
  out.price = static_cast<price_state>(value(number::price));
  const std::int64_t flags = value(number::flags);
  out.stream = (flags & flag_stream) != 0;
  out.interrupted = (flags & flag_interrupted) != 0;
  out.estimated = (flags & flag_estimated) != 0;
  out.truncated = (flags & flag_truncated) != 0;
  out.cache = static_cast<cache_use>(flags >> cache_shift & 7);
  out.http = static_cast<http_version>(flags >> http_shift & 3);
  out.upstream_http = static_cast<http_version>(flags >> upstream_http_shift & 3);
  out.http_status = static_cast<std::uint16_t>(value(number::status));
  out.attempts = static_cast<std::uint32_t>(value(number::attempts));
  out.cost = nano_usd{value(number::cost)};
  out.input = tokens{value(number::input)};
  out.output = tokens{value(number::output)};
  out.cached = tokens{value(number::cached)};
  out.reasoning = tokens{value(number::reasoning)};
  out.request_bytes = static_cast<std::uint64_t>(value(number::request_bytes));
  out.reply_bytes = static_cast<std::uint64_t>(value(number::reply_bytes));
  out.tags.clear();
  out.metadata.clear();
  const auto each_name = [&](std::size_t list, auto&& take) {
    for (std::uint32_t i = row == 0 ? 0 : tail_.list_ends_[list][row - 1]; i < tail_.list_ends_[list][row]; ++i) {
      take(tail_.list_names_[list].view().at(tail_.list_ordinals_[list][i]));
    }
  };
  each_name(0, [&](std::string_view tag) { out.tags.emplace_back(tag); });
  each_name(1, [&](std::string_view pair) {
    const std::size_t equals = pair.find('=');
    out.metadata.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  });
  return {};
}

}  // namespace andon::ledger
