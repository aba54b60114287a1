#pragma once
// Fixed-size memory blocks of one core, lent to connections while they work and kept for the next one, so that an idle
// connection owns no buffer and a busy one allocates nothing.
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace andon::net {

class block_pool {
public:
  static constexpr std::size_t block_size = 16 * 1024;

  /// At most `keep` unused blocks are held back; the rest go to the allocator.
  explicit block_pool(std::size_t keep = 128) : keep_(keep) { free_.reserve(keep); }

  [[nodiscard]] std::unique_ptr<char[]> borrow() {
    if (free_.empty()) return std::make_unique_for_overwrite<char[]>(block_size);
    auto block = std::move(free_.back());
    free_.pop_back();
    return block;
  }
  void give_back(std::unique_ptr<char[]> block) {
    if (block != nullptr && free_.size() < keep_) free_.push_back(std::move(block));
  }
  [[nodiscard]] std::size_t unused() const { return free_.size(); }

private:
  std::size_t keep_;
  std::vector<std::unique_ptr<char[]>> free_;
};

}  // namespace andon::net
