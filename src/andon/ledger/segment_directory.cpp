#include "andon/ledger/segment_directory.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace andon::ledger {

void segment_directory::add(std::shared_ptr<segment> s) {
  const std::lock_guard lock(mutex_);
  const key k{s->stream(), s->sequence()};
  segments_.insert_or_assign(k, std::move(s));
}

void segment_directory::forget(const segment& s) {
  const std::lock_guard lock(mutex_);
  segments_.erase({s.stream(), s.sequence()});
}

std::shared_ptr<segment> segment_directory::find(std::uint32_t stream, std::uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  const auto at = segments_.find({stream, sequence});
  return at == segments_.end() ? nullptr : at->second;
}

std::shared_ptr<segment> segment_directory::at_or_after(std::uint32_t stream, std::uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  const auto at = segments_.lower_bound({stream, sequence});
  return at == segments_.end() || at->first.first != stream ? nullptr : at->second;
}

std::vector<std::shared_ptr<segment>> segment_directory::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<segment>> all;
  all.reserve(segments_.size());
  for (const auto& [k, s] : segments_) all.push_back(s);
  return all;
}

std::vector<std::uint32_t> segment_directory::streams() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint32_t> all;
  for (const auto& [k, s] : segments_)
    if (all.empty() || all.back() != k.first) all.push_back(k.first);
  return all;
}

result<std::shared_ptr<file_mapping>> segment_directory::map(segment& s) const {
  const std::lock_guard lock(mutex_);
  if (s.live) return s.live;
  if (auto shared = s.cold.lock()) return shared;
  auto fd = files_.open(s.path, file_operations::access::read);
  if (!fd) return std::unexpected(fd.error());
  auto bytes = files_.size(*fd);
  auto data = bytes ? files_.map(*fd, *bytes, file_operations::access::read) : std::unexpected(bytes.error());
  if (!data) {
    file_operations::close(*fd);
    return std::unexpected(data.error());
  }
  auto made = std::make_shared<file_mapping>(*fd, *data, *bytes);
  s.cold = made;
  return made;
}

std::shared_ptr<file_mapping> segment_directory::live(const segment& s) const {
  const std::lock_guard lock(mutex_);
  return s.live;
}

void segment_directory::release_live(segment& s) const {
  const std::lock_guard lock(mutex_);
  s.cold = s.live;
  s.live.reset();
}

std::filesystem::path segment_directory::path(const segment& s) const {
  const std::lock_guard lock(mutex_);
  return s.path;
}

result<void> segment_directory::rename(segment& s, const std::filesystem::path& to) const {
  const std::lock_guard lock(mutex_);
  if (s.path == to) return {};
  if (auto moved = files_.rename(s.path, to); !moved) return moved;
  s.path = to;
  return {};
}

result<std::optional<segment_cipher>> segment_directory::cipher(const segment& s) const {
  if (s.identity.key_id == 0) return std::optional<segment_cipher>{};
  const data_key* key = keys_ == nullptr ? nullptr : keys_->find(s.identity.key_id);
  if (key == nullptr) return fail(errc::forbidden, fmt::format("segment {}/{} is encrypted and its key {} is not at hand", s.stream(), s.sequence(), s.identity.key_id));
  return std::optional<segment_cipher>{std::in_place, *key, std::string_view{s.identity.salt.data(), s.identity.salt.size()}};
}

std::filesystem::path segment_file_name(std::uint32_t stream, std::uint64_t sequence) {
  return fmt::format("{:04}-{:010}.seg", stream, sequence);
}

namespace {

result<std::optional<segment_header>> header_of(file_operations& files, const std::filesystem::path& file, std::uint64_t& bytes) {
  auto fd = files.open(file, file_operations::access::read);
  if (!fd) return std::unexpected(fd.error());
  std::array<unsigned char, segment_header_bytes> page{};
  const auto size = files.size(*fd);
  const auto got = files.read_at(*fd, page, 0);
  file_operations::close(*fd);
  if (!size) return std::unexpected(size.error());
  if (!got) return std::unexpected(got.error());
  bytes = *size;
  return parse_header(byte_span{page}.first(*got));
}

/// A spare that was being made when the process died: its identity is not there or not whole, and nothing is behind it.
result<bool> is_unfinished_spare(file_operations& files, const std::filesystem::path& file) {
  if (!file.filename().native().starts_with("spare-")) return false;
  auto fd = files.open(file, file_operations::access::read);
  if (!fd) return std::unexpected(fd.error());
  std::vector<unsigned char> block(64u << 10);
  result<bool> zero = true;
  for (std::uint64_t at = segment_activation_offset; zero && *zero;) {
    const auto got = files.read_at(*fd, block, at);
    if (got && *got == 0) break;
    if (got) zero = std::ranges::all_of(std::span(block).first(*got), [](unsigned char b) { return b == 0; });
    else zero = std::unexpected(got.error());
    at += got.value_or(0);
  }
  file_operations::close(*fd);
  return zero;
}

void know_ends(std::vector<std::shared_ptr<segment>>& all) {
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    const auto& next = *all[i + 1];
    if (next.stream() != all[i]->stream() || next.sequence() != all[i]->sequence() + 1) continue;
    if (next.activation.previous_end < segment_header_bytes || next.activation.previous_end > all[i]->disk_bytes) continue;
    all[i]->committed = next.activation.previous_end;
    all[i]->sealed = true;
  }
}

}  // namespace

result<found_segments> find_segments(file_operations& files, const std::filesystem::path& directory) {
  auto names = files.list(directory);
  if (!names) return std::unexpected(names.error());
  found_segments found;
  for (const auto& file : *names) {
    if (file.extension() != ".seg") continue;
    std::uint64_t bytes = 0;
    auto header = header_of(files, file, bytes);
    if (!header) return std::unexpected(header.error());
    if (!*header || (!(*header)->activation && !(*header)->blank)) {
      const auto unfinished = is_unfinished_spare(files, file);
      if (!unfinished) return std::unexpected(unfinished.error());
      (*unfinished ? found.blank : found.damaged).push_back(file);
    } else if (!(*header)->activation) {
      found.blank.push_back(file);
    } else {
      auto s = std::make_shared<segment>();
      s->identity = (*header)->identity;
      s->activation = *(*header)->activation;
      s->seed = seed_of(s->identity, s->activation);
      s->path = file;
      s->disk_bytes = bytes;
      s->committed = bytes;
      found.segments.push_back(std::move(s));
    }
  }
  std::ranges::sort(found.segments, {}, [](const auto& s) { return std::pair{s->stream(), s->sequence()}; });
  know_ends(found.segments);
  return found;
}

entry_binding::entry_binding(const entry_head& head)
    : words{head.commit, head.serial, static_cast<std::uint64_t>(head.time), (std::uint64_t{head.entry} << 32) | head.record} {}

std::optional<byte_span> plain_payload(const entry_scanner::found& entry, std::optional<segment_cipher>& cipher, std::vector<unsigned char>& buffer) {
  if (!cipher) return entry.payload;
  if (entry.payload.size() < segment_cipher::tag_bytes) return std::nullopt;
  const auto size = entry.payload.size() - segment_cipher::tag_bytes;
  if (buffer.capacity() > (4u << 20) && size < (1u << 20)) std::vector<unsigned char>{}.swap(buffer);  // assigning an empty list would keep the memory
  buffer.resize(size);
  if (!cipher->open(entry.offset, entry_binding{entry.head}.bytes(), entry.payload, buffer.data())) return std::nullopt;
  return byte_span{buffer};
}

}  // namespace andon::ledger
