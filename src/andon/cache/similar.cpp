#include "andon/cache/similar.hpp"

// Its prefetching reads one word behind full lists.
#define NO_MANUAL_VECTORIZATION
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <deque>
#include <numeric>
#include <shared_mutex>

#include "andon/cache/store.hpp"

namespace andon::cache {
namespace {

constexpr std::size_t scanned = 256;      ///< entries up to which a partition has no graph
constexpr std::size_t links = 16, search_width = 64, build_width = 100;
constexpr std::size_t item_bytes = 96;    ///< key, slot, bookkeeping
constexpr std::size_t group_bytes = 512;
/// hnswlib's own: a lock and a list pointer an element, and 65,536 locks a graph.
constexpr std::size_t graph_item_bytes = 128, graph_bytes = 65'536 * sizeof(std::mutex);

float product(std::span<const float> a, const float* b) {
  std::array<float, 8> sums{};
  std::size_t i = 0;
  for (; i + sums.size() <= a.size(); i += sums.size())
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += a[i + k] * b[i + k];
  for (; i < a.size(); ++i) sums[0] += a[i] * b[i];
  return std::accumulate(sums.begin(), sums.end(), 0.0f);
}

}  // namespace

bool normalise(std::vector<float>& vector) {
  double sum = 0;
  for (const float x : vector) sum += static_cast<double>(x) * static_cast<double>(x);
  if (!std::isfinite(sum) || sum < 1e-30) return false;
  const auto scale = static_cast<float>(1 / std::sqrt(sum));
  for (auto& x : vector) x *= scale;
  return true;
}

/// One partition. A slot is a place in the flat array and the graph's label; what leaves frees its slot for the next.
class similar_questions::group {
public:
  struct change {
    std::int64_t entries = 0, bytes = 0;
  };

  std::optional<match> find(std::span<const float> vector, float threshold) const {
    const std::shared_lock guard(lock_);
    if (ages_.empty() || vector.size() != dimensions_) return std::nullopt;
    const auto best = graph_ ? nearest_in_graph(vector) : nearest_by_scan(vector);
    if (!best || best->similarity < threshold) return std::nullopt;
    return best;
  }

  /// False: the group has left the table; ask for a new one.
  bool put(std::span<const float> vector, const digest& key, change& done) {
    const std::unique_lock guard(lock_);
    if (dead_) return false;
    const auto before = measure();
    if (vector.size() != dimensions_) begin_anew(vector.size());
    if (const auto known = slots_.find(key); known != slots_.end()) remove(known->second);
    insert(vector, key);
    done = difference(before);
    return true;
  }

  change forget(const digest& key, bool& dead) {
    const std::unique_lock guard(lock_);
    const auto before = measure();
    if (const auto known = slots_.find(key); known != slots_.end()) remove(known->second);
    return end_if_empty(before, dead);
  }

  /// Takes the oldest entry out; a group that is empty then is dead.
  change shrink(bool& dead) {
    const std::unique_lock guard(lock_);
    const auto before = measure();
    if (!ages_.empty()) remove(ages_.front());
    return end_if_empty(before, dead);
  }

private:
  struct reading {
    std::size_t entries, bytes;
  };

  [[nodiscard]] reading measure() const {
    auto bytes = flat_.capacity() * sizeof(float) + keys_.size() * item_bytes;
    if (graph_) bytes += graph_bytes + graph_->max_elements_ * (graph_->size_data_per_element_ + graph_item_bytes);
    return {ages_.size(), bytes};
  }

  [[nodiscard]] change difference(reading before) const {
    const auto now = measure();
    return {static_cast<std::int64_t>(now.entries) - static_cast<std::int64_t>(before.entries),
            static_cast<std::int64_t>(now.bytes) - static_cast<std::int64_t>(before.bytes)};
  }

  change end_if_empty(reading before, bool& dead) {
    dead = dead_ = ages_.empty();
    if (dead) begin_anew(0);
    auto out = difference(before);
    if (dead) out.bytes -= static_cast<std::int64_t>(group_bytes);
    return out;
  }

  void begin_anew(std::size_t dimensions) {
    dimensions_ = dimensions;
    graph_.reset();
    space_.reset();
    std::vector<float>().swap(flat_);
    keys_.clear();
    live_.clear();
    slots_.clear();
    ages_.clear();
    spare_.clear();
  }

  void insert(std::span<const float> vector, const digest& key) {
    std::size_t slot = keys_.size();
    if (!spare_.empty()) {
      slot = spare_.back();
      spare_.pop_back();
      keys_[slot] = key;
      live_[slot] = true;
    } else {
      keys_.push_back(key);
      live_.push_back(true);
    }
    slots_.emplace(key, slot);
    ages_.push_back(slot);
    if (!graph_ && keys_.size() > scanned) build_graph();
    if (graph_) return add_to_graph(vector, slot);
    if (flat_.size() < (slot + 1) * dimensions_) flat_.resize((slot + 1) * dimensions_);
    std::ranges::copy(vector, flat_.begin() + static_cast<std::ptrdiff_t>(slot * dimensions_));
  }

