#include "andon/ledger/ledger_index.hpp"


#include <algorithm>
#include <utility>

#include "andon/base/log.hpp"
#include "andon/base/threads.hpp"
#include "andon/ledger/segment_directory.hpp"

namespace andon::ledger {
namespace {

constexpr std::size_t records_a_turn = 64;  // a third of a millisecond: how long a core may wait for its processor
constexpr auto retention_period = std::chrono::minutes{10};

checkpoint* of_stream(std::vector<checkpoint>& all, std::uint32_t stream) {
  const auto at = std::ranges::find_if(all, [&](const checkpoint& c) { return c.next.stream == stream; });
  return at == all.end() ? nullptr : &*at;
}

}  // namespace

ledger_index::ledger_index(journal& log, store& into, const clock& clk, index_settings settings, std::vector<checkpoint> historic)
    : journal_(log), store_(into), clock_(clk), historic_(std::move(historic)), settings_(std::move(settings)), next_retention_(clk.mono()) {
  seek();
}

ledger_index::~ledger_index() { stop(); }

void ledger_index::start() {
  thread_ = std::thread([this] { run(); });
  spare_ = std::thread([this] { watch_for_spare_time(); });
}

void ledger_index::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  spare_time_.release();
  spare_ask_.release();
  if (thread_.joinable()) thread_.join();
  if (spare_.joinable()) spare_.join();
}

/// Readers at the store's durable checkpoints; for a new store at the oldest segment.
void ledger_index::seek() {
  auto known = store_.checkpoints();
  std::vector<checkpoint> begin;
  streams_.clear();
  for (const auto& stream : journal_.status().streams) {
    checkpoint from{.next = {.stream = stream.stream}};
    if (const auto* at = of_stream(known, stream.stream)) {
      from = *at;
    } else {
      auto history = historic_;
      const auto* before = of_stream(history, stream.stream);
      from.dropped = before == nullptr ? 0 : std::min(before->dropped, stream.first_records);
    }
    if (from.next.segment == 0) from.records = stream.first_records;
    streams_.push_back({journal_reader(journal_.segments(), from)});
    seek_to(streams_.back(), from);
    begin.push_back(from);
  }
  const std::lock_guard lock(mutex_);
  account_.reached = begin;
  account_.indexed = 0;
  for (const auto& c : begin) account_.indexed += c.records - c.dropped;
  caught_up_once_ = false;
}

void ledger_index::seek_to(source_stream& stream, const checkpoint& from) {
  stream.reader = journal_reader(journal_.segments(), from);
  if (from.next.segment == 0) stream.reader.count_from(from.records);
  stream.malformed = 0;
}

/// To the first entry that the store has not taken.
void ledger_index::go_back(source_stream& stream) {
  std::optional<checkpoint> taken;
  {
    const std::lock_guard lock(mutex_);
    if (const auto* at = of_stream(account_.reached, stream.reader.reached().next.stream)) taken = *at;
  }
  if (taken) seek_to(stream, *taken);
}

bool ledger_index::out_of_time() {
  if (!stopping_) return false;
  if (!stop_by_) stop_by_ = clock_.mono() + settings_.stop_within;
  return clock_.mono() >= *stop_by_;
}

checkpoint ledger_index::reached(const source_stream& from) const {
  auto now = from.reader.reached();
  now.dropped += from.malformed;
  return now;
}

void ledger_index::took(const checkpoint& now, std::size_t records) {
  const std::lock_guard lock(mutex_);
  account_.indexed += records;
  account_.problem.clear();
  if (auto* at = of_stream(account_.reached, now.next.stream)) *at = now;
}

void ledger_index::problem(const error& why) {
  const std::lock_guard lock(mutex_);
  if (account_.problem.empty()) log::error("ledger.index_stalled", {{"reason", why.message}});
  account_.problem = why.message.empty() ? std::string{kind_of(why.code).name} : why.message;
  ++account_.failures;
}

bool ledger_index::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, time, [&] { return stopping_ || kicked_ || !tasks_.empty(); });
  kicked_ = false;
  return stopping_;
}

result<applied> ledger_index::apply(const placed_record& one, const checkpoint& now) {
  const auto until = refused_until_.load(std::memory_order_relaxed);
  if (until != 0 && clock_.mono().time_since_epoch().count() < until) return fail(errc::io_error, "refused on purpose: a drill takes the store as down");
  return store_.apply({&one, 1}, {&now, 1});
}

void ledger_index::refuse(mono_time until) {
  refused_until_ = until.time_since_epoch().count();
  wake_.notify_all();
}

/// One Record into the store, again and again until it is in. False: the store began anew, or the thread is to stop.
bool ledger_index::give(source_stream& from, const entry_view& entry) {
  const auto view = record_view::over(entry.payload, entry.whom);
  if (!view) {
    ++from.malformed;
    took(reached(from), 0);
    return true;
  }
  const placed_record one{*view, entry.at};
  const auto now = reached(from);
  for (;;) {
    const auto done = apply(one, now);
    if (done) {
      took(now, done->added + done->duplicates);
      return true;
    }
    problem(done.error());
    if (done.error().code == errc::corrupt) {
      seek();
      return false;
    }
    tasks();
    if (!pause(settings_.retry)) continue;
    go_back(from);
    return false;
  }
}

