#include "andon/ledger/ledger.hpp"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "andon/base/hashing.hpp"
#include "andon/base/log.hpp"
#include "andon/base/metrics.hpp"
#include "andon/ledger/journal_file.hpp"
#include "andon/ledger/journal_reader.hpp"
#include "andon/ledger/keyring.hpp"
#include "andon/ledger/ledger_index.hpp"
#include "andon/ledger/ledger_lock.hpp"
#include "andon/ledger/ledger_state.hpp"
#include "andon/ledger/store.hpp"

namespace andon::ledger {
namespace {

class journal_source final : public record_source {
public:
  explicit journal_source(const journal& from) : from_(from) {}
  [[nodiscard]] result<record> read(position at) const override { return read_record(*from_.segments(), at); }

private:
  const journal& from_;
};

/// The account of an exchange whose end nobody saw. At most a part reached the client, because the Record of a
/// complete reply is journalled before the reply's last byte.
record interrupted_record(const opened& o, wall_time now) {
  record r;
  r.id = o.id;
  r.started = o.started == wall_time{} ? now : o.started;
  r.duration = now - r.started;
  r.project = o.project;
  r.key = o.key;
  r.user = o.user;
  r.tags = o.tags;
  r.op = o.op;
  r.route = o.route;
  r.outcome = errc::internal;
  r.error_message = "the gateway stopped before this exchange ended; closed at the next start";
  r.delivered = delivery::cut;
  r.cost = o.reserved;
  r.price = o.price;
  r.use.estimated = true;
  r.interrupted = true;
  return r;
}

}  // namespace

struct ledger::state {
  ledger_options options;
  const clock& clk;
  directory_lock lock;
  std::optional<keyring> keys;
  std::unique_ptr<ledger_state_file> history;
  std::unique_ptr<journal> log;
  std::unique_ptr<store> index;
  std::unique_ptr<journal_source> source;
  std::unique_ptr<ledger_index> indexing;
  std::vector<std::shared_ptr<void>> observed;
  std::uint64_t left_open = 0;
  bool stopped = false;

  result<void> take_directory();
  result<void> open_parts();
  result<void> close_interrupted();
  void observe(metrics::registry& metrics);
  [[nodiscard]] ledger_status status() const;
  [[nodiscard]] ledger_status snapshot(bool fresh);
  result<void> remember() const;

