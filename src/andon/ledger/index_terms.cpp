#include "andon/ledger/index_terms.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace andon::ledger {
namespace {

constexpr std::size_t first_slots = 1u << 10, later_slots = 1u << 15;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t leading_bytes(std::string_view text) {
  std::uint64_t value = 0;
  std::memcpy(&value, text.data(), std::min<std::size_t>(8, text.size()));
  return __builtin_bswap64(value);
}

}  // namespace

term_table::term_table() : slots_(first_slots) {}

std::uint64_t term_table::hash_padded(const char* text, std::size_t size) {
  std::uint64_t h = 0x9E3779B97F4A7C15 ^ size;
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text + i, 8);
    h = mix(h ^ word, 0xD6E8FEB86659FD93);
  }
  if (i < size) {
    std::uint64_t word = 0;
    std::memcpy(&word, text + i, 8);
    word &= (1ULL << (size - i) * 8) - 1;
    h = mix(h ^ word, 0xD6E8FEB86659FD93);
  }
  return h ^ h >> 32;
}

std::uint64_t term_table::hash(std::string_view text) {
  std::vector<char> padded(text.size() + 8);
  std::ranges::copy(text, padded.begin());
  return hash_padded(padded.data(), text.size());
}

std::uint32_t term_table::allocate(std::uint32_t bytes) {
  constexpr std::uint64_t slab = 1u << slab_bits;
  if (used_ % slab + bytes > slab || used_ == 0) used_ = (used_ + slab - 1) / slab * slab;
  while (slabs_.size() <= used_ >> slab_bits) slabs_.push_back(std::make_unique_for_overwrite<unsigned char[]>(slab));
  const auto offset = static_cast<std::uint32_t>(used_);
  used_ += bytes;
  return offset;
}

void term_table::append(entry& e, const unsigned char* bytes, std::size_t size) {
  e.bytes += static_cast<std::uint32_t>(size);
  while (size != 0) {
    if (e.left == 0) {
      const std::uint32_t payload = payload_of(e.chunks);
      const std::uint32_t chunk = allocate(payload + 4);
      if (e.chunks == 0) e.head = chunk;
      else std::memcpy(at(e.write), &chunk, 4);
      e.write = chunk;
      e.left = payload;
      if (e.chunks < 255) ++e.chunks;
    }
    const std::size_t n = std::min<std::size_t>(size, e.left);
    unsigned char* to = at(e.write);
    for (std::size_t i = 0; i < n; ++i) to[i] = bytes[i];
    e.write += static_cast<std::uint32_t>(n);
    e.left -= static_cast<std::uint32_t>(n);
    bytes += n;
    size -= n;
  }
}

term_table::entry& term_table::insert(std::string_view term, std::uint64_t hash, std::size_t slot) {
  slots_[slot] = {static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(terms_.size() + 1)};
  entry& e = terms_.emplace_back();
  e.text = static_cast<std::uint32_t>(texts_.size());
  e.length = static_cast<std::uint8_t>(term.size());
  texts_.insert(texts_.end(), term.begin(), term.end());
  return e;
}

void term_table::grow() {
  std::vector<slot> bigger(slots_.size() * 2);
  const std::size_t mask = bigger.size() - 1;
  for (const slot& s : slots_) {
    if (s.term == 0) continue;
    std::size_t i = s.tag & mask;
    while (bigger[i].term != 0) i = (i + 1) & mask;
    bigger[i] = s;
  }
  slots_.swap(bigger);
}

void term_table::add(std::string_view term, std::uint64_t hash, std::uint32_t row, std::uint32_t place) {
  const std::size_t mask = slots_.size() - 1;
  const auto tag = static_cast<std::uint32_t>(hash);
  std::uint64_t lead = 0;
  std::memcpy(&lead, term.data(), 8);
  if (term.size() < 8) lead &= (1ULL << term.size() * 8) - 1;
  std::size_t i = tag & mask;
  entry* e = nullptr;
  for (; slots_[i].term != 0; i = (i + 1) & mask) {
    if (slots_[i].tag != tag) continue;
    entry& candidate = terms_[slots_[i].term - 1];
    if (candidate.lead != lead || candidate.length != term.size()) continue;
    if (term.size() <= 8 || std::memcmp(texts_.data() + candidate.text + 8, term.data() + 8, term.size() - 8) == 0) { e = &candidate; break; }
  }
  if (e == nullptr) {
    e = &insert(term, hash, i);
    e->lead = lead;
  }
  unsigned char bytes[20];
  std::size_t n = 0;
  if (e->row != row || e->bytes == 0) {
    n = put_varint(bytes, static_cast<std::uint64_t>(row - e->row) << 1 | 1);
    n += put_varint(bytes + n, place);
  } else {
    n = put_varint(bytes, static_cast<std::uint64_t>(place - e->place) << 1);
  }
  e->row = row;
  e->place = place;
  append(*e, bytes, n);
  if (terms_.size() * 2 > slots_.size()) grow();
}

void term_table::clear() {
  constexpr std::size_t kept_slabs = 12, kept_terms = 1u << 17, kept_texts = 1u << 20;
  terms_.clear();
  texts_.clear();
  if (terms_.capacity() > kept_terms) std::vector<entry>{}.swap(terms_);
  if (texts_.capacity() > kept_texts) std::vector<char>{}.swap(texts_);
  used_ = 0;
  if (slabs_.size() > kept_slabs) slabs_.resize(kept_slabs);
  if (slots_.size() > (1u << 18)) slots_ = std::vector<slot>(later_slots);
  else std::ranges::fill(slots_, slot{});
}

std::size_t term_table::memory() const {
  return used_ + terms_.size() * sizeof(entry) + texts_.size() + slots_.size() * sizeof(slot);
}

std::uint32_t term_table::find(std::string_view term) const {
  const std::uint64_t h = hash(term);
  const std::size_t mask = slots_.size() - 1;
  const auto tag = static_cast<std::uint32_t>(h);
  for (std::size_t i = tag & mask; slots_[i].term != 0; i = (i + 1) & mask) {
    if (slots_[i].tag == tag && text(slots_[i].term - 1) == term) return slots_[i].term - 1;
  }
  return none();
}

void term_table::copy_postings(std::uint32_t term, std::vector<unsigned char>& out) const {
  const entry& e = terms_[term];
  out.clear();
  std::uint32_t chunk = e.head;
  std::uint32_t left = e.bytes;
  for (std::uint8_t i = 0; left != 0;) {
    const std::uint32_t payload = payload_of(i);
    const std::uint32_t n = std::min(left, payload);
    out.insert(out.end(), at(chunk), at(chunk) + n);
    left -= n;
    if (left != 0) std::memcpy(&chunk, at(chunk + payload), 4);
    if (i < 255) ++i;
  }
}

std::vector<std::uint32_t> term_table::sorted() const {
  struct keyed { std::uint64_t lead; std::uint32_t term; };
  std::vector<keyed> order(terms_.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = {leading_bytes(text(i)), i};
  std::ranges::sort(order, [&](const keyed& a, const keyed& b) { return a.lead != b.lead ? a.lead < b.lead : text(a.term) < text(b.term); });
  std::vector<std::uint32_t> terms(order.size());
  std::ranges::transform(order, terms.begin(), &keyed::term);
  return terms;
}

}  // namespace andon::ledger
