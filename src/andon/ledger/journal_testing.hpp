#pragma once
// What the journal's tests share: directories that vanish, Records by number, files that fail on command.
#include <filesystem>
#include <string>

#include <unistd.h>

#include "andon/base/random.hpp"
#include "andon/ledger/journal.hpp"
#include "andon/ledger/journal_file.hpp"
#include "andon/ledger/journal_reader.hpp"

namespace andon::ledger::testing {

class temporary_directory {
public:
  temporary_directory() {
    // In memory where there is such a place: these tests make thousands of files and are not about the disk's speed.
    const std::filesystem::path memory = "/dev/shm";
    std::string name = ((std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path()) / "andon-ledger-XXXXXX").native();
    path_ = ::mkdtemp(name.data());
  }
  ~temporary_directory() { std::error_code ignored; std::filesystem::remove_all(path_, ignored); }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

inline request_id id_number(std::uint64_t n) { return request_id::from_words(0x0190'0000'0000'0000 + n, n * 0x9e37'79b9'7f4a'7c15 + 1); }

inline record record_number(std::uint64_t n, std::size_t body = 100) {
  record r;
  r.id = id_number(n);
  r.started = wall_time{std::chrono::seconds{1'760'000'000 + n}};
  r.project = project_id{"shop"};
  r.op = operation::chat;
  r.path = "/v1/chat/completions";
  r.http_status = 200;
  r.delivered = delivery::complete;
  r.cost = nano_usd{static_cast<std::int64_t>(n)};
  r.request_body = "prompt " + std::to_string(n) + std::string(body, 'p');
  r.reply_body = "reply " + std::to_string(n) + std::string(body, 'r');
  return r;
}

inline opened opened_number(std::uint64_t n) {
  return {.id = id_number(n), .started = wall_time{std::chrono::seconds{1'760'000'000 + n}}, .project = project_id{"shop"}, .key = key_id{"key_1"},
          .user = "u", .tags = {"a"}, .op = operation::chat, .route = route_name{"chat"}, .reserved_tokens = tokens{100},
          .reserved = nano_usd{static_cast<std::int64_t>(n)}, .price = price_state::free};
}

/// Operation number `fail_at` and, if `lasting`, all after it fail with `code`.
class failing_files final : public file_operations {
public:
  std::int64_t fail_at = -1, count = 0;
  errc code = errc::disk_full;
  bool lasting = false;

  result<int> open(const std::filesystem::path& f, access how) override { return fails() ? no() : file_operations::open(f, how); }
  result<void> allocate(int fd, std::uint64_t n) override { return fails() ? no() : file_operations::allocate(fd, n); }
  result<unsigned char*> map(int fd, std::uint64_t n, access how) override { return fails() ? no() : file_operations::map(fd, n, how); }
  result<void> sync(int fd) override { return fails() ? result<void>{no()} : result<void>{(void(fd), result<void>{})}; }
  result<void> sync_directory(const std::filesystem::path&) override { return fails() ? result<void>{no()} : result<void>{}; }
  result<void> truncate(int fd, std::uint64_t n) override { return fails() ? no() : file_operations::truncate(fd, n); }
  result<void> rename(const std::filesystem::path& a, const std::filesystem::path& b) override { return fails() ? no() : file_operations::rename(a, b); }
  result<void> remove(const std::filesystem::path& f) override { return fails() ? no() : file_operations::remove(f); }
  result<std::size_t> read_at(int fd, std::span<unsigned char> into, std::uint64_t at) override { return fails() ? no() : file_operations::read_at(fd, into, at); }
  result<std::uint64_t> size(int fd) override { return fails() ? no() : file_operations::size(fd); }
  result<std::vector<std::filesystem::path>> list(const std::filesystem::path& d) override { return fails() ? no() : file_operations::list(d); }

private:
  bool fails() {
    const auto now = count++;
    return fail_at >= 0 && (now == fail_at || (lasting && now > fail_at));
  }
  [[nodiscard]] std::unexpected<error> no() const { return fail(code, "made to fail"); }
};

inline journal_options small_options(const std::filesystem::path& directory, std::uint64_t segment_bytes = 16 << 10) {
  return {.directory = directory, .segment_bytes = segment_bytes, .background = false};
}

/// All Records of all streams, as a fresh reader sees them.
struct read_back {
  std::vector<record> records;
  std::vector<checkpoint> reached;
  [[nodiscard]] std::uint64_t dropped() const {
    std::uint64_t sum = 0;
    for (const auto& c : reached) sum += c.dropped;
    return sum;
  }
};
inline read_back read_all(const std::shared_ptr<segment_directory>& segments) {
  read_back all;
  for (const auto stream : streams_of(*segments)) {
    journal_reader reader(segments, {.next = {.stream = stream}});
    for (auto entry = reader.next(); entry && *entry; entry = reader.next()) {
      if ((*entry)->kind != entry_kind::record) continue;
      auto r = decode_record((*entry)->payload);
      if (r) all.records.push_back(std::move(*r));
    }
    all.reached.push_back(reader.reached());
  }
  return all;
}

}  // namespace andon::ledger::testing
