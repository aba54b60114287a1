#include "andon/app/serve/set_aside.hpp"

#include "andon/base/log.hpp"
#include "andon/sql/damage.hpp"

namespace andon::app {

bool set_aside_if_damaged(const std::filesystem::path& file, const error& why, std::string_view meaning) {
  if (why.code != errc::corrupt || !sql::is_damaged(file)) return false;
  const auto aside = sql::set_aside(file);
  if (!aside) {
    log::error("damaged_file_stays", {{"reason", aside.error().message}});
    return false;
  }
  log::error("damaged_file_set_aside", {{"file", file.string()}, {"as", aside->string()}, {"reason", why.message}, {"meaning", meaning}});
  return true;
}

}  // namespace andon::app
