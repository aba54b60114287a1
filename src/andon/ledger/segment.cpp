#include "andon/ledger/segment.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "andon/base/random.hpp"

namespace andon::ledger {
namespace {

constexpr std::array<char, 8> magic{'A', 'N', 'D', 'O', 'N', 'S', 'E', 'G'};
constexpr std::uint32_t version = 1;
constexpr std::array<std::uint64_t, 2> identity_at{0, 1024};
constexpr std::array<std::uint64_t, 2> activation_at{segment_activation_offset, 3072};

template <class Block>
std::uint64_t checksum_of(const Block& block, std::uint64_t seed) {
  return XXH3_64bits_withSeed(&block, offsetof(Block, checksum), seed);
}

std::uint64_t salt_seed(const segment_identity& identity) {
  std::uint64_t seed = 0;
  std::memcpy(&seed, identity.salt.data(), sizeof seed);
  return seed;
}

template <class Block>
Block load(byte_span page, std::uint64_t at) {
  Block block;
  std::memcpy(&block, page.data() + at, sizeof block);
  return block;
}

}  // namespace

segment_identity make_identity(std::uint64_t bytes, std::uint32_t key_id, wall_time now) {
  segment_identity made{.magic = magic, .version = version, .key_id = key_id, .bytes = bytes, .created = now.time_since_epoch().count()};
  secure_random({reinterpret_cast<unsigned char*>(made.salt.data()), made.salt.size()});
  made.checksum = checksum_of(made, version);
  return made;
}

void write_identity(unsigned char* file, const segment_identity& identity) {
  for (const auto at : identity_at) std::memcpy(file + at, &identity, sizeof identity);
}

void write_activation(unsigned char* file, const segment_identity& identity, segment_activation activation) {
  activation.checksum = checksum_of(activation, salt_seed(identity));
  for (const auto at : activation_at) std::memcpy(file + at, &activation, sizeof activation);
}

std::optional<segment_header> parse_header(byte_span page) {
  if (page.size() < segment_header_bytes) return std::nullopt;
  segment_header header;
  bool known = false;
  for (const auto at : identity_at) {
    if (known) break;
    header.identity = load<segment_identity>(page, at);
    known = header.identity.magic == magic && header.identity.version == version && header.identity.checksum == checksum_of(header.identity, version);
  }
  if (!known) return std::nullopt;
  for (const auto at : activation_at) {
    const auto activation = load<segment_activation>(page, at);
    if (activation.sequence == 0 || activation.stream > 0xffff || activation.checksum != checksum_of(activation, salt_seed(header.identity))) continue;
    header.activation = activation;
    break;
  }
  header.blank = std::ranges::all_of(page.subspan(activation_at[0]), [](unsigned char b) { return b == 0; });
  return header;
}

std::uint64_t seed_of(const segment_identity& identity, const segment_activation& activation) {
  const std::uint64_t place = (activation.stream << 48) ^ activation.sequence;
  return XXH3_64bits_withSeed(identity.salt.data(), identity.salt.size(), place);
}

std::uint64_t head_checksum(const entry_head& head, std::uint64_t seed, std::uint64_t offset) {
  std::array<std::uint64_t, 5> covered{head.commit, head.body, head.serial, static_cast<std::uint64_t>(head.time),
                                       (std::uint64_t{head.entry} << 32) | head.record};
  return XXH3_64bits_withSeed(covered.data(), sizeof covered, seed + offset);
}

std::uint64_t body_checksum(byte_span payload, std::uint64_t seed, std::uint64_t offset) {
  return XXH3_64bits_withSeed(payload.data(), payload.size(), seed ^ offset);
}

std::optional<entry_head> entry_scanner::head_at(std::uint64_t offset) const {
  if (offset + entry_header_bytes > limit_) return std::nullopt;
  entry_head head;
  std::memcpy(&head.commit, file_ + offset, sizeof head.commit);
  if (!head.marked()) return std::nullopt;
  std::memcpy(&head, file_ + offset, sizeof head);
  if ( offset + entry_bytes(head.length()) > limit_) return std::nullopt;
  if (head.head != head_checksum(head, seed_, offset)) return std::nullopt;
  return head;
}

std::optional<entry_scanner::found> entry_scanner::next(bool resync) {
  for (std::uint64_t at = offset_; at + entry_header_bytes <= limit_; at += 8) {
    if (const auto head = head_at(at)) {
      const byte_span payload{file_ + at + entry_header_bytes, head->length()};
      const bool intact = body_checksum(payload, seed_, at) == head->body;
      const found entry{.offset = at, .head = *head, .payload = payload, .intact = intact, .skipped = at - offset_};
      offset_ = at + entry_bytes(head->length());
      return entry;
    }
    if (!resync) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace andon::ledger
