#include "andon/ledger/journal.hpp"


#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "andon/base/log.hpp"
#include "andon/ledger/journal_background.hpp"
#include "andon/ledger/journal_writer_state.hpp"
#include "andon/ledger/recovery.hpp"
#include "andon/base/threads.hpp"

namespace andon::ledger {

struct journal::state {
  journal_options options;
  const clock& clk;
  std::shared_ptr<segment_directory> directory;
  segment_maker maker;
  journal_common common;
  recovery_report report;
  std::vector<std::unique_ptr<stream_log>> logs;
  std::vector<std::unique_ptr<journal_writer>> writers;
  std::unique_ptr<journal_background> background;
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false, kicked = false, stopped = false;
  std::thread thread;

  state(journal_options o, const clock& c, const keyring* keys, file_operations& files)
      : options(std::move(o)), clk(c), directory(std::make_shared<segment_directory>(files, options.directory, keys)),
        maker(options, clk, keys, *directory), common{.options = options, .clk = clk, .directory = *directory, .maker = maker} {}

  void start_streams(recovered_journal& found);
  void run();
};

namespace {

result<void> check(const journal_options& o) {
  if (o.streams == 0 || o.streams > 1024) return fail(errc::invalid_argument, "a journal has 1 to 1024 streams", "streams");
  if (o.segment_bytes < (16u << 10) || o.segment_bytes > (1u << 30) || o.segment_bytes % page_bytes != 0)
    return fail(errc::invalid_argument, "a segment is 16 KiB to 1 GiB, in whole pages", "segment_bytes");
  const auto least = o.segment_bytes * 2 * o.streams;
  if (o.max_disk_bytes != 0 && o.max_disk_bytes < least)
    return fail(errc::invalid_argument, fmt::format("the quota must be at least {} bytes: two segments a core", least), "max_disk");
  return {};
}

result<void> make_directory(const std::filesystem::path& directory) {
  std::error_code code;
  std::filesystem::create_directories(directory, code);
  if (code) return fail(code == std::errc::no_space_on_device ? errc::disk_full : errc::io_error, fmt::format("create {}: {}", directory.native(), code.message()));
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all, code);
  return {};
}

}  // namespace

void journal::state::start_streams(recovered_journal& found) {
  for (std::uint32_t i = 0; i < options.streams; ++i)
    if (std::ranges::find(found.streams, i, &stream_start::stream) == found.streams.end()) found.streams.push_back({.stream = i, .open = {}});
  for (const auto& least : options.at_least)  // a stream whose files have all expired keeps its account
    if (std::ranges::find(found.streams, least.next.stream, &stream_start::stream) == found.streams.end())
      found.streams.push_back({.stream = least.next.stream, .open = {}});
  for (const auto& least : options.at_least)
    for (auto& start : found.streams) {
      if (start.stream != least.next.stream) continue;
      start.next_sequence = std::max(start.next_sequence, least.next.segment + 1);
      start.records = std::max(start.records, least.records);
    }
  std::ranges::sort(found.streams, {}, &stream_start::stream);
  for (const auto& start : found.streams) {
    logs.push_back(std::make_unique<stream_log>(common, start));
    auto writer = std::make_unique<journal_writer::state>();
    writer->log = logs.back().get();
    writers.push_back(std::unique_ptr<journal_writer>(new journal_writer(std::move(writer))));
  }
  background = std::make_unique<journal_background>(common, logs);
}

void journal::state::run() {
  name_this_thread("journal");
  yield_to_cores();
  std::unique_lock lock(mutex);
  while (!stopping) {
    wake.wait_for(lock, options.sync_interval, [&] { return stopping || kicked; });
    kicked = false;
    lock.unlock();
    (void)background->round();
    lock.lock();
  }
}

journal::journal(std::unique_ptr<state> s) : state_(std::move(s)) {}

journal::~journal() { (void)stop(); }

