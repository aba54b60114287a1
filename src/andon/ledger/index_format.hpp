#pragma once
// The parts of a sealed segment and their numbers; private to index_segment*.cpp. Changing any of it changes
// store_schema in store_sqlite.cpp, and stores are then rebuilt.
#include <cstdint>

#include "andon/ledger/index_view.hpp"

namespace andon::ledger::parts {

inline constexpr std::uint32_t numbers = 0;          ///< + number
inline constexpr std::uint32_t names = 64;           ///< + 2 * field: dictionary; + 1: ordinals
inline constexpr std::uint32_t lists = 128;          ///< + 4 * list: dictionary; + 1: ends; + 2: ordinals
inline constexpr std::uint32_t term_index = 255;     ///< first word of every block
inline constexpr std::uint32_t rows = 0x1000;        ///< + chunk
inline constexpr std::uint32_t terms = 0x10000;      ///< + block
inline constexpr std::size_t block_bytes = 28 * 1024;

/// Bytes needed for offsets up to `highest`.
constexpr std::uint8_t width_for(std::uint64_t highest) {
  return highest == 0 ? 0 : highest < 1u << 8 ? 1 : highest < 1u << 16 ? 2 : highest < 1ULL << 32 ? 4 : 8;
}

}  // namespace andon::ledger::parts