  void build_graph() {
    space_ = std::make_unique<hnswlib::InnerProductSpace>(dimensions_ | 1);
    graph_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(), 2 * scanned, links, build_width);
    graph_->setEf(search_width);
    for (std::size_t slot = 0; slot < flat_.size() / dimensions_; ++slot) {
      graph_->addPoint(odd({flat_.data() + slot * dimensions_, dimensions_}).data(), slot);
      if (!live_[slot]) graph_->markDelete(slot);
    }
    std::vector<float>().swap(flat_);
  }

  /// hnswlib puts a 64-bit label behind each vector, which is aligned only for odd sizes: a 0 changes no product.
  static std::vector<float> odd(std::span<const float> vector) {
    std::vector<float> out(vector.size() | 1);
    std::ranges::copy(vector, out.begin());
    return out;
  }

  void add_to_graph(std::span<const float> vector, std::size_t slot) {
    if (slot >= graph_->max_elements_) graph_->resizeIndex(graph_->max_elements_ * 2);
    graph_->addPoint(odd(vector).data(), slot);  // a slot that was marked as deleted gets the new vector and counts again
  }

  void remove(std::size_t slot) {
    slots_.erase(keys_[slot]);
    live_[slot] = false;
    ages_.erase(std::ranges::find(ages_, slot));
    spare_.push_back(slot);
    if (graph_) graph_->markDelete(slot);
  }

  [[nodiscard]] std::optional<match> nearest_by_scan(std::span<const float> vector) const {
    std::optional<match> best;
    for (std::size_t slot = 0; slot < keys_.size(); ++slot) {
      if (!live_[slot]) continue;
      const float similarity = product(vector, flat_.data() + slot * dimensions_);
      if (!best || similarity > best->similarity) best = {keys_[slot], similarity};
    }
    return best;
  }

  [[nodiscard]] std::optional<match> nearest_in_graph(std::span<const float> vector) const {
    const auto found = graph_->searchKnn(odd(vector).data(), 1);
    if (found.empty()) return std::nullopt;
    return match{keys_[found.top().second], 1 - found.top().first};
  }

  mutable std::shared_mutex lock_;
  std::size_t dimensions_ = 0;
  std::vector<float> flat_;                 ///< without a graph: the vectors by slot
  std::unique_ptr<hnswlib::InnerProductSpace> space_;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph_;
  std::vector<digest> keys_;                ///< by slot
  std::vector<bool> live_;
  std::unordered_map<digest, std::size_t, key_hash> slots_;
  std::deque<std::size_t> ages_;            ///< slots, oldest first
  std::vector<std::size_t> spare_;
  bool dead_ = false;
};

std::size_t similar_questions::key_hash::operator()(const digest& key) const noexcept {
  std::size_t out = 0;
  std::memcpy(&out, key.data(), sizeof out);
  return out;
}

similar_questions::similar_questions(store& charged) : charged_(charged) {}

similar_questions::~similar_questions() { charged_.charge(-bytes_.load()); }

similar_questions::group_ptr similar_questions::group_of(const digest& partition, bool make) {
  const std::lock_guard guard(lock_);
  const auto found = groups_.find(partition);
  if (found != groups_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->second;
  }
  if (!make) return nullptr;
  recent_.emplace_front(partition, std::make_shared<group>());
  groups_.emplace(partition, recent_.begin());
  account(0, static_cast<std::int64_t>(group_bytes));
  return recent_.front().second;
}

void similar_questions::account(std::int64_t entries, std::int64_t bytes) {
  entries_.fetch_add(static_cast<std::size_t>(entries), std::memory_order_relaxed);
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  charged_.charge(bytes);
}

std::optional<similar_questions::match> similar_questions::find(const digest& partition, std::span<const float> vector, float threshold) {
  const auto in = group_of(partition, false);
  return in ? in->find(vector, threshold) : std::nullopt;
}

void similar_questions::put(const digest& partition, std::span<const float> vector, const digest& key) {
  if (vector.empty() || vector.size() > max_dimensions) return;
  group::change done;
  while (!group_of(partition, true)->put(vector, key, done)) {}
  account(done.entries, done.bytes);
  while (over() && evict_one()) {}
}

void similar_questions::forget(const digest& partition, const digest& key) {
  const std::lock_guard guard(lock_);
  const auto found = groups_.find(partition);
  if (found == groups_.end()) return;
  bool dead = false;
  const auto done = found->second->second->forget(key, dead);
  account(done.entries, done.bytes);
  if (!dead) return;
  recent_.erase(found->second);
  groups_.erase(found);
}

void similar_questions::set_max_entries(std::size_t entries) {
  max_entries_ = entries;
  while (over() && evict_one()) {}
}

bool similar_questions::over() const {
  return entries_.load(std::memory_order_relaxed) > max_entries_.load(std::memory_order_relaxed) ||
         bytes_.load(std::memory_order_relaxed) > static_cast<std::int64_t>(charged_.limits().memory / 2);
}

/// The table's lock is held, here and in forget, so that a group that dies leaves the table in the same moment.
bool similar_questions::evict_one() {
  const std::lock_guard guard(lock_);
  if (recent_.empty()) return false;
  bool dead = false;
  const auto& [partition, last] = recent_.back();
  const auto done = last->shrink(dead);
  account(done.entries, done.bytes);
  if (done.entries < 0) evicted_.fetch_add(1, std::memory_order_relaxed);
  if (dead) {
    groups_.erase(groups_.find(partition));
    recent_.pop_back();
  }
  return true;
}

}  // namespace andon::cache
