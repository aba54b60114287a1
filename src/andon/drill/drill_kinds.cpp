// What each kind of drill breaks, and how its recovery is seen.
#include <fmt/format.h>

#include <algorithm>

#include "andon/drill/backup.hpp"
#include "andon/drill/drill_desk.hpp"
#include "andon/drill/traffic_account.hpp"
#include "andon/ledger/journal_reader.hpp"
#include "andon/ledger/keyring.hpp"

namespace andon::drill {
namespace {

constexpr nanoseconds look_every = std::chrono::milliseconds{50};
constexpr nanoseconds before_death = std::chrono::milliseconds{300};   // for the reply that says so

double in_seconds(nanoseconds span) { return static_cast<double>(span.count()) / 1e9; }

/// Every Record that is appended from now on.
class record_tail {
public:
  explicit record_tail(const ledger::ledger& of) {
    for (const auto& one : of.status().journal.streams)
      readers_.emplace_back(of.segments(), ledger::checkpoint{.next = one.next, .records = one.records});
  }
  template <class F>
  void each(F&& call) {
    for (auto& reader : readers_)
      for (auto entry = reader.next(); entry && *entry; entry = reader.next())
        if ((*entry)->kind == ledger::entry_kind::record)
          if (const auto view = ledger::record_view::over((*entry)->payload)) call(*view);
  }

private:
  std::vector<ledger::journal_reader> readers_;
};

result<std::optional<ledger::keyring>> keys_of(const std::filesystem::path& data, const std::optional<secret>& master_key) {
  if (!master_key) return std::nullopt;
  const auto master = ledger::parse_master_key(*master_key);
  if (!master) return std::unexpected(master.error());
  auto ring = ledger::keyring::open(data / "keyring", *master);
  if (!ring) return std::unexpected(ring.error());
  return std::optional(std::move(*ring));
}

}  // namespace

void drill_desk::run_provider_down(drill& one) {
  const auto at = parts_.find(one.asked.target);
  std::set<std::string> models, routes(at.routes.begin(), at.routes.end());
  for (const auto& target : at.models) models.insert(target.model);
  traffic_account account(models, routes, one.began);
  record_tail tail(*parts_.records);
  const auto look = [&] { tail.each([&](const ledger::record_view& record) { account.count(record); }); };

  const auto until = deadline::after(parts_.time.mono(), one.asked.span);
  for (const auto& target : at.models) target.health->staged().begin(parts_.time.mono() + one.asked.span, one.asked.share);
  while (!until.passed(parts_.time.mono()) && wait(look_every)) look();
  for (const auto& target : at.models) target.health->staged().end();
  account.lifted(parts_.time.wall());
  lift(one);

  const auto give_up = patience();
  for (look(); !account.recovered() && !give_up.passed(parts_.time.mono()) && wait(look_every);) look();
  account.tell(one.got);
  if (stopped() && !account.recovered()) return end(one, "stopped");
  if (one.got.calls == 0U && !account.recovered()) return end(one, "no-traffic");
  const bool has_other = at.without_other.size() < at.routes.size();
  if (account.recovered() && has_other && one.got.failed > 0U && !one.got.failover_s) {
    one.note = (one.note.empty() ? "" : one.note + "; ") + "no other target served while it was down";
    return end(one, "no-failover");
  }
  end(one, account.recovered() ? "recovered" : "not-recovered");
}

void drill_desk::run_store_down(drill& one) {
  auto& records = *parts_.records;
  const auto before = records.status();
  const auto until = deadline::after(parts_.time.mono(), one.asked.span);
  std::uint64_t most_waiting = before.waiting;
  records.refuse_index(parts_.time.mono() + one.asked.span);
  while (!until.passed(parts_.time.mono()) && wait(look_every)) most_waiting = std::max(most_waiting, records.status().waiting);
  records.refuse_index({});
  const auto lifted_at = parts_.time.mono();
  const auto whole = records.status();
  lift(one);

  const auto give_up = patience();
  const auto caught_up = [&](const ledger::ledger_status& now) { return now.indexed + now.dropped >= whole.appended; };
  auto now = records.status();
  while (!caught_up(now) && !give_up.passed(parts_.time.mono()) && wait(look_every / 5)) now = records.status();
  one.got.appended = whole.appended - before.appended;
  one.got.indexed = now.indexed - before.indexed;
  one.got.most_waiting = std::max(most_waiting, whole.waiting);
  const auto accounted = now.indexed + now.waiting + now.dropped;
  one.got.data_loss = now.dropped - before.dropped + (now.appended > accounted ? now.appended - accounted : 0);
  if (!caught_up(now)) return end(one, stopped() ? "stopped" : "not-recovered");
  one.got.recovery_s = in_seconds(parts_.time.mono() - lifted_at);
  end(one, *one.got.data_loss == 0 ? "recovered" : "not-recovered");
}

/// The mark stands on the disk before the process goes; what is appended in the moment between counts as nothing.
void drill_desk::run_node_kill(drill& one) {
  if (!wait(before_death)) return end(one, "stopped");
  one.now = phase::killed;
  one.mark = mark();
  keep(one);
  one.mark->at = parts_.time.wall();
  one.mark->mono = parts_.time.mono();
  keep(one);
  parts_.die();
}

result<void> drill_desk::try_restore(drill& one, const std::filesystem::path& scratch) {
  const auto until = deadline::after(parts_.time.mono(), one.asked.span);
  const std::function<bool()> go_on = [&] { return !until.passed(parts_.time.mono()) && !stopped(); };
  const auto size = backup_size(parts_.data);
  if (!size) return std::unexpected(size.error());
  std::error_code code;
  const auto space = std::filesystem::space(parts_.data, code);
  if (!code && space.available / 2 < 2 * *size)
    return fail(errc::disk_full, fmt::format("backup and restored copy need {} MiB, and at most half of the {} MiB that are free may be taken", (2 * *size) >> 20, space.available >> 20));
  const auto keys = keys_of(parts_.data, parts_.master_key);
  if (!keys) return std::unexpected(keys.error());

  const auto before = parts_.records->status().journal.streams;
  const auto began = parts_.time.mono();
  const auto made = make_backup({.data = parts_.data, .to = scratch / "backup", .configuration = parts_.configuration, .keys = *keys ? &**keys : nullptr, .version = parts_.version, .now = parts_.time.wall(), .go_on = go_on});
  if (!made) return std::unexpected(made.error());
  one.got.backup_s = in_seconds(parts_.time.mono() - began);
  one.got.bytes = made->bytes;

  const auto restoring = parts_.time.mono();
  const auto back = restore_backup(scratch / "backup", scratch / "restored", go_on);
  if (!back) return std::unexpected(back.error());
  const auto restored_keys = keys_of(scratch / "restored", parts_.master_key);
  if (!restored_keys) return std::unexpected(restored_keys.error());
  const auto count = read_journal(scratch / "restored" / "journal", *restored_keys ? &**restored_keys : nullptr, go_on);
  if (!count) return std::unexpected(count.error());
  one.got.recovery_s = in_seconds(parts_.time.mono() - restoring);
  one.got.records = count->records;

  records_by_stream wanted;   // what was there before, less what retention removed meanwhile
  for (const auto& then : before)
    for (const auto& now : parts_.records->status().journal.streams)
      if (now.stream == then.stream) wanted[then.stream] = {std::min(then.records, std::max(then.first_records, now.first_records)), then.records};
  one.got.data_loss = records_missing(wanted, count->streams);
  return {};
}

void drill_desk::run_restore(drill& one) {
  const auto scratch = parts_.data / "drill-scratch";
  std::error_code code;
  std::filesystem::remove_all(scratch, code);
  std::filesystem::create_directories(scratch, code);
  const auto done = try_restore(one, scratch);
  std::filesystem::remove_all(scratch, code);
  one.lifted = parts_.time.wall();
  if (done) return end(one, *one.got.data_loss == 0 ? "recovered" : "not-recovered");
  one.note = done.error().message;
  end(one, stopped() ? "stopped" : "failed");
}

}  // namespace andon::drill
