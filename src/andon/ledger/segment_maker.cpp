#include "andon/ledger/segment_maker.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "andon/base/log.hpp"

namespace andon::ledger {

bool segment_maker::within_quota(std::uint64_t bytes) const {
  return options_.max_disk_bytes == 0 || disk_bytes() + bytes <= options_.max_disk_bytes;
}

result<std::shared_ptr<segment>> segment_maker::make(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const bool may_drop = options_.when_full == full_policy::drop_oldest;
  while (!within_quota(bytes)) {
    if (may_drop && drop_one()) continue;
    set_full(true);
    return fail(errc::disk_full, fmt::format("the journal has reached its quota of {} bytes", options_.max_disk_bytes));
  }
  for (;;) {
    auto made = create(bytes);
    if (!made && made.error().code == errc::disk_full && may_drop && drop_one()) continue;
    set_full(!made);
    return made;
  }
}

bool segment_maker::drop_one() {
  const auto all = directory_.list();
  std::shared_ptr<segment> oldest;
  for (const auto& s : all) {
    if (!s->sealed.load(std::memory_order_acquire)) continue;
    if (!oldest || s->activation.started < oldest->activation.started) oldest = s;
  }
  if (!oldest) return false;
  if (auto gone = remove(*oldest); !gone) return false;
  dropped_.fetch_add(1, std::memory_order_relaxed);
  log::warn("ledger.segment_dropped", {{"stream", oldest->stream()}, {"segment", oldest->sequence()}});
  return true;
}

result<void> segment_maker::remove(segment& s) {
  auto gone = directory_.files().remove(directory_.path(s));
  if (!gone && gone.error().code != errc::not_found) return gone;
  directory_.forget(s);
  account(-static_cast<std::int64_t>(s.disk_bytes.exchange(0)));
  return {};
}

result<std::shared_ptr<segment>> segment_maker::create(std::uint64_t bytes) {
  auto& files = directory_.files();
  result<int> fd = fail(errc::already_exists, "");
  std::filesystem::path file;
  while (!fd && fd.error().code == errc::already_exists) {
    file = directory_.directory() / fmt::format("spare-{:06}.seg", ++next_spare_);
    fd = files.open(file, file_operations::access::create);
  }
  if (!fd) return std::unexpected(fd.error());
  auto ready = files.allocate(*fd, bytes);
  auto data = ready ? files.map(*fd, bytes, file_operations::access::write) : std::unexpected(ready.error());
  if (!data) {
    file_operations::close(*fd);
    (void)files.remove(file);
    return std::unexpected(data.error());
  }
  auto s = std::make_shared<segment>();
  s->identity = make_identity(bytes, keys_ == nullptr ? 0 : keys_->current(), clock_.wall());
  write_identity(*data, s->identity);
  s->live = std::make_shared<file_mapping>(*fd, *data, bytes);
  s->made_here = true;
  s->path = file;
  s->disk_bytes = bytes;
  account(static_cast<std::int64_t>(bytes));
  return s;
}

}  // namespace andon::ledger
