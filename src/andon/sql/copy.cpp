#include "andon/sql/copy.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "andon/sql/statement.hpp"

namespace andon::sql {
namespace {

result<void> sync_file(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(errc::io_error, "cannot open " + file.string());
  const int synced = fsync(fd);
  close(fd);
  if (synced != 0) return fail(errc::io_error, "cannot write " + file.string() + " to the disk");
  return {};
}

}  // namespace

result<void> copy_database(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code code;
  if (std::filesystem::exists(to, code)) return fail(errc::already_exists, to.string() + " exists already");
  if (!std::filesystem::exists(from, code)) return fail(errc::not_found, from.string() + " does not exist");
  auto db = database::open(from);
  if (!db) return std::unexpected(std::move(db.error()));
  if (auto set = db->run("PRAGMA busy_timeout=5000; PRAGMA trusted_schema=OFF"); !set) return set;
  {
    statement<params<std::string_view>, columns<>> copy(*db, "VACUUM INTO ?");
    if (auto copied = copy.run(to.native()); !copied) return copied;
  }
  std::filesystem::permissions(to, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, code);
  return sync_file(to);
}

result<void> check_database(const std::filesystem::path& file) {
  auto db = database::open(file, open_mode::read_only);
  if (!db) return std::unexpected(std::move(db.error()));
  std::string first;
  statement<params<>, columns<std::string>> check(*db, "PRAGMA quick_check(1)");
  const auto read = check.each([&](const std::string& line) { first = line; });
  if (!read) return std::unexpected(read.error());
  if (first != "ok") return fail(errc::corrupt, file.string() + ": " + first);
  return {};
}

}  // namespace andon::sql
