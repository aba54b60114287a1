#include "andon/app/serve/integrity_watch.hpp"

#include <fmt/format.h>

#include "andon/base/log.hpp"
#include "andon/base/threads.hpp"
#include "andon/base/time_text.hpp"
#include "andon/ledger/journal_file.hpp"
#include "andon/ledger/journal_reader.hpp"

namespace andon::app {
namespace {

using namespace std::chrono_literals;

constexpr nanoseconds after_start = 1min;          // the start has enough to do
constexpr nanoseconds before_another_try = 10min;  // after a check that found damage

}  // namespace

integrity_watch::integrity_watch(ledger::ledger& records, std::filesystem::path data, const clock& time, integrity_settings settings)
    : records_(records), file_(std::move(data) / "integrity"), time_(time), settings_(settings) {
  const auto text = ledger::read_file(ledger::file_operations::machine(), file_, 100);
  if (!text) return;
  const auto at = parse_rfc3339(std::string_view(*text).substr(0, text->find('\n')));
  if (at) last_whole_ = std::min(*at, time_.wall());
}

integrity_watch::~integrity_watch() { stop(); }

void integrity_watch::start() {
  if (settings_.interval <= nanoseconds{}) return;
  thread_ = std::thread([this] {
    name_this_thread("integrity");
    yield_to_cores();
    run();
  });
}

void integrity_watch::stop() {
  {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool integrity_watch::wait(nanoseconds span) {
  std::unique_lock hold(mutex_);
  return !wake_.wait_for(hold, span, [this] { return stopping_; });
}

nanoseconds integrity_watch::until_due() const {
  const auto last = last_whole();
  if (!last) return nanoseconds{0};
  return std::max(nanoseconds{0}, nanoseconds{*last + settings_.interval - time_.wall()});
}

void integrity_watch::run() {
  if (!wait(after_start)) return;
  while (wait(until_due()))
    if (!check() || (!damage().empty() && !wait(before_another_try))) return;
}

bool integrity_watch::check() {
  const auto began = time_.wall();
  const auto pace = [this](std::uint64_t bytes) {
    return wait(settings_.bytes_per_second == 0 ? nanoseconds{0} : nanoseconds{static_cast<std::int64_t>(static_cast<double>(bytes) / static_cast<double>(settings_.bytes_per_second) * 1e9)});
  };
  const auto reports = ledger::verify(*records_.segments(), pace);
  {
    const std::lock_guard hold(mutex_);
    if (stopping_) return false;
  }
  std::string damage;
  std::uint64_t bytes = 0;
  for (const auto& one : reports) {
    bytes += one.bytes;
    if (one.problem.empty() || !std::filesystem::exists(one.file)) continue;   // retention took it meanwhile
    damage += fmt::format("{}{}: {}", damage.empty() ? "" : "; ", one.file.filename().string(), one.problem);
  }
  log::info("integrity_checked", {{"bytes", bytes}, {"segments", reports.size()}, {"seconds", std::chrono::duration<double>(time_.wall() - began).count()}});
  found(began, damage);
  return true;
}

void integrity_watch::found(wall_time at, const std::string& damage) {
  if (!damage.empty()) log::error("ledger_damaged", {{"meaning", "Records cannot be read; see andon ledger verify, and restore from a backup"}, {"reason", damage}});
  if (damage.empty())
    if (auto kept = ledger::replace_file(ledger::file_operations::machine(), file_, format_rfc3339(at) + "\n"); !kept) log::warn("integrity_not_remembered", {{"reason", kept.error().message}});
  const std::lock_guard hold(mutex_);
  damage_ = damage;
  if (damage.empty()) last_whole_ = at;
}

std::optional<wall_time> integrity_watch::last_whole() const {
  const std::lock_guard hold(mutex_);
  return last_whole_;
}

std::string integrity_watch::damage() const {
  const std::lock_guard hold(mutex_);
  return damage_;
}

}  // namespace andon::app
