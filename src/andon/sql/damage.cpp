#include "andon/sql/damage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "andon/sql/database.hpp"
#include "andon/sql/statement.hpp"

namespace andon::sql {
namespace {

constexpr const char* suffix = ".damaged";
constexpr std::array companions{"", "-wal", "-shm"};

}  // namespace

bool is_damaged(const std::filesystem::path& file) {
  auto db = database::open(file, open_mode::read_only);
  if (!db) return db.error().code == errc::corrupt;
  auto check = statement<params<>, columns<std::string>>::prepare(*db, "PRAGMA quick_check(1)");
  if (!check) return check.error().code == errc::corrupt;
  std::string found;
  const auto done = check->each([&](std::string said) { found = std::move(said); });
  return done ? found != "ok" : done.error().code == errc::corrupt;
}

result<std::filesystem::path> set_aside(const std::filesystem::path& file) {
  const std::filesystem::path aside = file.native() + suffix;
  std::error_code failed;
  for (const auto* companion : companions) {
    const std::filesystem::path from = file.native() + companion, to = aside.native() + companion;
    std::filesystem::remove(to, failed);
    if (!failed && std::filesystem::exists(from)) std::filesystem::rename(from, to, failed);
    if (failed) return fail(errc::io_error, fmt::format("{} is damaged and cannot be set aside: {}", from.string(), failed.message()));
  }
  return aside;
}

std::vector<std::filesystem::path> files_set_aside(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> out;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(directory, failed), end; !failed && at != end; at.increment(failed))
    if (at->path().extension() == suffix) out.push_back(at->path());
  std::ranges::sort(out);
  return out;
}

}  // namespace andon::sql
