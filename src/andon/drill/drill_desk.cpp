#include "andon/drill/drill_desk.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>

#include "andon/base/log.hpp"
#include "andon/base/threads.hpp"
#include "andon/base/time_text.hpp"

namespace andon::drill {
namespace {

constexpr std::string_view scratch_name = "drill-scratch";

std::string boot_id() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string out;
  std::getline(in, out);
  return out;
}

/// In words, for the audit log's target.
std::string name_of(const drill& one) { return fmt::format("drill {} {}{}{}", one.id, to_string(one.asked.what), one.asked.target.empty() ? "" : " ", one.asked.target); }

}  // namespace

drill_desk::drill_desk(desk_parts parts, desk_limits limits, std::unique_ptr<drill_book> book)
    : parts_(std::move(parts)), book_(std::move(book)), limits_(limits) {}

drill_desk::~drill_desk() { end_threads(); }

result<std::unique_ptr<drill_desk>> drill_desk::open(desk_parts parts, desk_limits limits) {
  auto book = drill_book::open(parts.data / "drills.db", parts.time.wall());
  if (!book) return std::unexpected(std::move(book.error()));
  std::error_code code;
  std::filesystem::remove_all(parts.data / scratch_name, code);
  std::unique_ptr<drill_desk> desk(new drill_desk(std::move(parts), limits, std::move(*book)));
  auto known = desk->book_->list(10);
  if (!known) return std::unexpected(std::move(known.error()));
  for (auto& one : *known) {
    if (one.now == phase::over) continue;
    if (one.now == phase::killed && one.mark && !desk->killed_) {
      desk->killed_ = std::move(one);
      continue;
    }
    one.note = "the gateway ended while the drill was under way";
    desk->end(one, "interrupted");
  }
  return desk;
}

/// What was counted for each stream before the kill, less what is there now; what the start itself appended for open exchanges is none of it.
void drill_desk::look_back() {
  if (!killed_ || parts_.records == nullptr) return;
  const auto& opened = parts_.records->recovered().open;
  std::uint64_t lost = 0;
  for (const auto& [stream, before] : killed_->mark->streams) {
    std::uint64_t now = 0;
    for (const auto& one : parts_.records->status().journal.streams)
      if (one.stream == stream) now = one.records;
    now -= std::min<std::uint64_t>(now, static_cast<std::uint64_t>(std::ranges::count(opened, stream, &ledger::unfinished::stream)));
    lost += before > now ? before - now : 0;
  }
  killed_->got.data_loss = lost;
  killed_->note = fmt::format("{} calls were cut off and are closed as interrupted", opened.size());
}

void drill_desk::is_ready() {
  if (!killed_) return;
  auto one = std::move(*killed_);
  killed_.reset();
  const auto& mark = *one.mark;
  const nanoseconds away = mark.boot == boot_id() ? nanoseconds{parts_.time.mono() - mark.mono} : nanoseconds{parts_.time.wall() - mark.at};
  one.lifted = parts_.time.wall();
  if (away >= nanoseconds{}) one.got.recovery_s = static_cast<double>(away.count()) / 1e9;
  end(one, one.got.data_loss.value_or(0) == 0 ? "recovered" : "not-recovered");
}

void drill_desk::limit(desk_limits limits) {
  const std::lock_guard hold(mutex_);
  limits_ = limits;
}

result<void> drill_desk::check_node_kill(const order& asked) const {
  if (asked.back_by == restarter::supervisor && parts_.supervisor.empty())
    return fail(errc::unavailable, "nobody is known to start this gateway again after a kill: let andon drill node-kill --restart do it, run it as a systemd service with Restart=always, or say that a supervisor "
                                   "restarts it with andon serve --supervised");
  return {};
}

/// Under the lock.
result<void> drill_desk::may_start(const order& asked) const {
  if (!limits_.enabled) return fail(errc::forbidden, "drills are switched off by the configuration (drills.enabled)");
  if (parts_.records == nullptr) return fail(errc::unavailable, "drills measure with Records, and the ledger is switched off (ledger.enabled)");
  if (current_) return fail(errc::conflict, fmt::format("{} is under way; it ends by itself, or with andon drill stop", name_of(*current_)));
  if (asked.span < shortest || asked.span > limits_.longest)
    return fail(errc::invalid_argument, fmt::format("a drill lasts {} to {} (drills.longest), not {}", format_duration(shortest), format_duration(limits_.longest), format_duration(asked.span)), "for");
  if (!(asked.share > 0 && asked.share <= 1)) return fail(errc::invalid_argument, "share is above 0 and at most 1", "share");
  if (asked.what == kind::node_kill)
    if (auto can = check_node_kill(asked); !can) return can;
  if (asked.even_when_firing) return {};
  if (const auto paging = parts_.paging(); !paging.empty())
    return fail(errc::conflict, fmt::format("an alert that pages is firing ({}): nothing is broken on purpose now, unless you say --even-when-firing", fmt::join(paging, ", ")));
  return {};
}

