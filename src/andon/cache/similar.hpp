#pragma once
// Earlier questions by the direction of their embeddings: which of them, within a partition, is nearest to a new one.
//
// A partition is everything of a request but the last question's text (canonical.hpp), so a match never crosses a
// project, a system prompt, tools, parameters or earlier turns. Small partitions are scanned; larger ones get an HNSW
// graph (Malkov and Yashunin, arXiv:1603.09320; hnswlib), which finds the nearest nearly always. Only vectors and keys
// are here, the replies are in the store; memory is charged to it and stays within half of its budget.
//
// Threads: any. The table's lock is short; a partition's is shared by searches and exclusive for changes (about a
// millisecond at most, where a graph grows).
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "andon/base/hashing.hpp"

namespace andon::cache {

class store;

class similar_questions {
public:
  static constexpr std::size_t default_max_entries = 20'000;
  static constexpr std::size_t max_dimensions = 8'192;

  explicit similar_questions(store& charged);
  ~similar_questions();
  similar_questions(const similar_questions&) = delete;
  similar_questions& operator=(const similar_questions&) = delete;

  /// Over all partitions; what was put first in the partition that was used longest ago goes.
  void set_max_entries(std::size_t entries);

  struct match {
    digest key{};            ///< of the earlier question's reply
    float similarity = 0;    ///< cosine, at most 1
  };
  /// The nearest, if its cosine reaches `threshold`. Vectors have length 1 (normalise()).
  [[nodiscard]] std::optional<match> find(const digest& partition, std::span<const float> vector, float threshold);
  /// A vector of another size than the partition's begins the partition anew.
  void put(const digest& partition, std::span<const float> vector, const digest& key);
  /// The reply of this key is gone.
  void forget(const digest& partition, const digest& key);

  [[nodiscard]] std::size_t entries() const { return entries_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }

private:
  class group;
  using group_ptr = std::shared_ptr<group>;
  using order = std::list<std::pair<digest, group_ptr>>;  ///< most recently used first
  struct key_hash {
    std::size_t operator()(const digest& key) const noexcept;
  };

  group_ptr group_of(const digest& partition, bool make);
  void account(std::int64_t entries, std::int64_t bytes);
  bool over() const;
  bool evict_one();

  store& charged_;
  std::mutex lock_;
  order recent_;
  std::unordered_map<digest, order::iterator, key_hash> groups_;
  std::atomic<std::size_t> max_entries_{default_max_entries}, entries_{0};
  std::atomic<std::int64_t> bytes_{0};
  std::atomic<std::uint64_t> evicted_{0};
};

/// Scales to length 1. False for nothing, a vector of zeros, or one that holds what is not finite.
bool normalise(std::vector<float>& vector);

}  // namespace andon::cache
