#include "andon/base/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <stdexcept>
#include <unordered_map>

namespace andon::metrics {
namespace {

constexpr std::size_t cache_line = 64;

// Which slots have an owner. Process-wide like the threads it describes.
constinit std::atomic<std::uint32_t> claimed_slots{1};
constinit thread_local std::size_t current_slot = 0;

struct slot_claim {
  std::size_t slot = 0;
  void release() {
    current_slot = 0;
    if (slot != 0) claimed_slots.fetch_and(~(1u << slot), std::memory_order_release);
    slot = 0;
  }
  ~slot_claim() { release(); }
};
thread_local slot_claim claim;

// A slot other than 0 has one writer, so load and store are enough.
void add_to(std::atomic<std::uint64_t>& cell, std::uint64_t n, std::size_t slot) noexcept {
  if (slot == 0) cell.fetch_add(n, std::memory_order_relaxed);
  else cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

void add_to(std::atomic<double>& cell, double v, std::size_t slot) noexcept {
  if (slot == 0) cell.fetch_add(v, std::memory_order_relaxed);
  else cell.store(cell.load(std::memory_order_relaxed) + v, std::memory_order_relaxed);
}

// The pointer in `place`, made on first use. Two threads may race for slot 0; the loser's memory goes.
template <class T, class Make>
T* first_use(std::atomic<T*>& place, const Make& make) {
  if (T* there = place.load(std::memory_order_acquire)) [[likely]] return there;
  std::unique_ptr<T> made{make()};
  T* expected = nullptr;
  if (place.compare_exchange_strong(expected, made.get(), std::memory_order_acq_rel)) return made.release();
  return expected;
}

struct alignas(cache_line) histogram_line {
  std::array<std::atomic<std::uint64_t>, cache_line / sizeof(std::uint64_t)> values{};
};

// One slot of a histogram: the sum and the buckets on cache lines of their own.
struct alignas(cache_line) histogram_block {
  explicit histogram_block(std::size_t buckets) : lines(buckets / 8 + 1) {}
  std::atomic<std::uint64_t>& bucket(std::size_t i) { return lines[i / 8].values[i % 8]; }
  std::atomic<double> sum{0};
  std::vector<histogram_line> lines;
};

}  // namespace

void use_slot(std::size_t slot) {
  claim.release();
  if (slot == 0 || slot >= max_slots) return;
  const std::uint32_t bit = 1u << slot;
  if ((claimed_slots.fetch_or(bit, std::memory_order_acq_rel) & bit) != 0) return;
  claim.slot = current_slot = slot;
}

struct alignas(cache_line) counter::cell {
  std::atomic<std::uint64_t> value{0};
};

counter::counter() = default;
counter::~counter() {
  for (auto& cell : cells_) delete cell.load(std::memory_order_relaxed);
}

void counter::add(std::uint64_t n) noexcept {
  const std::size_t slot = current_slot;
  add_to(first_use(cells_[slot], [] { return new cell; })->value, n, slot);
}

std::uint64_t counter::value() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& place : cells_)
    if (const cell* c = place.load(std::memory_order_acquire)) sum += c->value.load(std::memory_order_relaxed);
  return sum;
}

void gauge::set(double v) noexcept { value_.store(v, std::memory_order_relaxed); }
void gauge::add(double v) noexcept { value_.fetch_add(v, std::memory_order_relaxed); }
double gauge::value() const noexcept { return value_.load(std::memory_order_relaxed); }

struct histogram::state {
  std::vector<double> boundaries;
  std::array<std::atomic<histogram_block*>, max_slots> blocks{};
  ~state() {
    for (auto& block : blocks) delete block.load(std::memory_order_relaxed);
  }
};

histogram::histogram(std::span<const double> boundaries) : state_(std::make_unique<state>()) {
  state_->boundaries.assign(boundaries.begin(), boundaries.end());
}
histogram::~histogram() = default;

std::span<const double> histogram::boundaries() const { return state_->boundaries; }

void histogram::observe(double v) noexcept {
  if (std::isnan(v)) return;
  const std::size_t slot = current_slot;
  const auto& bounds = state_->boundaries;
  auto* block = first_use(state_->blocks[slot], [&] { return new histogram_block(bounds.size() + 1); });
  std::size_t bucket = 0;
  for (double bound : bounds) bucket += static_cast<std::size_t>(bound < v);
  add_to(block->bucket(bucket), 1, slot);
  add_to(block->sum, v, slot);
}

histogram::reading histogram::read() const {
  reading out;
  out.buckets.assign(state_->boundaries.size() + 1, 0);
  for (auto& place : state_->blocks) {
    histogram_block* block = place.load(std::memory_order_acquire);
    if (block == nullptr) continue;
    for (std::size_t i = 0; i < out.buckets.size(); ++i) out.buckets[i] += block->bucket(i).load(std::memory_order_relaxed);
    out.sum += block->sum.load(std::memory_order_relaxed);
  }
  for (std::uint64_t n : out.buckets) out.count += n;
  return out;
}

