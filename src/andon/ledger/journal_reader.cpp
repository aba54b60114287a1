#include "andon/ledger/journal_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "andon/ledger/segment_directory.hpp"

namespace andon::ledger {
namespace {

constexpr std::uint64_t unload_every = 1 << 20;

}  // namespace

struct journal_reader::state {
  std::shared_ptr<segment_directory> directory;
  position at;
  std::uint64_t records = 0, dropped = 0;
  bool fresh = false;  ///< counting begins with the oldest segment
  std::shared_ptr<segment> current;
  std::shared_ptr<file_mapping> map;
  std::optional<segment_cipher> cipher;
  std::vector<unsigned char> buffer;
  std::uint64_t unloaded = 0;  ///< of the current segment: pages before it are out of memory again

  void unload_behind(std::uint64_t offset) {
    if (offset < unloaded + unload_every) return;
    const auto until = offset / page_bytes * page_bytes;
    file_operations::unload(map->data() + unloaded, until - unloaded);
    unloaded = until;
  }

  void expect(std::uint64_t number) {
    if (number <= records) return;
    dropped += number - records;
    records = number;
  }

  result<bool> enter(const std::shared_ptr<segment>& s) {
    auto key = directory->cipher(*s);
    if (!key) return std::unexpected(key.error());
    auto mapped = directory->map(*s);
    if (!mapped) return std::unexpected(mapped.error());
    const bool same = s->sequence() == at.segment && at.offset > segment_header_bytes;
    if (map) file_operations::unload(map->data() + unloaded, map->bytes() - unloaded);
    current = s;
    map = std::move(*mapped);
    cipher = std::move(*key);
    unloaded = 0;
    if (!same) at = {.stream = at.stream, .segment = s->sequence(), .offset = segment_header_bytes};
    if (fresh) records = s->activation.base_records;
    else if (!same) expect(s->activation.base_records);
    fresh = false;
    return true;
  }

  [[nodiscard]] std::uint64_t limit() const { return std::min(current->committed.load(std::memory_order_acquire), map->bytes()); }

  /// To the segment that follows, if this one is over. False: nothing more now.
  result<bool> advance() {
    if (current && !current->sealed.load(std::memory_order_acquire)) {
      if (!directory->at_or_after(at.stream, current->sequence() + 1)) return false;
    }
    if (current && limit() > at.offset) {
      entry_scanner rest(map->data(), limit(), current->seed, at.offset);
      if (rest.next()) return true;
    }
    const auto s = directory->at_or_after(at.stream, current ? current->sequence() + 1 : at.segment);
    if (!s) return false;
    return enter(s);
  }