  std::mutex reading;
  std::optional<ledger_status> read_last;
};

result<void> ledger::state::take_directory() {
  std::error_code code;
  std::filesystem::create_directories(options.data, code);
  if (code) return fail(errc::io_error, fmt::format("create {}: {}", options.data.native(), code.message()));
  std::filesystem::permissions(options.data, std::filesystem::perms::owner_all, code);
  auto taken = directory_lock::take(options.data / "ledger.lock");
  if (!taken) return std::unexpected(taken.error());
  lock = std::move(*taken);
  return {};
}

result<void> ledger::state::open_parts() {
  if (options.master_key) {
    auto master = parse_master_key(*options.master_key);
    if (!master) return std::unexpected(master.error());
    auto ring = keyring::open(options.data / "keyring", *master);
    if (!ring) return std::unexpected(ring.error());
    keys.emplace(std::move(*ring));
  }
  if (!options.master_key && std::filesystem::exists(options.data / "keyring"))
    return fail(errc::forbidden, "the ledger is encrypted: set its master key (ledger.encryption)");
  store_options how{.directory = options.data / "index"};
  if (keys) {
    const auto key = keys->index_key();
    how.encryption_key = secret{std::string(reinterpret_cast<const char*>(key.reveal().data()), key.reveal().size())};
  }
  auto opened_store = open_sqlite_store(how, clk);
  if (!opened_store) return std::unexpected(opened_store.error());
  index = std::move(*opened_store);
  history = std::make_unique<ledger_state_file>(options.data / "ledger.state");
  auto before = history->load();
  if (!before) return std::unexpected(before.error());

  journal_options jo{.directory = options.data / "journal", .streams = options.cores, .segment_bytes = options.segment_bytes,
                     .max_disk_bytes = options.max_disk_bytes, .when_full = options.when_full, .sync_interval = options.sync_interval,
                     .sync_always = options.sync_always, .at_least = *before};
  for (const auto& c : index->checkpoints()) jo.at_least.push_back(c);
  auto opened_journal = journal::open(std::move(jo), clk, keys ? &*keys : nullptr, options.files);
  if (!opened_journal) return std::unexpected(opened_journal.error());
  log = std::move(*opened_journal);
  source = std::make_unique<journal_source>(*log);
  if (auto closed = close_interrupted(); !closed) return closed;
  indexing = std::make_unique<ledger_index>(*log, *index, clk, index_settings{.poll = options.index_poll, .retry = options.store_retry, .stop_within = options.index_at_stop, .most_lag = options.index_lag, .retention = options.retention}, *before);
  return {};
}

result<void> ledger::state::close_interrupted() {
  for (const auto& open : log->recovered().open)
    if (auto closed = log->writer(open.stream).append_record(interrupted_record(open.what, clk.wall())); !closed) {
      if (closed.error().code != errc::disk_full && closed.error().code != errc::io_error) return std::unexpected(closed.error());
      if (left_open++ == 0) log::error("ledger.interrupted_left_open", {{"reason", closed.error().message}});
    }
  (void)log->flush();  // a failure is the journal's alarm; its thread tries again
  return {};
}

ledger_status ledger::state::status() const {
  const auto account = indexing->account();
  ledger_status now;
  now.journal = log->status();
  now.indexed = account.indexed;
  now.index_problem = account.problem;
  now.store_failures = account.failures;
  now.left_open = left_open;
  const auto in_store = index->status();
  now.rebuilding = in_store.rebuilding;
  for (const auto& stream : now.journal.streams) {
    now.appended += stream.records;
    const auto at = std::ranges::find_if(account.reached, [&](const checkpoint& c) { return c.next.stream == stream.stream; });
    if (at == account.reached.end()) continue;
    const auto gone = stream.first_records > at->records ? stream.first_records - at->records : 0;
    now.dropped += at->dropped + gone;
    now.waiting += stream.records - at->records - gone;
  }
  const auto lost = std::min(in_store.lost, now.indexed);
  now.indexed -= lost;
  now.dropped += lost;
  return now;
}

result<void> ledger::state::remember() const {
  auto reached = indexing->account().reached;
  for (const auto& stream : log->status().streams)
    for (auto& c : reached)
      if (c.next.stream == stream.stream) c.records = stream.records;
  return history->save(reached);
}

ledger_status ledger::state::snapshot(bool fresh) {
  const std::lock_guard hold(reading);
  if (fresh || !read_last) read_last = status();
  return *read_last;
}

void ledger::state::observe(metrics::registry& metrics) {
  const auto add = [&](std::string name, std::string help, std::string unit, metrics::kind kind, auto read) {
    // Families are read in the order of their names, so the first of them takes the snapshot that the others show: what
    // one scrape says of the account adds up.
    const bool first = name == "andon.journal.disk";
    observed.push_back(metrics.observe({std::move(name), std::move(help), std::move(unit)}, kind, {},
                                       [this, read, first] { return static_cast<double>(read(snapshot(first))); }));
  };
  using enum metrics::kind;
  add("andon.ledger.appended", "Records journalled since the data directory was made", "", counter, [](const ledger_status& s) { return s.appended; });
  add("andon.ledger.indexed", "Records taken by the index", "", gauge, [](const ledger_status& s) { return s.indexed; });
  add("andon.ledger.waiting", "Records journalled and not yet indexed", "", gauge, [](const ledger_status& s) { return s.waiting; });
  add("andon.ledger.dropped", "Records lost to the quota or to damage before they were indexed; must be 0", "", counter, [](const ledger_status& s) { return s.dropped; });
  add("andon.ledger.unbalanced", "1 if appended = indexed + waiting + dropped does not hold; must be 0", "", gauge, [](const ledger_status& s) { return s.balanced() ? 0 : 1; });
  add("andon.ledger.refused", "appends refused for want of space", "", counter, [](const ledger_status& s) { return s.journal.refused; });
  add("andon.ledger.truncated", "Records whose bodies were cut for want of space", "", counter, [](const ledger_status& s) { return s.journal.truncated; });
  add("andon.ledger.full", "1 while the journal has no space for new segments", "", gauge, [](const ledger_status& s) { return s.journal.full ? 1 : 0; });
  add("andon.ledger.index_stalled", "1 while the store takes nothing", "", gauge, [](const ledger_status& s) { return s.index_problem.empty() ? 0 : 1; });
  add("andon.ledger.left_open", "exchanges of a crash for whose Records there was no space at start; the next start closes them", "", gauge, [](const ledger_status& s) { return s.left_open; });
  add("andon.ledger.store_failures", "times the store refused a Record", "", counter, [](const ledger_status& s) { return s.store_failures; });
  add("andon.journal.disk", "bytes of all journal files", "By", gauge, [](const ledger_status& s) { return s.journal.disk_bytes; });
  add("andon.journal.segments", "journal files", "", gauge, [](const ledger_status& s) { return s.journal.segments; });
  add("andon.journal.open_exchanges", "exchanges admitted and not yet closed", "", gauge, [](const ledger_status& s) { return s.journal.open_exchanges; });
  add("andon.journal.rotations", "segments begun", "", counter, [](const ledger_status& s) { return s.journal.rotations; });
  add("andon.journal.rotations_on_core", "segments that a core had to make itself", "", counter, [](const ledger_status& s) { return s.journal.rotations_on_core; });
  add("andon.journal.sync_failures", "failed fdatasync calls", "", counter, [](const ledger_status& s) { return s.journal.sync_failures; });
}

ledger::ledger(std::unique_ptr<state> s) : state_(std::move(s)) {}

ledger::~ledger() { (void)stop(); }

result<std::unique_ptr<ledger>> ledger::open(ledger_options options, const clock& clk, metrics::registry* metrics) {
  std::unique_ptr<state> s(new state{.options = std::move(options), .clk = clk});
  if (auto taken = s->take_directory(); !taken) return std::unexpected(taken.error());
  if (auto ready = s->open_parts(); !ready) return std::unexpected(ready.error());
  if (metrics != nullptr) s->observe(*metrics);
  s->indexing->start();
  return std::unique_ptr<ledger>(new ledger(std::move(s)));
}

journal_writer& ledger::writer(std::uint32_t core) { return state_->log->writer(core); }

void ledger::on_durable(position p, std::function<void(result<void>)> then) { state_->log->on_durable(p, std::move(then)); }

const recovery_report& ledger::recovered() const { return state_->log->recovered(); }

ledger_status ledger::status() const { return state_->status(); }

store& ledger::index() const { return *state_->index; }

const record_source& ledger::source() const { return *state_->source; }
const std::shared_ptr<segment_directory>& ledger::segments() const { return state_->log->segments(); }

void ledger::on_index_thread(std::function<void(store&)> task) { state_->indexing->post(std::move(task)); }

void ledger::refuse_index(mono_time until) { state_->indexing->refuse(until); }
nanoseconds ledger::index_work() const { return state_->indexing->work(); }

void ledger::set_retention(retention_policy policy) { state_->indexing->set_retention(std::move(policy)); }

bool ledger::wait_indexed(nanoseconds limit) { return state_->indexing->wait_reached(state_->log->status().streams, limit); }

result<void> ledger::stop() {
  if (!state_ || state_->stopped) return {};
  state_->stopped = true;
  state_->observed.clear();
  state_->indexing->stop();
  if (const auto waiting = state_->status().waiting; waiting > 0) log::warn("ledger.stopped_before_indexed", {{"waiting", waiting}});
  auto remembered = state_->remember();
  auto stopped = state_->log->stop();
  return stopped ? remembered : stopped;
}

}  // namespace andon::ledger
