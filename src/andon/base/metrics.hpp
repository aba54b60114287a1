#pragma once
// Metrics: families of counters, gauges and histograms with labels; one registry per program, handed in by constructor.
//
// Life cycle: make families and series at start or when a Plan is compiled, keep the references (they live as long as
// the registry), update them from any thread. Updates are wait-free: every series has its own cache lines per slot, and
// a core's thread claims its slot once with metrics::use_slot(); it is then the slot's only writer. Threads without a
// slot share slot 0 atomically. A slot's memory is taken when a thread first updates the series.
// Reading (render_prometheus, visit) sums the slots.
#include <array>
#include <atomic>
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
/// Claims slot 1 … max_slots-1 for the calling thread until it ends. A slot that another living thread holds, or one out
/// of range, leaves the thread on slot 0: slower, still exact.
void use_slot(std::size_t slot);

using label = std::pair<std::string, std::string>;
using labels = std::vector<label>;

class counter {
public:
  void add(std::uint64_t n = 1) noexcept;
  [[nodiscard]] std::uint64_t value() const noexcept;
  counter();
  ~counter();
  counter(const counter&) = delete;  // series are handed out by reference
  counter& operator=(const counter&) = delete;
private:
  struct cell;
  std::array<std::atomic<cell*>, max_slots> cells_{};
};

class gauge {
public:
  void set(double v) noexcept;
  void add(double v) noexcept;
  [[nodiscard]] double value() const noexcept;
private:
  alignas(64) std::atomic<double> value_{0};
};

/// Explicit boundaries, ascending, inclusive above; the last bucket is +Inf. `count` is the sum of the buckets.
class histogram {
public:
  void observe(double v) noexcept;  ///< NaN is ignored
  struct reading { std::vector<std::uint64_t> buckets; double sum = 0; std::uint64_t count = 0; };
  [[nodiscard]] reading read() const;
  [[nodiscard]] std::span<const double> boundaries() const;
  explicit histogram(std::span<const double> boundaries);
  ~histogram();
  histogram(const histogram&) = delete;
  histogram& operator=(const histogram&) = delete;
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

/// The family's name in Prometheus form: `gen_ai.client.operation.duration` in "s" is
/// `gen_ai_client_operation_duration_seconds`; counters end in `_total`.
std::string prometheus_name(const description&, kind);

class registry {
public:
  static constexpr std::size_t default_max_series = 2'000;

  explicit registry(std::size_t max_series = default_max_series);
  ~registry();
  registry(const registry&) = delete;
  registry& operator=(const registry&) = delete;

  /// The same name and labels give the same series. Thread-safe; takes a lock, so not for the path. A family is bounded
  /// to `max_series` label sets; beyond it the series with every label value "other" is returned and
  /// andon_metrics_overflow_total counts. The order of labels is not significant. Throws std::logic_error when the name
  /// belongs to a family of another kind.
  counter& make_counter(const description&, const labels& = {});
  gauge& make_gauge(const description&, const labels& = {});
  histogram& make_histogram(const description&, std::span<const double> boundaries, const labels& = {});
  /// A gauge or counter whose value is read when somebody asks; several with the same labels are added up. `read` must
  /// be thread-safe and must not call observe(). Returns a token that unregisters it when destroyed: after that
  /// `read` is not called any more.
  [[nodiscard]] std::shared_ptr<void> observe(const description&, kind, const labels&, std::function<double()> read);

  /// Prometheus text exposition format 0.0.4, families sorted by name.
  [[nodiscard]] std::string render_prometheus() const;

  struct series { const description& about; kind what; const labels& with; double value; histogram::reading buckets; std::span<const double> boundaries; };
  /// Every series, family by family in the order of their names. Holds no lock while the callback runs, so that a slow
  /// reader delays nobody who makes a series.
  void visit(const std::function<void(const series&)>&) const;

private:
  struct state;
  std::shared_ptr<state> state_;  // shared with the tokens of observe()
};

}  // namespace andon::metrics
