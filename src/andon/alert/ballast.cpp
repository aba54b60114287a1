#include "andon/alert/ballast.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "andon/base/log.hpp"

namespace andon::alert {

void ballast::release() noexcept {
  if (::unlink(file_.c_str()) == 0) log::error("alert_ballast_released", {{"meaning", "the disk is full; the room kept for alerts is in use now"}, {"file", file_.filename().string()}});
}

void ballast::restore() noexcept {
  struct ::stat there{};
  if (::lstat(file_.c_str(), &there) == 0) {
    if (static_cast<std::size_t>(there.st_blocks) * 512 >= size) return;
    ::unlink(file_.c_str());  // cut short, or copied with holes
  }
  std::error_code failed;
  const auto room = std::filesystem::space(file_.parent_path().empty() ? "." : file_.parent_path(), failed);
  if (failed || room.available < 8 * size) return;
  const int made = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (made < 0) return;
  const bool reserved = ::posix_fallocate(made, 0, size) == 0;
  ::close(made);
  if (!reserved) ::unlink(file_.c_str());
}

}  // namespace andon::alert
