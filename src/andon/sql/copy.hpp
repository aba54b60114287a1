#pragma once
// Whole copies of databases that are in use, and whether a file is one.
//
// Threads: any; each call opens connections of its own.
#include <filesystem>

#include "andon/base/error.hpp"

namespace andon::sql {

/// A consistent copy of an unencrypted database, compacted, while others read and write it; `to` must not exist. The copy is on
/// the disk when this returns. errc as database::open, and already_exists.
[[nodiscard]] result<void> copy_database(const std::filesystem::path& from, const std::filesystem::path& to);
/// Reads every page and looks at its structure. errc::corrupt with what is wrong.
[[nodiscard]] result<void> check_database(const std::filesystem::path& file);

}  // namespace andon::sql
