#pragma once
// Reads the whole journal again now and then and checks it, slowly enough that nobody notices; remembers when it was last found whole, in
// `<data>/integrity`.
//
// Life cycle: construct → start → stop. Threads: one of its own, `integrity`; the rest from any.
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "andon/ledger/ledger.hpp"

namespace andon::app {

struct integrity_settings {
  nanoseconds interval{};            ///< zero: never by itself
  std::uint64_t bytes_per_second = 0;
};

class integrity_watch {
public:
  integrity_watch(ledger::ledger& records, std::filesystem::path data, const clock& time, integrity_settings settings);
  ~integrity_watch();
  integrity_watch(const integrity_watch&) = delete;  // its thread refers to it
  integrity_watch& operator=(const integrity_watch&) = delete;

  void start();
  void stop();
  /// One check now, on the calling thread. False: it was ended before its end.
  bool check();
  /// Somebody else has read it: whole, or what is wrong.
  void found(wall_time at, const std::string& damage);
  [[nodiscard]] std::optional<wall_time> last_whole() const;
  /// What the last check found; empty: it was whole, or there was none.
  [[nodiscard]] std::string damage() const;

private:
  void run();
  bool wait(nanoseconds span);
  [[nodiscard]] nanoseconds until_due() const;

  ledger::ledger& records_;
  std::filesystem::path file_;
  const clock& time_;
  const integrity_settings settings_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::optional<wall_time> last_whole_;
  std::string damage_;
  std::thread thread_;
};

}  // namespace andon::app
