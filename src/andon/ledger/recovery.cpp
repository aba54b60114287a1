#include "andon/ledger/recovery.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>

#include <fmt/format.h>

#include "andon/base/log.hpp"
#include "andon/ledger/journal_reader.hpp"

namespace andon::ledger {
namespace {

using segments = std::vector<std::shared_ptr<segment>>;

struct open_seen {
  open_exchange where;
  std::optional<opened> what;
};

/// Goes through the end of one stream.
class stream_recovery {
public:
  stream_recovery(segment_directory& directory, segments all, recovered_journal& into)
      : directory_(directory), all_(std::move(all)), into_(into) {}

  result<void> run() {
    std::size_t first = all_.size() - 1;
    for (;; --first) {
      auto whole = has_carry(*all_[first]);
      if (!whole) return std::unexpected(whole.error());
      if (*whole || first == 0) break;
    }
    for (std::size_t i = first; i < all_.size(); ++i)
      if (auto done = scan(*all_[i], i == first, i + 1 == all_.size()); !done) return done;
    finish();
    return {};
  }

private:
  result<bool> has_carry(segment& s) {
    auto opened_segment = open_segment(s);
    if (!opened_segment) return std::unexpected(opened_segment.error());
    entry_scanner scanner(map_->data(), limit_, s.seed, segment_header_bytes);
    const auto entry = scanner.next(false);
    return entry && entry->intact && entry->head.kind() == entry_kind::carry && plain_payload(*entry, cipher_, buffer_);
  }

  result<void> open_segment(segment& s) {
    auto cipher = directory_.cipher(s);
    if (!cipher) return std::unexpected(cipher.error());
    auto map = directory_.map(s);
    if (!map) return std::unexpected(map.error());
    cipher_ = std::move(*cipher);
    map_ = std::move(*map);
    limit_ = std::min(s.committed.load(), map_->bytes());
    return {};
  }

  result<void> scan(segment& s, bool first, bool last) {
    if (auto ready = open_segment(s); !ready) return ready;
    entry_scanner scanner(map_->data(), limit_, s.seed, segment_header_bytes);
    next_entry_ = next_record_ = 0;
    while (const auto entry = scanner.next()) take(s, *entry, first);
    into_.report.scanned_bytes += scanner.offset();
    into_.next_serial = std::max(into_.next_serial, s.activation.base_serial);
    records_ = s.activation.base_records + next_record_;
    return last ? cut(s, scanner.offset()) : result<void>{};
  }

  void take(const segment& s, const entry_scanner::found& entry, bool first) {
    into_.report.lost_entries += entry.head.entry - std::min(entry.head.entry, next_entry_);
    into_.report.lost_records += entry.head.record - std::min(entry.head.record, next_record_);
    const bool is_record = entry.head.kind() == entry_kind::record;
    next_entry_ = entry.head.entry + 1;
    next_record_ = entry.head.record + (is_record ? 1 : 0);
    into_.next_serial = std::max(into_.next_serial, entry.head.serial + 1);
    const auto payload = entry.intact ? plain_payload(entry, cipher_, buffer_) : std::nullopt;
    if (!payload || !understand(s, entry, *payload, first)) {
      ++into_.report.lost_entries;
      into_.report.lost_records += is_record ? 1 : 0;
    }
  }

  bool understand(const segment& s, const entry_scanner::found& entry, byte_span payload, bool first) {
    switch (entry.head.kind()) {
      case entry_kind::record: {
        const auto view = record_view::over(payload);
        if (view) open_.erase(view->id());
        return view.has_value();
      }
      case entry_kind::opened: {
        auto what = decode_opened(payload);
        if (!what) return false;
        const open_exchange where{.id = what->id, .segment = s.sequence(), .reserved = least_reserve, .offset = entry.offset};
        open_.insert_or_assign(what->id, open_seen{where, std::move(*what)});
        return true;
      }
      case entry_kind::carry: {
        std::vector<open_exchange> carried;
        if (!decode_carry(payload, carried)) return false;
        if (first)
          for (const auto& x : carried) open_.insert_or_assign(x.id, open_seen{x, std::nullopt});
        return true;
      }
      default: return true;
    }
  }

