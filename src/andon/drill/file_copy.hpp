#pragma once
// Files as a backup needs them: copied durably, and their digests without having them in memory.
//
// Threads: any. Errors: not_found, already_exists, disk_full, io_error; the message names the file.
#include <cstdint>
#include <filesystem>
#include <string>

#include "andon/base/error.hpp"

namespace andon::drill {

/// A file's bytes to a new file (mode 0600) with the same modification time, on the disk when this returns. Gives their number.
[[nodiscard]] result<std::uint64_t> copy_bytes(const std::filesystem::path& from, const std::filesystem::path& to);
/// SHA-256 as hex.
[[nodiscard]] result<std::string> digest_of(const std::filesystem::path& file);
/// Ends a file at `bytes`, filled up with zeros to `padded`.
[[nodiscard]] result<void> end_file(const std::filesystem::path& file, std::uint64_t bytes, std::uint64_t padded);
/// Names in a directory onto the disk.
[[nodiscard]] result<void> sync_directory(const std::filesystem::path& directory);
/// The same for all directories below it, too.
[[nodiscard]] result<void> sync_tree(const std::filesystem::path& root);

}  // namespace andon::drill