ledger_index::step ledger_index::drain(source_stream& from, std::uint32_t) {
  step what = step::idle;
  for (std::size_t n = 0; n < records_a_turn && !out_of_time(); ++n) {
    auto entry = from.reader.next();
    if (!entry) {
      problem(entry.error());
      return step::failed;
    }
    if (!*entry) {
      from.seen_end = true;
      took(reached(from), 0);
      return what;
    }
    newest_ = (*entry)->appended;
    if ((*entry)->kind != entry_kind::record) continue;
    what = step::moved;
    if (!give(from, **entry)) return step::failed;
  }
  return step::moved;
}

ledger_index::step ledger_index::turn() {
  auto what = step::idle;
  for (std::size_t i = 0; i < streams_.size() && what != step::failed; ++i)
    if (const auto here = drain(streams_[i], static_cast<std::uint32_t>(i)); here != step::idle) what = here;
  if (what != step::moved) urgent_ = false;
  if (!caught_up_once_ && std::ranges::all_of(streams_, &source_stream::seen_end)) {  // under load no turn may find nothing to do
    store_.rebuilt();
    const std::lock_guard lock(mutex_);
    caught_up_once_ = true;
  }
  progress_.notify_all();
  tasks();
  retain();
  return what;
}

void ledger_index::run() {
  name_this_thread("index");
  share_with_cores();
  for (;;) {
    const bool last_round = stopping_;
    const auto began = clock_.mono();
    const auto what = turn();
    if (what == step::moved) work_.fetch_add((clock_.mono() - began).count(), std::memory_order_relaxed);
    if (last_round && (what != step::moved || out_of_time())) break;
    if (what == step::moved) give_way();
    else (void)pause(what == step::failed ? settings_.retry : settings_.poll);
  }
  if (auto safe = store_.flush(); !safe) problem(safe.error());
}

/// Between two turns: until a processor has nothing better to do, or what is indexed next has waited long enough.
void ledger_index::give_way() {
  const nanoseconds waited = std::clamp(nanoseconds{clock_.wall() - newest_}, nanoseconds{0}, nanoseconds{settings_.most_lag});
  if (urgent_ || stopping_ || waited >= settings_.most_lag) return;
  spare_ask_.release();
  (void)spare_time_.try_acquire_for(settings_.most_lag - waited);
}

/// Says when there is time to spare: it runs only then. It holds no lock, so it can be left standing anywhere.
void ledger_index::watch_for_spare_time() {
  name_this_thread("index-idle");
  run_when_idle();
  for (;;) {
    spare_ask_.acquire();
    if (stopping_) return;
    spare_time_.release();
  }
}

bool ledger_index::has_reached(const std::vector<stream_counters>& target) {
  return std::ranges::all_of(target, [&](const stream_counters& t) {
    const auto* at = of_stream(account_.reached, t.stream);
    return at != nullptr && at->records >= t.records;
  });
}

void ledger_index::tasks() {
  std::vector<std::function<void(store&)>> now;
  {
    const std::lock_guard lock(mutex_);
    now.swap(tasks_);
  }
  for (auto& task : now) task(store_);
}

void ledger_index::retain() {
  if (!settings_.retention.keep && settings_.retention.projects.empty()) return;
  if (clock_.mono() < next_retention_ || !caught_up_once_) return;
  next_retention_ = clock_.mono() + retention_period;
  auto done = apply_retention(store_, settings_.retention, clock_.wall());
  if (!done) return problem(done.error());
  std::vector<position> limits;
  for (const auto& durable : store_.checkpoints()) {
    const auto first = std::ranges::find(done->first_needed, durable.next.stream, &position::stream);
    limits.push_back(first == done->first_needed.end() ? end_of_expired(durable) : std::min(*first, durable.next));
  }
  const auto freed = journal_.remove_before(limits);
  log::info("ledger.retention", {{"records", done->removed}, {"bytes", freed}});
}

/// The limit of a stream that has no row left: its checkpoint, or the segment after it if that one holds nothing more.
position ledger_index::end_of_expired(const checkpoint& durable) const {
  auto limit = durable.next;
  for (const auto& from : streams_) {
    const auto now = from.reader.reached();
    if (now.next.stream != limit.stream || now.records != durable.records) continue;
    const auto s = journal_.segments()->find(limit.stream, limit.segment);
    const bool over = s && s->sealed.load(std::memory_order_acquire) && now.next.offset >= s->committed.load(std::memory_order_acquire);
    if (now.next.segment > limit.segment || (now.next.segment == limit.segment && over)) return {.stream = limit.stream, .segment = limit.segment + 1};
  }
  return limit;
}

void ledger_index::post(std::function<void(store&)> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    urgent_ = true;
  }
  spare_time_.release();
  wake_.notify_all();
}

void ledger_index::set_retention(retention_policy policy) {
  post([this, policy = std::move(policy)](store&) mutable {
    settings_.retention = std::move(policy);
    next_retention_ = clock_.mono();
  });
}

bool ledger_index::wait_reached(const std::vector<stream_counters>& target, nanoseconds limit) {
  std::unique_lock lock(mutex_);
  kicked_ = true;
  urgent_ = true;
  spare_time_.release();
  wake_.notify_all();
  return progress_.wait_for(lock, limit, [&] { return caught_up_once_ && has_reached(target); });
}

index_account ledger_index::account() const {
  const std::lock_guard lock(mutex_);
  return account_;
}

}  // namespace andon::ledger
