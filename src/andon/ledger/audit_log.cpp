#include "andon/ledger/audit_log.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "andon/base/log.hpp"
#include "andon/base/metrics.hpp"
#include "andon/base/random.hpp"
#include "andon/ledger/journal.hpp"
#include "andon/ledger/journal_reader.hpp"
#include "andon/ledger/keyring.hpp"
#include "andon/ledger/ledger_lock.hpp"
#include "andon/ledger/segment_directory.hpp"

namespace andon::ledger {
namespace {

/// An act takes at most a minute: its first entry is not far from the end.
constexpr std::size_t segments_of_a_crash = 16;

bool succeeded(const audit_entry& act) { return act.status >= 200 && act.status < 300; }

bool matches(const audit_query& asked, const audit_entry& act) {
  if (asked.since && act.began < *asked.since) return false;
  if (asked.until && act.began >= *asked.until) return false;
  if (asked.only_project && act.target_project != *asked.only_project) return false;
  if (!asked.key.empty() && act.key != asked.key) return false;
  if (!asked.target.empty() && act.target != asked.target) return false;
  return !asked.refused || !succeeded(act);
}

struct placed {
  position at;
  audit_entry act;
  bool ended = false;
};

/// What one segment holds, oldest first. Damaged entries are skipped, as the reader does.
result<std::vector<placed>> entries_of(const std::shared_ptr<segment_directory>& segments, std::uint64_t sequence) {
  std::vector<placed> out;
  journal_reader reader(segments, {.next = {.stream = 0, .segment = sequence, .offset = 0}});
  for (;;) {
    auto entry = reader.next();
    if (!entry) return std::unexpected(entry.error());
    if (!*entry || (*entry)->at.segment != sequence) return out;
    if ((*entry)->kind != entry_kind::audit) continue;
    if (auto read = decode_audit((*entry)->payload)) out.push_back({(*entry)->at, std::move(read->first), read->second});
  }
}

}  // namespace

struct audit_log::state {
  audit_options options;
  const clock& time;
  directory_lock lock;
  std::optional<keyring> keys;
  std::unique_ptr<journal> log;
  std::mutex appending, syncing;
  random_source random{secure_seed()};
  std::atomic<std::uint64_t> failures{0};
  std::atomic<bool> failing{false};
  std::vector<std::shared_ptr<void>> observed;

