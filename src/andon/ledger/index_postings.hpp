#pragma once
// Where a word occurs: for each row its places, as varints. A new row is `row delta << 1 | 1` followed by its first
// place; a further place in the same row is `place delta << 1`. A place is `word number << 1 | side`, so neighbours on
// one side differ by two.
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace andon::ledger {

inline std::size_t put_varint(unsigned char* out, std::uint64_t value) {
  std::size_t n = 0;
  for (; value >= 0x80; value >>= 7) out[n++] = static_cast<unsigned char>(value | 0x80);
  out[n++] = static_cast<unsigned char>(value);
  return n;
}

template <class Bytes>
void append_varint(Bytes& out, std::uint64_t value) {
  unsigned char buffer[10];
  const std::size_t n = put_varint(buffer, value);
  out.insert(out.end(), buffer, buffer + n);
}

/// Reads within bounds: beyond the end it yields 0 and stays there.
class varint_reader {
public:
  explicit varint_reader(std::span<const unsigned char> bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  [[nodiscard]] bool done() const { return at_ == end_; }
  std::uint64_t next() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; at_ != end_ && shift < 64; shift += 7) {
      const unsigned char byte = *at_++;
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) break;
    }
    return value;
  }
  std::span<const unsigned char> take(std::size_t size) {
    size = std::min(size, static_cast<std::size_t>(end_ - at_));
    const std::span<const unsigned char> bytes{at_, size};
    at_ += size;
    return bytes;
  }

private:
  const unsigned char* at_;
  const unsigned char* end_;
};

/// Calls occurrence(row, place) in order.
template <class F>
void decode_postings(std::span<const unsigned char> bytes, F&& occurrence) {
  varint_reader in(bytes);
  std::uint32_t row = 0;
  std::uint32_t place = 0;
  while (!in.done()) {
    const auto code = static_cast<std::uint32_t>(in.next());
    if ((code & 1) != 0) {
      row += code >> 1;
      place = static_cast<std::uint32_t>(in.next());
    } else {
      place += code >> 1;
    }
    occurrence(row, place);
  }
}

/// Builds the same form.
class postings_builder {
public:
  void add(std::uint32_t row, std::uint32_t place) {
    if (row != row_ || bytes_.empty()) {
      append_varint(bytes_, static_cast<std::uint64_t>(row - row_) << 1 | 1);
      append_varint(bytes_, place);
    } else {
      append_varint(bytes_, static_cast<std::uint64_t>(place - place_) << 1);
    }
    row_ = row;
    place_ = place;
  }
  void clear() { bytes_.clear(); row_ = 0; place_ = 0; }
  [[nodiscard]] std::span<const unsigned char> bytes() const { return bytes_; }

private:
  std::vector<unsigned char> bytes_;
  std::uint32_t row_ = 0, place_ = 0;
};

}  // namespace andon::ledger
