#pragma once
// One process per data directory.
#include <filesystem>
#include <utility>

#include "andon/base/error.hpp"

namespace andon::ledger {

/// Holds an flock until destroyed, so that a dead process never leaves it behind. The file holds the owner's pid.
class directory_lock {
public:
  /// errc::locked, naming the pid that holds it; io_error.
  [[nodiscard]] static result<directory_lock> take(const std::filesystem::path& file);
  directory_lock() = default;
  directory_lock(directory_lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  directory_lock& operator=(directory_lock&& other) noexcept { std::swap(fd_, other.fd_); return *this; }
  ~directory_lock();

private:
  explicit directory_lock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace andon::ledger