result<drill> drill_desk::start(order asked) {
  places at;
  if (asked.what == kind::provider_down) {
    if (asked.target.empty()) return fail(errc::invalid_argument, "name the model or the provider that is to be down", "target");
    at = parts_.find(asked.target);
    if (at.models.empty()) return fail(errc::not_found, "no model or provider is named '" + asked.target + "' in the configuration; GET /api/v1/routes lists them", "target");
  }
  const std::lock_guard hold(mutex_);
  if (auto may = may_start(asked); !may) return std::unexpected(std::move(may.error()));
  if (thread_.joinable()) thread_.join();   // of the one before, which is over
  drill one{.asked = std::move(asked), .began = parts_.time.wall()};
  if (!at.without_other.empty()) one.note = fmt::format("without another target: {}", fmt::join(at.without_other, ", "));
  if (auto added = book_->add(one); !added) return std::unexpected(std::move(added.error()));
  audit(one, "drill begin");
  log::warn("drill_begins", {{"drill", one.id}, {"kind", to_string(one.asked.what)}, {"target", one.asked.target}, {"by", one.asked.who}, {"at_most", format_duration(one.asked.span)}});
  current_ = one;
  stop_ = false;
  stopped_by_.clear();
  thread_ = std::thread([this, one]() mutable {
    name_this_thread("drill");
    yield_to_cores();
    run(std::move(one));
  });
  return one;
}

result<drill> drill_desk::stop(std::string_view who) {
  std::unique_lock hold(mutex_);
  if (!current_) return fail(errc::not_found, "no drill is under way");
  const auto id = current_->id;
  stop_ = true;
  stopped_by_ = who;
  wake_.notify_all();
  wake_.wait_for(hold, std::chrono::seconds{10}, [&] { return !current_ || current_->id != id; });
  hold.unlock();
  return book_->find(id);
}

std::optional<drill> drill_desk::current() const {
  const std::lock_guard hold(mutex_);
  return current_;
}

void drill_desk::end_threads() {
  {
    const std::lock_guard hold(mutex_);
    if (!stop_) stopped_by_ = "the gateway's end";
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool drill_desk::wait(nanoseconds span) {
  std::unique_lock hold(mutex_);
  return !wake_.wait_for(hold, span, [this] { return stop_; });
}

bool drill_desk::stopped() const {
  const std::lock_guard hold(mutex_);
  return stop_;
}

deadline drill_desk::patience() const {
  const std::lock_guard hold(mutex_);
  return deadline::after(parts_.time.mono(), limits_.settle);
}

/// Nothing that goes wrong in a drill ends the gateway.
void drill_desk::run(drill one) try {
  switch (one.asked.what) {
    case kind::provider_down: return run_provider_down(one);
    case kind::store_down: return run_store_down(one);
    case kind::node_kill: return run_node_kill(one);
    case kind::restore: return run_restore(one);
  }
} catch (const std::exception& wrong) {
  one.note = wrong.what();
  end(one, "failed");
}

void drill_desk::keep(const drill& one) {
  if (auto saved = book_->save(one); !saved) log::error("drill_not_saved", {{"drill", one.id}, {"reason", saved.error().message}});
  const std::lock_guard hold(mutex_);
  if (current_ && current_->id == one.id) current_ = one;
}

void drill_desk::lift(drill& one) {
  one.lifted = parts_.time.wall();
  one.now = phase::settling;
  keep(one);
}

void drill_desk::end(drill& one, std::string outcome) {
  one.ended = parts_.time.wall();
  one.now = phase::over;
  one.outcome = std::move(outcome);
  if (one.outcome == "stopped") {
    const std::lock_guard hold(mutex_);
    one.note += (one.note.empty() ? "ended early by " : "; ended early by ") + stopped_by_;
  }
  audit(one, "drill end");
  keep(one);
  log::info("drill_over", {{"drill", one.id}, {"kind", to_string(one.asked.what)}, {"outcome", one.outcome}, {"note", one.note}});
  if (parts_.told) parts_.told(one);
  {
    const std::lock_guard hold(mutex_);
    if (current_ && current_->id == one.id) current_.reset();
  }
  wake_.notify_all();
}

void drill_desk::audit(const drill& one, std::string_view action) {
  if (parts_.audit == nullptr) return;
  ledger::audit_entry act{.began = parts_.time.wall(), .key = one.asked.who, .role = one.asked.role, .action = std::string(action), .target = name_of(one)};
  act.after = boost::json::serialize(to_json(one));
  act.status = 200;
  (void)parts_.audit->note(act, ledger::audit_log::safety::on_disk);
}

kill_mark drill_desk::mark() const {
  kill_mark out{.at = parts_.time.wall(), .mono = parts_.time.mono(), .boot = boot_id(), .streams = {}};
  for (const auto& one : parts_.records->status().journal.streams) out.streams.emplace_back(one.stream, one.records);
  return out;
}

}  // namespace andon::drill
