#include "andon/app/serve/file_watch.hpp"

#include <sys/stat.h>

namespace andon::app {

std::optional<file_watch::mark> file_watch::stamp() const {
  struct stat about{};
  if (path_.empty() || stat(path_.c_str(), &about) != 0) return std::nullopt;
  return mark{about.st_mtim.tv_sec, about.st_mtim.tv_nsec, about.st_ino, about.st_size};
}

file_change file_watch::look() {
  const auto now = stamp();
  if (now == last_ || (now && now->size == 0)) return file_change::none;
  last_ = now;
  return now ? file_change::changed : file_change::gone;
}

}  // namespace andon::app