  result<void> open();
  result<void> close_interrupted();
  result<void> append(const audit_entry& act, bool ended);
  result<void> make_durable();
  void observe(metrics::registry& metrics);
  result<void> judge(result<void> how, const audit_entry& act);
};

result<void> audit_log::state::open() {
  auto taken = directory_lock::take(options.data / "audit.lock");
  if (!taken) return std::unexpected(taken.error());
  lock = std::move(*taken);
  const auto ring = options.data / "keyring";
  if (!options.master_key && std::filesystem::exists(ring)) return fail(errc::forbidden, "the audit log is encrypted: set its master key (ledger.encryption)");
  if (options.master_key) {
    const auto master = parse_master_key(*options.master_key);
    if (!master) return std::unexpected(master.error());
    auto opened = keyring::open(ring, *master);
    if (!opened) return std::unexpected(opened.error());
    keys.emplace(std::move(*opened));
  }
  auto opened = journal::open({.directory = options.data / "audit", .streams = 1, .segment_bytes = options.segment_bytes, .max_disk_bytes = options.max_disk_bytes,
                               .when_full = full_policy::drop_oldest, .background = false, .at_least = {}},
                              time, keys ? &*keys : nullptr, options.files);
  if (!opened) return std::unexpected(opened.error());
  log = std::move(*opened);
  return close_interrupted();
}

/// Acts that have a beginning and no end get one.
result<void> audit_log::state::close_interrupted() {
  std::map<request_id, audit_entry> open;
  const auto all = log->segments()->list();
  for (std::size_t i = all.size() > segments_of_a_crash ? all.size() - segments_of_a_crash : 0; i < all.size(); ++i) {
    auto entries = entries_of(log->segments(), all[i]->sequence());
    if (!entries) return std::unexpected(entries.error());
    for (auto& one : *entries) {
      if (one.ended) open.erase(one.act.id);
      else open.emplace(one.act.id, std::move(one.act));
    }
  }
  for (auto& [id, act] : open) {
    act.interrupted = true;
    act.status = 0;
    act.reason = "the program ended before the act did; it may have been done or not";
    if (auto done = append(act, true); !done) return done;
  }
  return open.empty() ? result<void>{} : make_durable();
}

result<void> audit_log::state::append(const audit_entry& act, bool ended) {
  const auto bytes = encode_audit(act, ended);
  const std::lock_guard one(appending);
  const auto at = log->writer(0).append(entry_kind::audit, bytes);
  if (!at) return std::unexpected(at.error());
  return {};
}

/// Syncs, and prepares the next segment, which without a background thread nobody else does.
result<void> audit_log::state::make_durable() {
  const std::lock_guard one(syncing);
  log->tick();
  return log->flush();
}

/// An act that cannot be written down is still answered; it is counted, and the program's log has it.
result<void> audit_log::state::judge(result<void> how, const audit_entry& act) {
  failing = !how;
  if (how) return how;
  failures.fetch_add(1, std::memory_order_relaxed);
  log::error("audit_entry_lost", {{"action", act.action}, {"target", act.target}, {"key", act.key}, {"peer", act.peer}, {"status", act.status}, {"reason", how.error().message}});
  return how;
}

void audit_log::state::observe(metrics::registry& metrics) {
  using enum metrics::kind;
  const auto add = [&](std::string name, std::string help, std::string unit, metrics::kind what, std::function<double()> read) {
    observed.push_back(metrics.observe({std::move(name), std::move(help), std::move(unit)}, what, {}, std::move(read)));
  };
  add("andon.audit.failures", "Entries of the audit log that could not be written; must be 0", "", counter, [this] { return static_cast<double>(failures.load()); });
  add("andon.audit.failing", "1 while the audit log takes no entries; must be 0", "", gauge, [this] { return failing.load() ? 1.0 : 0.0; });
  add("andon.audit.dropped_segments", "Files of the audit log that went because of its quota", "", counter, [this] { return static_cast<double>(log->status().dropped_segments); });
  add("andon.audit.disk", "Bytes of the audit log's files", "By", gauge, [this] { return static_cast<double>(log->status().disk_bytes); });
}

audit_log::audit_log(std::unique_ptr<state> s) : state_(std::move(s)) {}

audit_log::~audit_log() {
  state_->observed.clear();
  if (const auto stopped = state_->log ? state_->log->stop() : result<void>{}; !stopped) log::error("audit_not_flushed", {{"reason", stopped.error().message}});
}

result<std::unique_ptr<audit_log>> audit_log::open(audit_options options, const clock& time, metrics::registry* metrics) {
  std::unique_ptr<audit_log> made(new audit_log(std::unique_ptr<state>(new state{.options = std::move(options), .time = time})));
  if (auto opened = made->state_->open(); !opened) return std::unexpected(opened.error());
  if (metrics != nullptr) made->state_->observe(*metrics);
  return made;
}

result<void> audit_log::begin(audit_entry& act) {
  if (act.id.is_nil()) {
    const std::lock_guard one(state_->appending);
    act.id = request_id::make(act.began, state_->random);
  }
  return state_->judge(state_->append(act, false), act);
}

result<void> audit_log::end(const audit_entry& act, safety how) {
  auto done = state_->append(act, true);
  if (done && how == safety::on_disk) done = state_->make_durable();
  return state_->judge(std::move(done), act);
}

result<void> audit_log::note(audit_entry& act, safety how) {
  {
    const std::lock_guard one(state_->appending);
    act.id = request_id::make(act.began, state_->random);
  }
  return end(act, how);
}

result<audit_page> audit_log::read(const audit_query& asked) const {
  audit_page out;
  auto segments = state_->log->segments()->list();
  for (auto s = segments.rbegin(); s != segments.rend(); ++s) {
    if (asked.before && (*s)->sequence() > asked.before->segment) continue;
    if (asked.wait.stop.stop_requested()) return fail(errc::cancelled, "audit: cancelled");
    if (!asked.wait.until.is_never() && asked.wait.until.passed(state_->time.mono())) return fail(errc::total_timeout, "audit: not finished within its time limit; narrow it by time");
    auto entries = entries_of(state_->log->segments(), (*s)->sequence());
    if (!entries) return std::unexpected(entries.error());
    for (auto one = entries->rbegin(); one != entries->rend(); ++one) {
      if (!one->ended || (asked.before && one->at >= *asked.before) || !matches(asked, one->act)) continue;
      if (out.entries.size() == asked.limit) return out;
      out.entries.push_back(std::move(one->act));
      out.next = one->at;
    }
    if (asked.since && wall_time{nanoseconds{(*s)->activation.started}} < *asked.since) break;
  }
  out.next.reset();
  return out;
}

std::uint64_t audit_log::failures() const { return state_->failures.load(std::memory_order_relaxed); }

}  // namespace andon::ledger
