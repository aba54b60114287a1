#pragma once
// What to do with a file that is no database any more: find out for certain, and move it out of the way without losing it.
// Only for files whose content can be made again or done without; keys and budgets are not. Any thread; the file must not be
// open elsewhere.
#include <filesystem>
#include <vector>

#include "andon/base/error.hpp"

namespace andon::sql {

/// SQLite says that the file is no database or finds fault with its pages (PRAGMA quick_check). False for a file that cannot
/// be read for another reason: locked, no right, made by a newer version of the program. Reads the whole file.
bool is_damaged(const std::filesystem::path& file);

/// `watch.db` becomes `watch.db.damaged`, with its write-ahead log, in the place of one that was set aside before. Gives the
/// new name. errc::io_error.
result<std::filesystem::path> set_aside(const std::filesystem::path& file);

/// Files of a data directory that lie there set aside.
std::vector<std::filesystem::path> files_set_aside(const std::filesystem::path& directory);

}  // namespace andon::sql