namespace {

struct series_entry {
  labels with;
  std::unique_ptr<counter> count;
  std::unique_ptr<gauge> level;
  std::unique_ptr<histogram> spread;
  bool observed = false;                                     // had a reader at least once
  std::map<std::uint64_t, std::function<double()>> readers;  // under readers_mutex
};

struct family {
  description about;
  kind what;
  std::vector<std::unique_ptr<series_entry>> series;
  std::unordered_map<std::string, series_entry*> by_labels;
};

std::string key_of(labels with) {
  std::ranges::sort(with);
  std::string key;
  for (const auto& [name, value] : with) key.append(name).append(1, '\0').append(value).append(1, '\1');
  return key;
}

}  // namespace

struct registry::state {
  explicit state(std::size_t limit) : max_series(limit) {}

  std::size_t max_series;
  mutable std::mutex mutex;          // families and series; held shortly, because a core's thread may make a series
  mutable std::mutex readers_mutex;  // series_entry::readers, also while they are called
  std::map<std::string, family, std::less<>> families;  // by Prometheus name
  counter* overflow = nullptr;
  std::uint64_t next_reader = 0;

  family& family_of(const description& about, kind what) {
    auto [at, made] = families.try_emplace(prometheus_name(about, what), family{about, what, {}, {}});
    if (!made && at->second.what != what) throw std::logic_error("metric family " + at->first + " has two kinds");
    return at->second;
  }

  series_entry& series_of(family& of, const labels& with) {
    if (auto at = of.by_labels.find(key_of(with)); at != of.by_labels.end()) return *at->second;
    if (of.series.size() < max_series) return add(of, with);
    if (overflow != nullptr) overflow->add();
    labels others = with;
    for (auto& [name, value] : others) value = "other";
    if (auto at = of.by_labels.find(key_of(others)); at != of.by_labels.end()) return *at->second;
    return add(of, others);
  }

  static series_entry& add(family& of, const labels& with) {
    series_entry& entry = *of.series.emplace_back(std::make_unique<series_entry>());
    entry.with = with;
    of.by_labels.emplace(key_of(with), &entry);
    return entry;
  }
};

registry::registry(std::size_t max_series) : state_(std::make_shared<state>(std::max<std::size_t>(max_series, 1))) {
  state_->overflow = &make_counter({"andon.metrics.overflow", "Series not made because their family has too many label sets", ""});
}
registry::~registry() = default;

counter& registry::make_counter(const description& about, const labels& with) {
  std::lock_guard lock{state_->mutex};
  series_entry& entry = state_->series_of(state_->family_of(about, kind::counter), with);
  if (!entry.count) entry.count = std::make_unique<counter>();
  return *entry.count;
}

gauge& registry::make_gauge(const description& about, const labels& with) {
  std::lock_guard lock{state_->mutex};
  series_entry& entry = state_->series_of(state_->family_of(about, kind::gauge), with);
  if (!entry.level) entry.level = std::make_unique<gauge>();
  return *entry.level;
}

histogram& registry::make_histogram(const description& about, std::span<const double> boundaries, const labels& with) {
  std::lock_guard lock{state_->mutex};
  family& of = state_->family_of(about, kind::histogram);
  series_entry& entry = state_->series_of(of, with);
  if (!entry.spread) {
    const auto& first = of.series.front()->spread;
    entry.spread = std::make_unique<histogram>(first ? first->boundaries() : boundaries);
  }
  return *entry.spread;
}

std::shared_ptr<void> registry::observe(const description& about, kind what, const labels& with, std::function<double()> read) {
  if (what == kind::histogram) throw std::logic_error("a histogram cannot be observed by a function");
  series_entry* entry = nullptr;
  std::uint64_t id = 0;
  {
    std::lock_guard lock{state_->mutex};
    entry = &state_->series_of(state_->family_of(about, what), with);
    id = state_->next_reader++;
    entry->observed = true;
  }
  {
    std::lock_guard lock{state_->readers_mutex};  // never both: a reader may wait for a lock whose owner makes a series
    entry->readers.emplace(id, std::move(read));
  }
  return {entry, [owner = std::weak_ptr(state_), id](void* at) {
            const auto alive = owner.lock();
            if (!alive) return;
            std::lock_guard guard{alive->readers_mutex};
            static_cast<series_entry*>(at)->readers.erase(id);
          }};
}

namespace {

// What a reader needs of a series. Families and series are never removed and their labels never change, so this is
// enough to read them without the registry's lock.
struct seen_series {
  const family* of;
  const series_entry* entry;
  const counter* count;
  const gauge* level;
  const histogram* spread;
  bool observed;
};

}  // namespace

void registry::visit(const std::function<void(const series&)>& callback) const {
  std::vector<seen_series> all;
  {
    std::lock_guard lock{state_->mutex};
    for (const auto& [name, of] : state_->families)
      for (const auto& entry : of.series)
        all.push_back({&of, entry.get(), entry->count.get(), entry->level.get(), entry->spread.get(), entry->observed});
  }
  for (const auto& [of, entry, count, level, spread, observed] : all) {
    double value = count != nullptr ? static_cast<double>(count->value()) : level != nullptr ? level->value() : 0;
    if (observed) {
      std::lock_guard lock{state_->readers_mutex};
      if (entry->readers.empty() && count == nullptr && level == nullptr) continue;
      for (const auto& [id, read] : entry->readers) value += read();
    }
    if (spread != nullptr) callback({of->about, of->what, entry->with, 0, spread->read(), spread->boundaries()});
    else callback({of->about, of->what, entry->with, value, {}, {}});
  }
}

}  // namespace andon::metrics
