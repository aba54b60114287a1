#include "andon/ledger/index_ids.hpp"

#include <algorithm>
#include <cassert>

namespace andon::ledger {
namespace {

constexpr std::size_t least_slots = 64;

std::uint32_t half_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

}  // namespace

void id_table::put(std::uint64_t hash, std::uint32_t row) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = hash & mask;
  while (slots_[i].after != 0) i = (i + 1) & mask;
  slots_[i] = {half_of(hash), row + 1};
}

void id_table::push_back(request_id id) {
  assert(!contains(id));
  ids_.push_back(id);
  if (ids_.size() * 2 <= slots_.size()) return put(hash(id), static_cast<std::uint32_t>(ids_.size() - 1));
  slots_.assign(std::max(least_slots, slots_.size() * 2), {});
  for (std::uint32_t row = 0; row < ids_.size(); ++row) put(hash(ids_[row]), row);
}

std::optional<std::uint32_t> id_table::row_of(request_id id) const {
  if (slots_.empty()) return std::nullopt;
  const auto wanted = hash(id);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = wanted & mask; slots_[i].after != 0; i = (i + 1) & mask)
    if (slots_[i].half == half_of(wanted) && ids_[slots_[i].after - 1] == id) return slots_[i].after - 1;
  return std::nullopt;
}

void id_table::clear() {
  std::vector<slot>{}.swap(slots_);
  std::vector<request_id>{}.swap(ids_);
}

void id_table::swap(id_table& other) noexcept {
  slots_.swap(other.slots_);
  ids_.swap(other.ids_);
}

}  // namespace andon::ledger
