#pragma once
// What the room's tests share: Records from few words, a journal in memory, and sums made the slow way.
#include <gtest/gtest.h>

#include <filesystem>

#include <unistd.h>

#include "andon/ledger/record_codec.hpp"
#include "andon/slo/watch.hpp"

namespace andon::slo::testing {

class temporary_directory {
public:
  temporary_directory() {
    const std::filesystem::path memory = "/dev/shm";
    std::string name = ((std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path()) / "andon-slo-XXXXXX").native();
    path_ = ::mkdtemp(name.data());
  }
  ~temporary_directory() { std::error_code ignored; std::filesystem::remove_all(path_, ignored); }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  [[nodiscard]] std::filesystem::path file(const char* name) const { return path_ / name; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

inline instant at_second(std::int64_t n) { return instant{seconds{n}}; }

inline ledger::record record_at(instant end, errc outcome = errc::none, const std::string& route = "chat") {
  ledger::record r;
  r.duration = std::chrono::milliseconds{250};
  r.started = end + std::chrono::milliseconds{500} - r.duration;
  r.project = project_id{"shop"};
  r.key = key_id{"key_1"};
  r.route = route_name{route};
  r.model = model_name{"m"};
  r.provider = provider_name{"p"};
  r.outcome = outcome;
  r.http_status = outcome == errc::none ? 200 : 502;
  r.delivered = outcome == errc::none ? ledger::delivery::complete : ledger::delivery::none;
  return r;
}

/// A Record's bytes and the view over them.
class viewed {
public:
  explicit viewed(const ledger::record& r) {
    ledger::record_encoder encoder;
    const auto made = encoder.encode(r);
    bytes_.assign(made.begin(), made.end());
  }
  [[nodiscard]] ledger::record_view view() const { return ledger::record_view::over(bytes_).value(); }

private:
  std::vector<unsigned char> bytes_;
};

inline ledger::record_filter filter_of(const std::string& text) { return ledger::record_filter::make(ledger::parse_filter(text, wall_time{}).value()).value(); }

inline objective_spec availability(const std::string& name, double target, window over, const std::string& filter = "") {
  objective_spec out;
  out.name = name;
  out.target = target;
  out.over = std::move(over);
  out.members.push_back({.name = {}, .what = {}, .weight = 1, .target = target, .slice_target = 1});
  out.members[0].what.filter_text = filter;
  out.members[0].what.filter = filter_of(filter);
  out.burns = derive_burns(out.over.length, true, true);
  return out;
}

/// Sums over any stretch of seconds, by a Fenwick tree: independent of how the watch does it.
class slow_sums {
public:
  slow_sums(instant from, instant to, seconds unit = seconds{1}) : from_(from), unit_(unit), good_(static_cast<std::size_t>((to - from) / unit) + 2), total_(good_.size()) {}
  void add(instant at, std::int64_t good, std::int64_t total) {
    for (auto i = index(at) + 1; i < good_.size(); i += i & (~i + 1)) good_[i] += good, total_[i] += total;
  }
  [[nodiscard]] counts between(instant from, instant to) const { return until(std::max(to, from_)) - until(std::max(from, from_)); }

private:
  [[nodiscard]] std::size_t index(instant at) const { return static_cast<std::size_t>((at - from_) / unit_); }
  [[nodiscard]] counts until(instant at) const {
    counts out;
    for (auto i = index(at); i > 0; i &= i - 1) out += {good_[i], total_[i]};
    return out;
  }
  instant from_;
  seconds unit_;
  std::vector<std::int64_t> good_, total_;
};

}  // namespace andon::slo::testing
