#pragma once
// The file system as the journal uses it: one small seam, so that tests can make the n-th operation fail.
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "andon/base/error.hpp"

namespace andon::ledger {

/// Errors: disk_full (ENOSPC, EDQUOT), not_found (ENOENT), already_exists (EEXIST), io_error otherwise; the message
/// names the operation, the file and the system's reason. Thread-safe.
class file_operations {
public:
  virtual ~file_operations() = default;
  enum class access : std::uint8_t { read, write, create };

  virtual result<int> open(const std::filesystem::path& file, access how);  ///< create: must not exist; mode 0600
  virtual result<void> allocate(int fd, std::uint64_t bytes);  ///< real blocks, so that a mapping never meets a full disk
  virtual result<unsigned char*> map(int fd, std::uint64_t bytes, access how);
  virtual result<void> sync(int fd);
  /// Starts writing what is dirty, without waiting, in steps short enough not to hold up a core that shares the processor.
  static void begin_sync(int fd, std::uint64_t from, std::uint64_t bytes);
  virtual result<void> sync_directory(const std::filesystem::path& directory);
  virtual result<void> truncate(int fd, std::uint64_t bytes);
  virtual result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to);
  virtual result<void> remove(const std::filesystem::path& file);
  virtual result<std::size_t> read_at(int fd, std::span<unsigned char> into, std::uint64_t offset);  ///< short at the end of the file
  virtual result<void> write_at(int fd, std::span<const unsigned char> bytes, std::uint64_t offset);
  virtual result<std::uint64_t> size(int fd);
  virtual result<std::vector<std::filesystem::path>> list(const std::filesystem::path& directory);

  static void close(int fd);
  static void unmap(unsigned char* at, std::uint64_t bytes);
  static void warm(unsigned char* at, std::uint64_t bytes);  ///< takes the page faults of writing to whole pages of a mapping now
  /// Whole pages of a shared mapping leave the process's memory; the file keeps what they hold, and touching them maps
  /// them again.
  static void unload(unsigned char* at, std::uint64_t bytes);
  static file_operations& machine();  ///< stateless
};

/// Replaces a small file so that a crash leaves the old or the new content, never a mixture.
[[nodiscard]] result<void> replace_file(file_operations& files, const std::filesystem::path& file, std::string_view content);
[[nodiscard]] result<std::string> read_file(file_operations& files, const std::filesystem::path& file, std::uint64_t max_bytes);

}  // namespace andon::ledger
