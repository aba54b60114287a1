#pragma once
// Metrics: families of counters, gauges and histograms with labels; one registry per program, handed in by constructor.
//
// Life cycle: make families and series at start or when a Plan is compiled, keep the references (they live as long as
// the registry), update them from any thread. Updates are wait-free: every series has one cache line per slot, and a
// core's thread claims its slot once with metrics::use_slot(); threads without a slot share slot 0 atomically.
// Reading (render_prometheus, visit) sums the slots.
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace andon::metrics {

inline constexpr std::size_t max_slots = 16;
void use_slot(std::size_t slot);  ///< 1 … max_slots-1 for the calling thread

using label = std::pair<std::string, std::string>;
using labels = std::vector<label>;

class counter {
public:
  void add(std::uint64_t n = 1) noexcept;
  [[nodiscard]] std::uint64_t value() const noexcept;
  counter();
  ~counter();
private:
  struct cell;
  std::unique_ptr<cell[]> cells_;
};

class gauge {
public:
  void set(double v) noexcept;
  void add(double v) noexcept;
  [[nodiscard]] double value() const noexcept;
  gauge();
  ~gauge();
private:
  struct cell;
  std::unique_ptr<cell> cell_;
};

/// Explicit boundaries, ascending; the last bucket is +Inf. Sum and count are kept beside the buckets.
class histogram {
public:
  void observe(double v) noexcept;
  struct reading { std::vector<std::uint64_t> buckets; double sum = 0; std::uint64_t count = 0; };
  [[nodiscard]] reading read() const;
  [[nodiscard]] std::span<const double> boundaries() const;
  explicit histogram(std::span<const double> boundaries);
  ~histogram();
private:
  struct state;
  std::unique_ptr<state> state_;
};

enum class kind : std::uint8_t { counter, gauge, histogram };

/// What a family is, once. `name` may hold dots (OpenTelemetry form); Prometheus rendering maps them to underscores and
/// appends the unit and `_total` as its conventions ask.
struct description {
  std::string name;
  std::string help;
  std::string unit;  ///< UCUM: "s", "By", "{token}", "1" or empty
};

class registry {
public:
  registry();
  ~registry();
  registry(const registry&) = delete;
  registry& operator=(const registry&) = delete;

  /// The same name and labels give the same series. Thread-safe; takes a lock, so not for the path. A family is bounded
  /// to `max_series` (default 2,000) label sets; beyond it the series with every label value "other" is returned and
  /// andon_metrics_overflow_total counts.
  counter& make_counter(const description&, const labels& = {});
  gauge& make_gauge(const description&, const labels& = {});
  histogram& make_histogram(const description&, std::span<const double> boundaries, const labels& = {});
  /// A gauge or counter whose value is read when somebody asks. `read` must be thread-safe. Returns a token that
  /// unregisters it when destroyed.
  [[nodiscard]] std::shared_ptr<void> observe(const description&, kind, const labels&, std::function<double()> read);

  /// Prometheus text exposition format 0.0.4, families sorted by name.
  [[nodiscard]] std::string render_prometheus() const;

  struct series { const description& about; kind what; const labels& with; double value; histogram::reading buckets; std::span<const double> boundaries; };
  void visit(const std::function<void(const series&)>&) const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace andon::metrics
