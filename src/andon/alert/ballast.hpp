#pragma once
// Room on the disk that is kept for the worst hour: a file of no content beside the store, given up when the disk is full,
// so that the alerts which tell of it can be written and sent.
//
// Threads: one owner.
#include <filesystem>

namespace andon::alert {

class ballast {
public:
  static constexpr std::size_t size = 4 << 20;  ///< a write-ahead log at its usual largest

  /// Of the store in `file`; makes nothing yet.
  explicit ballast(const std::filesystem::path& file) : file_(file.string() + ".ballast") {}
  void release() noexcept;
  /// Makes the file where it is missing and the disk has room for eight of them.
  void restore() noexcept;

private:
  std::filesystem::path file_;
};

}  // namespace andon::alert
