#pragma once
// Keeps the objectives under observation: a thread that reads the journal behind everybody, samples what Records cannot tell,
// and judges once a second. What it finds goes to the program's log and to whoever routes alerts.
//
// Life cycle: open() with the first plan, start(), adopt() after each reload, stop(). Threads: one of its own, `objectives`;
// adopt(), tell() and current() may be called from any.
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "andon/base/metrics.hpp"
#include "andon/ledger/ledger.hpp"
#include "andon/app/serve/surge_finder.hpp"
#include "andon/slo/follower.hpp"

namespace andon::app {

/// A number to be sampled each second; nothing: there is none now.
struct live_sample {
  slo::measure what;
  std::function<std::optional<double>()> read;
};

class objective_watch {
public:
  objective_watch(ledger::ledger& records, std::filesystem::path data, const clock& time, metrics::registry& registry);
  ~objective_watch();
  objective_watch(const objective_watch&) = delete;  // its thread refers to it
  objective_watch& operator=(const objective_watch&) = delete;

  /// Before start(): who else is told of alerts, and what is sampled.
  void on_signal(slo::signals_sink sink) { sink_ = std::move(sink); }
  /// `strangers`: attempts without a key that the gateway knows, since the start; they have no Record. `shed`: calls that were refused
  /// because of overload, since the start; they have.
  void sample(std::vector<live_sample> samples, std::function<std::uint64_t()> strangers, std::function<std::uint64_t()> shed = {}) { samples_ = std::move(samples), strangers_ = std::move(strangers), shed_ = std::move(shed); }

  result<void> open(slo::watch_plan plan);
  void adopt(slo::watch_plan plan);
  void start();
  void stop();
  /// A number from elsewhere, as a sample of the present second.
  void tell(slo::measure what, double value);
  /// Null while the store cannot be opened.
  [[nodiscard]] std::shared_ptr<slo::watch> current() const;
  /// Why objectives are not judged now, or new ones not filled; empty: they are.
  [[nodiscard]] std::string problem() const;

private:
  void run();
  result<bool> turn();
  result<void> take_samples();
  [[nodiscard]] std::filesystem::path file() const { return data_ / "watch.db"; }
  void give_up();
  void told(std::span<const slo::signal> all);
  void note(std::string problem);

  ledger::ledger& records_;
  std::filesystem::path data_;
  const clock& time_;
  metrics::registry& registry_;
  slo::signals_sink sink_;
  std::vector<live_sample> samples_;
  std::function<std::uint64_t()> strangers_, shed_;
  surge_finder surges_;
  std::uint64_t known_strangers_ = 0, known_records_ = 0;   ///< by the last sample
  slo::watch_plan plan_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<slo::watch> watch_;
  std::optional<slo::follower> follower_;
  std::optional<slo::watch_plan> next_plan_;
  bool stopping_ = false;
  std::string problem_;
  slo::instant sampled_{};
  metrics::counter& fired_;
  std::vector<std::shared_ptr<void>> readings_;
  std::thread thread_;
};

/// Gauges of every objective's budget, burn rate and state, as of each reading of /metrics.
std::vector<std::shared_ptr<void>> observe_objectives(metrics::registry& registry, const objective_watch& of);

}  // namespace andon::app
