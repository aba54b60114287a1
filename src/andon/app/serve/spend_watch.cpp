#include "andon/app/serve/spend_watch.hpp"

#include <algorithm>

#include "andon/base/log.hpp"
#include "andon/base/threads.hpp"
#include "andon/ledger/record_codec.hpp"

namespace andon::app {
namespace {

constexpr std::size_t most_per_round = 10'000;
constexpr nanoseconds between_rounds = std::chrono::milliseconds{500};
constexpr nanoseconds between_saves = std::chrono::seconds{60};
// What a start has to read again stays small, so that it is quick however fast the journal grew.
constexpr nanoseconds between_early_saves = std::chrono::seconds{1};
constexpr std::uint64_t most_unsaved_entries = 50'000, most_unsaved_bytes = 64u << 20;

using positions = std::vector<std::pair<std::string, std::uint64_t>>;

std::uint64_t value_of(const positions& all, const std::string& name) {
  const auto found = std::ranges::find(all, name, &positions::value_type::first);
  return found == all.end() ? 0 : found->second;
}

ledger::checkpoint checkpoint_of(const positions& all, std::uint32_t stream) {
  const auto prefix = std::to_string(stream);
  return {{stream, value_of(all, prefix + ".segment"), value_of(all, prefix + ".offset")},
          value_of(all, prefix + ".records"), value_of(all, prefix + ".dropped")};
}

void append(positions& out, const ledger::checkpoint& at) {
  const auto prefix = std::to_string(at.next.stream);
  out.emplace_back(prefix + ".segment", at.next.segment);
  out.emplace_back(prefix + ".offset", at.next.offset);
  out.emplace_back(prefix + ".records", at.records);
  out.emplace_back(prefix + ".dropped", at.dropped);
}

}  // namespace

spend_watch::spend_watch(ledger::ledger& records, access::keyring& keys, const access::directory_board& callers,
                         access::admission& limits, const clock& time, metrics::registry* metrics)
    : records_(records), keys_(keys), callers_(callers), limits_(limits), time_(time), book_(access::budget_book::default_max_rows, metrics), saved_(time.mono()) {}

spend_watch::~spend_watch() { stop(); }

result<void> spend_watch::restore() {
  auto saved = keys_.load_checkpoint();
  if (!saved) return std::unexpected(std::move(saved.error()));
  book_.load(*saved);
  const auto segments = records_.segments();
  for (const auto& stream : records_.status().journal.streams)
    readers_.emplace_back(segments, checkpoint_of(saved->positions, stream.next.stream));
  for (;;) {
    const auto taken = read_on();
    if (!taken) return std::unexpected(taken.error());
    if (*taken == 0) break;
  }
  book_.prune(time_.wall());
  book_.seed(*callers_.current(), limits_, time_.wall());
  return {};
}

result<std::size_t> spend_watch::read_on() {
  const auto in_force = callers_.current();
  std::size_t taken = 0;
  std::optional<error> broken;
  for (auto& reader : readers_) {
    for (std::size_t i = 0; i < most_per_round; ++i) {
      const auto entry = reader.next();
      if (!entry) broken = entry.error();
      if (!entry || !*entry) break;
      ++taken;
      unsaved_bytes_ += (*entry)->payload.size();
      if ((*entry)->kind != ledger::entry_kind::record) continue;
      const auto view = ledger::record_view::over((*entry)->payload, (*entry)->whom);
      if (!view || view->cost() <= nano_usd{}) continue;
      std::vector<std::string> tags;
      for (std::size_t t = 0; t < view->tag_count(); ++t) tags.emplace_back(view->tag(t));
      book_.charge(*in_force, {view->started(), project_id{std::string(view->project())}, key_id{std::string(view->key())},
                               view->route(), view->user(), tags, view->cost()});
    }
  }
  unsaved_entries_ += taken;
  if (taken == 0 && broken) return std::unexpected(std::move(*broken));
  return taken;
}

void spend_watch::read_all_or_complain() {
  for (;;) {
    const auto taken = read_on();
    if (!taken && !failing_) log::error("spending_not_read", {{"meaning", "budgets hold in memory but are not saved"}, {"reason", taken.error().message}});
    failing_ = !taken;
    if (save_is_due()) save();
    if (!taken || *taken == 0) return;
  }
}

bool spend_watch::save_is_due() const {
  const auto since = time_.mono() - saved_;
  return since > between_saves || (since > between_early_saves && (unsaved_entries_ > most_unsaved_entries || unsaved_bytes_ > most_unsaved_bytes));
}

void spend_watch::save() {
  positions at;
  for (const auto& reader : readers_) append(at, reader.reached());
  book_.prune(time_.wall());
  if (const auto saved = keys_.save_checkpoint(book_.take_checkpoint(std::move(at))); !saved)
    log::warn("budget_checkpoint_not_saved", {{"reason", saved.error().message}});
  saved_ = time_.mono();
  unsaved_entries_ = unsaved_bytes_ = 0;
}

void spend_watch::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, between_rounds);
    lock.unlock();
    read_all_or_complain();
    lock.lock();
  }
}

void spend_watch::start() {
  thread_ = std::thread([this] {
    name_this_thread("watch");
    yield_to_cores();
    run();
  });
}

void spend_watch::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  read_all_or_complain();
  save();
}

}  // namespace andon::app
