#pragma once
// The exchanges that are open on one stream: id → where its `opened` entry is and how much space is set aside.
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "andon/base/ids.hpp"
#include "andon/ledger/journal_position.hpp"
#include "andon/ledger/record_codec.hpp"

namespace andon::ledger {

struct open_exchange {
  request_id id;
  std::uint64_t segment = 0;
  std::uint64_t reserved = 0;  ///< bytes set aside for its Record
  std::uint64_t offset = 0;
};

/// Linear probing in one flat array that grows by doubling and erases by shifting back: no allocation per exchange.
class open_table {
public:
  [[nodiscard]] const open_exchange* find(const request_id& id) const {
    const auto at = slot_of(id);
    return slots_.empty() || slots_[at].id.is_nil() ? nullptr : &slots_[at];
  }
  void insert(const open_exchange& x) {
    if ((count_ + 1) * 2 > slots_.size()) grow();
    auto& slot = slots_[slot_of(x.id)];
    if (slot.id.is_nil()) ++count_;
    slot = x;
  }
  void erase(const request_id& id) {
    if (slots_.empty()) return;
    auto hole = slot_of(id);
    if (slots_[hole].id.is_nil()) return;
    --count_;
    const auto mask = slots_.size() - 1;
    for (auto at = (hole + 1) & mask; !slots_[at].id.is_nil(); at = (at + 1) & mask) {
      const auto home = home_of(slots_[at].id);
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
  }
  [[nodiscard]] std::size_t size() const { return count_; }
  template <class Visit>
  void each(Visit visit) const {
    for (const auto& slot : slots_)
      if (!slot.id.is_nil()) visit(slot);
  }

private:
  [[nodiscard]] std::size_t home_of(const request_id& id) const { return std::hash<request_id>{}(id) & (slots_.size() - 1); }
  [[nodiscard]] std::size_t slot_of(const request_id& id) const {
    if (slots_.empty()) return 0;
    auto at = home_of(id);
    while (!slots_[at].id.is_nil() && slots_[at].id != id) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  void grow() {
    std::vector<open_exchange> old(slots_.empty() ? 64 : slots_.size() * 2);
    old.swap(slots_);
    for (const auto& slot : old)
      if (!slot.id.is_nil()) slots_[slot_of(slot.id)] = slot;
  }

  std::vector<open_exchange> slots_;
  std::size_t count_ = 0;
};

/// The payload of a carry entry.
[[nodiscard]] std::vector<unsigned char> encode_carry(const open_table& open);
[[nodiscard]] bool decode_carry(byte_span payload, std::vector<open_exchange>& into);
inline constexpr std::uint64_t carried_bytes = 40;
constexpr std::uint64_t carry_bytes(std::uint64_t count) { return 8 + count * carried_bytes; }

}  // namespace andon::ledger
