#pragma once
// All drills, in `<data>/drills.db`: what was begun stands on the disk before anything is broken.
//
// Life cycle: open → any of the rest. Threads: any; one at a time inside.
#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "andon/drill/drill.hpp"
#include "andon/sql/database.hpp"

namespace andon::drill {

class drill_book {
public:
  static constexpr std::int64_t most_kept = 1'000;   ///< the newest

  static result<std::unique_ptr<drill_book>> open(const std::filesystem::path& file, wall_time now);

  /// Gives it its id.
  result<void> add(drill& one);
  result<void> save(const drill& one);
  /// Newest first.
  [[nodiscard]] result<std::vector<drill>> list(std::size_t most);
  [[nodiscard]] result<drill> find(std::int64_t id);  ///< errc::not_found

private:
  explicit drill_book(sql::database db) : db_(std::move(db)) {}
  std::mutex mutex_;
  sql::database db_;
};

}  // namespace andon::drill
