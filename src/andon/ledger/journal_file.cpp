#include "andon/ledger/journal_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include <fmt/format.h>

namespace andon::ledger {
namespace {

std::unexpected<error> failed(std::string_view operation, std::string_view on, int number) {
  errc code = errc::io_error;
  if (number == ENOSPC || number == EDQUOT) code = errc::disk_full;
  if (number == ENOENT) code = errc::not_found;
  if (number == EEXIST) code = errc::already_exists;
  return fail(code, fmt::format("{} {}: {}", operation, on, std::generic_category().message(number)));
}

std::string name_of(int fd) { return fmt::format("file {}", fd); }

template <class Call>
auto retrying(Call call) {
  for (;;) {
    const auto got = call();
    if (got != -1 || errno != EINTR) return got;
  }
}

/// A system call over a long range is not interrupted for a thread that wakes; several short ones are.
template <class Call>
void in_steps(std::uint64_t bytes, Call call) {
  constexpr std::uint64_t step = 256 << 10;
  for (std::uint64_t at = 0; at < bytes; at += step) call(at, std::min(step, bytes - at));
}

struct closing {
  int fd;
  ~closing() { file_operations::close(fd); }
};

}  // namespace

result<int> file_operations::open(const std::filesystem::path& file, access how) {
  const int flags = how == access::read ? O_RDONLY : how == access::write ? O_RDWR : O_RDWR | O_CREAT | O_EXCL;
  const int fd = retrying([&] { return ::open(file.c_str(), flags | O_CLOEXEC, 0600); });
  if (fd < 0) return failed("open", file.native(), errno);
  return fd;
}

result<void> file_operations::allocate(int fd, std::uint64_t bytes) {
  int number = 0;
  do number = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  while (number == EINTR);
  if (number != 0) return failed("allocate", name_of(fd), number);
  return {};
}

result<unsigned char*> file_operations::map(int fd, std::uint64_t bytes, access how) {
  const int protection = how == access::read ? PROT_READ : PROT_READ | PROT_WRITE;
  void* at = ::mmap(nullptr, bytes, protection, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return failed("map", name_of(fd), errno);
  return static_cast<unsigned char*>(at);
}

result<void> file_operations::sync(int fd) {
  if (retrying([&] { return ::fdatasync(fd); }) != 0) return failed("fdatasync", name_of(fd), errno);
  return {};
}

void file_operations::begin_sync(int fd, std::uint64_t from, std::uint64_t bytes) {
  in_steps(bytes, [&](std::uint64_t at, std::uint64_t step) { (void)::sync_file_range(fd, static_cast<off_t>(from + at), static_cast<off_t>(step), SYNC_FILE_RANGE_WRITE); });
}

result<void> file_operations::sync_directory(const std::filesystem::path& directory) {
  const int fd = retrying([&] { return ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (fd < 0) return failed("open", directory.native(), errno);
  const closing end{fd};
  if (retrying([&] { return ::fsync(fd); }) != 0) return failed("fsync", directory.native(), errno);
  return {};
}

result<void> file_operations::truncate(int fd, std::uint64_t bytes) {
  if (retrying([&] { return ::ftruncate(fd, static_cast<off_t>(bytes)); }) != 0) return failed("truncate", name_of(fd), errno);
  return {};
}

result<void> file_operations::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename", from.native(), errno);
  return {};
}

result<void> file_operations::remove(const std::filesystem::path& file) {
  if (::unlink(file.c_str()) != 0) return failed("remove", file.native(), errno);
  return {};
}

result<std::size_t> file_operations::read_at(int fd, std::span<unsigned char> into, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto got = retrying([&] { return ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done)); });
    if (got < 0) return failed("read", name_of(fd), errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

result<void> file_operations::write_at(int fd, std::span<const unsigned char> bytes, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto put = retrying([&] { return ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done)); });
    if (put < 0) return failed("write", name_of(fd), errno);
    done += static_cast<std::size_t>(put);
  }
  return {};
}

result<std::uint64_t> file_operations::size(int fd) {
  struct stat about {};
  if (::fstat(fd, &about) != 0) return failed("stat", name_of(fd), errno);
  return static_cast<std::uint64_t>(about.st_size);
}

result<std::vector<std::filesystem::path>> file_operations::list(const std::filesystem::path& directory) {
  std::error_code code;
  std::vector<std::filesystem::path> found;
  std::filesystem::directory_iterator at(directory, code);
  for (; !code && at != std::filesystem::directory_iterator{}; at.increment(code)) found.push_back(at->path());
  if (code) return failed("list", directory.native(), code.value());
  std::ranges::sort(found);
  return found;
}

void file_operations::close(int fd) {
  if (fd >= 0) ::close(fd);
}

void file_operations::unmap(unsigned char* at, std::uint64_t bytes) {
  if (at != nullptr) ::munmap(at, bytes);
}

void file_operations::warm(unsigned char* at, std::uint64_t bytes) {
#ifdef MADV_POPULATE_WRITE  // Linux 5.14; without it the writer takes the faults itself
  in_steps(bytes, [&](std::uint64_t from, std::uint64_t step) { (void)::madvise(at + from, step, MADV_POPULATE_WRITE); });
#endif
}

void file_operations::unload(unsigned char* at, std::uint64_t bytes) {
  in_steps(bytes, [&](std::uint64_t from, std::uint64_t step) { (void)::madvise(at + from, step, MADV_DONTNEED); });
}

file_operations& file_operations::machine() {
  static file_operations stateless;
  return stateless;
}

result<void> replace_file(file_operations& files, const std::filesystem::path& file, std::string_view content) {
  const std::filesystem::path fresh = file.native() + ".new";
  if (auto gone = files.remove(fresh); !gone && gone.error().code != errc::not_found) return gone;
  auto fd = files.open(fresh, file_operations::access::create);
  if (!fd) return std::unexpected(fd.error());
  {
    const closing end{*fd};
    const std::span bytes{reinterpret_cast<const unsigned char*>(content.data()), content.size()};
    if (auto put = files.write_at(*fd, bytes, 0); !put) return put;
    if (auto safe = files.sync(*fd); !safe) return safe;
  }
  if (auto moved = files.rename(fresh, file); !moved) return moved;
  return files.sync_directory(file.parent_path());
}

result<std::string> read_file(file_operations& files, const std::filesystem::path& file, std::uint64_t max_bytes) {
  auto fd = files.open(file, file_operations::access::read);
  if (!fd) return std::unexpected(fd.error());
  const closing end{*fd};
  auto bytes = files.size(*fd);
  if (!bytes) return std::unexpected(bytes.error());
  if (*bytes > max_bytes) return fail(errc::corrupt, fmt::format("{} is larger than it can be", file.native()));
  std::string text(*bytes, '\0');
  auto got = files.read_at(*fd, {reinterpret_cast<unsigned char*>(text.data()), text.size()}, 0);
  if (!got) return std::unexpected(got.error());
  text.resize(*got);
  return text;
}

}  // namespace andon::ledger