  std::optional<entry_view> hand_out(const entry_scanner::found& entry) {
    expect(current->activation.base_records + entry.head.record);
    const bool is_record = entry.head.kind() == entry_kind::record;
    const position here{.stream = at.stream, .segment = at.segment, .offset = entry.offset};
    unload_behind(entry.offset);
    at.offset = entry.offset + entry_bytes(entry.head.length());
    const auto plain = entry.intact ? plain_payload(entry, cipher, buffer) : std::nullopt;
    if (!plain) {
      if (is_record) expect(records + 1);
      return std::nullopt;
    }
    records += is_record ? 1 : 0;
    return entry_view{.at = here, .kind = entry.head.kind(), .serial = entry.head.serial, .appended = wall_time{nanoseconds{entry.head.time}}, .payload = *plain,
                      .whom = current->made_here ? bytes_from::this_process : bytes_from::file};
  }
};

journal_reader::journal_reader(std::shared_ptr<segment_directory> segments, checkpoint from) : state_(std::make_unique<state>()) {
  state_->directory = std::move(segments);
  state_->at = from.next;
  state_->records = from.records;
  state_->dropped = from.dropped;
  state_->fresh = from.next.segment == 0;
}
journal_reader::~journal_reader() = default;
journal_reader::journal_reader(journal_reader&&) noexcept = default;
journal_reader& journal_reader::operator=(journal_reader&&) noexcept = default;

result<std::optional<entry_view>> journal_reader::next() {
  auto& s = *state_;
  for (;;) {
    if (s.current) {
      entry_scanner scanner(s.map->data(), s.limit(), s.current->seed, s.at.offset);
      while (const auto entry = scanner.next())
        if (auto view = s.hand_out(*entry)) return view;
    }
    auto more = s.advance();
    if (!more) return std::unexpected(more.error());
    if (!*more) return std::optional<entry_view>{};
  }
}

void journal_reader::count_from(std::uint64_t records) {
  state_->records = records;
  state_->fresh = false;
}

checkpoint journal_reader::reached() const { return {.next = state_->at, .records = state_->records, .dropped = state_->dropped}; }

result<std::shared_ptr<segment_directory>> open_segments(const std::filesystem::path& directory, const keyring* keys, file_operations* files) {
  auto& ops = files == nullptr ? file_operations::machine() : *files;
  auto found = find_segments(ops, directory);
  if (!found) return std::unexpected(found.error());
  auto made = std::make_shared<segment_directory>(ops, directory, keys);
  for (auto& s : found->segments) {
    s->sealed = true;
    made->add(std::move(s));
  }
  return made;
}

std::vector<std::uint32_t> streams_of(const segment_directory& segments) { return segments.streams(); }

namespace {

struct closing {
  int fd;
  ~closing() { file_operations::close(fd); }
};

result<std::vector<unsigned char>> stored_bytes(const segment_directory& segments, segment& s, std::uint64_t offset, std::uint64_t bytes) {
  std::vector<unsigned char> out(bytes);
  auto fd = segments.files().open(segments.path(s), file_operations::access::read);
  if (!fd) return std::unexpected(fd.error());
  const closing end{*fd};
  auto got = segments.files().read_at(*fd, out, offset);
  if (!got) return std::unexpected(got.error());
  if (*got != bytes) return fail(errc::corrupt, fmt::format("segment {}/{} ends within an entry", s.stream(), s.sequence()));
  return out;
}

}  // namespace

result<std::vector<unsigned char>> read_entry(const segment_directory& segments, position at, entry_kind expected) {
  const auto s = segments.find(at.stream, at.segment);
  const auto committed = s ? s->committed.load(std::memory_order_acquire) : 0;
  if (!s || at.offset % 8 != 0 || at.offset < segment_header_bytes || at.offset + entry_header_bytes > committed)
    return fail(errc::not_found, fmt::format("the journal holds nothing at {}/{}/{}", at.stream, at.segment, at.offset));
  auto cipher = segments.cipher(*s);
  if (!cipher) return std::unexpected(cipher.error());
  auto first = stored_bytes(segments, *s, at.offset, entry_header_bytes);
  if (!first) return std::unexpected(first.error());
  entry_head head;
  std::memcpy(&head, first->data(), sizeof head);
  const auto corrupt = [&] { return fail(errc::corrupt, fmt::format("the journal is damaged at {}/{}/{}", at.stream, at.segment, at.offset)); };
  if (!head.marked() || head.head != head_checksum(head, s->seed, at.offset) || at.offset + entry_bytes(head.length()) > committed) return corrupt();
  if (head.kind() != expected) return fail(errc::not_found, "the entry there is of another kind");
  auto body = stored_bytes(segments, *s, at.offset + entry_header_bytes, head.length());
  if (!body) return body;
  if (body_checksum(*body, s->seed, at.offset) != head.body) return corrupt();
  if (!*cipher) return body;
  std::vector<unsigned char> buffer;
  const auto plain = plain_payload({.offset = at.offset, .head = head, .payload = *body, .intact = true}, *cipher, buffer);
  if (!plain) return corrupt();
  return buffer;
}

result<record> read_record(const segment_directory& segments, position at) {
  auto bytes = read_entry(segments, at, entry_kind::record);
  if (!bytes) return std::unexpected(bytes.error());
  return decode_record(*bytes);
}

}  // namespace andon::ledger
