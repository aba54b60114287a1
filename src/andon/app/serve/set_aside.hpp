#pragma once
// Files of the data directory that the program can go on without: a damaged one must not keep calls from being served.
#include <filesystem>
#include <string_view>

#include "andon/base/error.hpp"

namespace andon::app {

/// The file could not be used because of `why`. When it is damaged it is set aside and the log says so with `meaning`: true,
/// try again with a new one. The file must not be open.
bool set_aside_if_damaged(const std::filesystem::path& file, const error& why, std::string_view meaning);

}  // namespace andon::app