result<std::unique_ptr<journal>> journal::open(journal_options options, const clock& clk, const keyring* keys, file_operations* files) {
  if (auto sound = check(options); !sound) return std::unexpected(sound.error());
  if (auto made = make_directory(options.directory); !made) return std::unexpected(made.error());
  const auto began = clk.mono();
  auto s = std::make_unique<state>(std::move(options), clk, keys, files == nullptr ? file_operations::machine() : *files);
  auto found = recover(*s->directory);
  if (!found) return std::unexpected(found.error());
  s->report = std::move(found->report);
  s->report.took = clk.mono() - began;
  s->maker.account(static_cast<std::int64_t>(found->disk_bytes));
  s->common.serial = found->next_serial;
  s->start_streams(*found);
  s->background->prepare_spares();
  std::unique_ptr<journal> made(new journal(std::move(s)));
  if (made->state_->options.background) made->state_->thread = std::thread([state = made->state_.get()] { state->run(); });
  return made;
}

journal_writer& journal::writer(std::uint32_t core) {
  for (std::size_t i = 0; i < state_->logs.size(); ++i)
    if (state_->logs[i]->stream() == core) return *state_->writers[i];
  throw std::out_of_range(fmt::format("the journal has no stream {}", core));
}

void journal::on_durable(position p, std::function<void(result<void>)> then) {
  state_->background->on_durable(p, std::move(then));
  if (!state_->options.sync_always) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->kicked = true;
  }
  state_->wake.notify_one();
}

result<void> journal::flush() { return state_->background->sync_all(); }

void journal::tick() { (void)state_->background->round(); }

result<void> journal::stop() {
  if (!state_ || state_->stopped) return {};
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_one();
  if (state_->thread.joinable()) state_->thread.join();
  state_->stopped = true;
  auto flushed = flush();
  state_->background->finish();
  return flushed;
}

std::uint64_t journal::remove_before(const std::vector<position>& limits) {
  std::uint64_t freed = 0;
  for (const auto& limit : limits) {
    auto until = limit.segment;
    for (const auto& log : state_->logs)
      if (log->stream() == limit.stream) until = std::min({until, log->oldest_open_segment(), log->next().segment});
    for (const auto& s : state_->directory->list()) {
      if (s->stream() != limit.stream || s->sequence() >= until || !s->sealed.load(std::memory_order_acquire)) continue;
      const auto bytes = s->disk_bytes.load();
      if (state_->maker.remove(*s)) freed += bytes;
    }
  }
  return freed;
}

const recovery_report& journal::recovered() const { return state_->report; }

journal_status journal::status() const {
  const auto& s = *state_;
  journal_status now{.disk_bytes = s.maker.disk_bytes(), .max_disk_bytes = s.options.max_disk_bytes, .dropped_segments = s.maker.dropped_segments(),
                     .sync_failures = s.background->failures(), .full = s.maker.full(), .sync_failing = s.background->failing(), .oldest = std::nullopt};
  const auto all = s.directory->list();
  now.segments = all.size();
  for (std::size_t i = 0; i < s.logs.size(); ++i) {
    const auto& log = *s.logs[i];
    stream_counters one{.stream = log.stream(), .records = log.records(), .next = log.next(), .durable = s.background->durable(i)};
    const auto first = std::ranges::find(all, log.stream(), &segment::stream);
    one.first_records = first == all.end() ? one.records : (*first)->activation.base_records;
    now.streams.push_back(one);
    now.open_exchanges += log.open_exchanges();
    now.refused += log.refused();
    now.truncated += log.truncated();
    now.rotations += log.rotations();
    now.rotations_on_core += log.rotations_on_core();
  }
  for (const auto& one : all) {
    const wall_time began{nanoseconds{one->activation.started}};
    if (!now.oldest || began < *now.oldest) now.oldest = began;
  }
  return now;
}

const std::shared_ptr<segment_directory>& journal::segments() const { return state_->directory; }

}  // namespace andon::ledger
