#pragma once
// Known calls around a kill: sent one after the other until the gateway goes, and counted in the ledger of the one that came back.
//
// Life cycle: start → begun() → … the kill … → finish(). Threads: one of its own.
#include <atomic>
#include <string>
#include <thread>

#include "andon/app/cli/admin_client.hpp"

namespace andon::app::cli {

class drill_load {
public:
  /// Calls `model` with `key`; each carries `mark` as its user.
  drill_load(net::endpoint to, std::string key, std::string model, std::string mark);
  ~drill_load();
  drill_load(const drill_load&) = delete;  // its thread refers to it
  drill_load& operator=(const drill_load&) = delete;

  /// Waits until so many were answered with 200. errc: what the first failing call got.
  result<void> begun(std::uint64_t calls, nanoseconds patience);
  void finish();
  /// Answered whole with 200, as far as the caller knows.
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_.load(); }
  [[nodiscard]] const std::string& mark() const { return mark_; }

private:
  void run();
  result<void> once();

  net::endpoint to_;
  std::string key_, model_, mark_;
  std::atomic<bool> stop_{false}, failed_{false};
  std::atomic<std::uint64_t> acknowledged_{0};
  error why_;
  std::thread thread_;
};

}  // namespace andon::app::cli