  /// Behind `end` no entry has a right head. What stands there was being written, or its head is damaged.
  result<void> cut(segment& s, std::uint64_t end) {
    const auto* tail = map_->data() + std::min(end, limit_);
    const auto* stop = map_->data() + limit_;
    const bool torn = std::any_of(tail, stop, [](unsigned char b) { return b != 0; });
    entry_head head;
    if (torn && stop - tail >= static_cast<std::ptrdiff_t>(sizeof head)) {
      std::memcpy(&head, tail, sizeof head);
      if (head.marked()) {
        ++into_.report.lost_entries;
        if (head.kind() == entry_kind::record) { ++into_.report.lost_records; ++records_; }
      }
    }
    into_.report.torn_tails += torn ? 1 : 0;
    end_ = end;
    s.committed = end;
    s.sealed = true;
    const auto bytes = trimmed_bytes(end);
    auto fd = directory_.files().open(directory_.path(s), file_operations::access::write);
    if (!fd) return std::unexpected(fd.error());
    auto done = clear(*fd, end, bytes, torn);
    if (done) s.disk_bytes = bytes;
    file_operations::close(*fd);
    return done;
  }

  result<void> clear(int fd, std::uint64_t end, std::uint64_t bytes, bool torn) {
    auto& files = directory_.files();
    map_.reset();
    if (torn)
      if (auto short_file = files.truncate(fd, end); !short_file) return short_file;
    if (auto trimmed = files.truncate(fd, bytes); !trimmed) return trimmed;
    return files.sync(fd);
  }

  void finish() {
    const auto& last = *all_.back();
    stream_start start{.stream = last.stream(), .next_sequence = last.sequence() + 1, .records = records_, .previous_end = end_, .open = {}};
    for (auto& [id, seen] : open_) {
      start.open.push_back(seen.where);
      if (!seen.what) seen.what = read_opened(seen.where);
      unfinished u{.stream = last.stream(), .what = {}, .known = seen.what.has_value()};
      if (seen.what) u.what = std::move(*seen.what);
      u.what.id = id;
      into_.report.open.push_back(std::move(u));
    }
    into_.streams.push_back(std::move(start));
  }

  std::optional<opened> read_opened(const open_exchange& x) {
    const position at{.stream = all_.back()->stream(), .segment = x.segment, .offset = x.offset};
    auto bytes = read_entry(directory_, at, entry_kind::opened);
    if (!bytes) return std::nullopt;
    auto what = decode_opened(*bytes);
    return what && what->id == x.id ? std::optional{std::move(*what)} : std::nullopt;
  }

  segment_directory& directory_;
  segments all_;
  recovered_journal& into_;
  std::optional<segment_cipher> cipher_;
  std::shared_ptr<file_mapping> map_;
  std::vector<unsigned char> buffer_;
  std::uint64_t limit_ = 0, end_ = 0, records_ = 0;
  std::uint32_t next_entry_ = 0, next_record_ = 0;
  std::map<request_id, open_seen> open_;
};

result<void> put_aside(segment_directory& directory, const found_segments& found, recovery_report& report) {
  for (const auto& file : found.blank)
    if (auto gone = directory.files().remove(file); !gone) return gone;
  for (const auto& file : found.damaged) {
    const std::filesystem::path aside = file.native() + ".damaged";
    if (auto moved = directory.files().rename(file, aside); !moved) return moved;
    ++report.bad_segments;
    log::error("ledger.segment_unreadable", {{"file", aside.filename().native()}});
  }
  return {};
}

/// Names and sizes that the journal thread had no time to put right.
result<void> tidy(segment_directory& directory, segment& s) {
  if (auto named = directory.rename(s, directory.directory() / segment_file_name(s.stream(), s.sequence())); !named) return named;
  const auto bytes = trimmed_bytes(s.committed);
  if (!s.sealed || s.disk_bytes <= bytes) return {};
  auto fd = directory.files().open(directory.path(s), file_operations::access::write);
  if (!fd) return std::unexpected(fd.error());
  auto done = directory.files().truncate(*fd, bytes);
  file_operations::close(*fd);
  if (done) s.disk_bytes = bytes;
  return done;
}

}  // namespace

result<recovered_journal> recover(segment_directory& directory) {
  auto found = find_segments(directory.files(), directory.directory());
  if (!found) return std::unexpected(found.error());
  for (const auto& s : found->segments)
    if (auto key = directory.cipher(*s); !key) return std::unexpected(key.error());
  recovered_journal into;
  if (auto aside = put_aside(directory, *found, into.report); !aside) return std::unexpected(aside.error());
  for (const auto& s : found->segments) directory.add(s);
  into.report.segments = found->segments.size();
  for (const auto stream : directory.streams()) {
    segments all;
    std::ranges::copy_if(found->segments, std::back_inserter(all), [&](const auto& s) { return s->stream() == stream; });
    if (auto done = stream_recovery(directory, std::move(all), into).run(); !done) return std::unexpected(done.error());
  }
  for (const auto& s : found->segments) {
    if (auto done = tidy(directory, *s); !done) return std::unexpected(done.error());
    into.disk_bytes += s->disk_bytes;
  }
  return into;
}

}  // namespace andon::ledger
