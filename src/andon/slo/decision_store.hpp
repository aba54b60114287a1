#pragma once
// decisions.db: Decisions, the configurations that were in force, and whether one of them is in force again instead of
// the file. What stands in it survives a power loss when the function that wrote it has returned.
//
// Threads: any; one at a time is served.
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "andon/slo/decision.hpp"
#include "andon/sql/database.hpp"

namespace andon::slo {

struct decision_query {
  bool open = false;                       ///< only those in force
  std::string objective, policy, act;      ///< empty: any
  std::optional<instant> since, until;     ///< made at or after; before
  std::optional<std::int64_t> before;      ///< cursor: decision_page::next
  std::size_t limit = 100;
};
struct decision_page {
  std::vector<decision> rows;              ///< newest first
  std::optional<std::int64_t> next;        ///< set: there are more
};

/// A configuration's text that came into force.
struct plan_entry {
  std::int64_t number = 0;
  instant at{};
  std::string who;                         ///< `start`, `file`, `key key_1`, `dec_7`
  std::string hash;                        ///< SHA-256 of the text, hex
  std::vector<std::pair<std::string, double>> standing;  ///< budget left of objectives at that time, where it was known
  std::string text;                        ///< empty in lists
};

/// A configuration of before is in force instead of the file, for as long as the file is the one of `against`.
struct rolled_back {
  std::int64_t plan = 0, decision = 0;
  std::string against;                     ///< hash of the file's text
  bool operator==(const rolled_back&) const = default;
};

/// How texts of configurations, which may hold secrets, lie in the file. Empty functions: as they are.
struct text_keeper {
  std::function<result<std::string>(std::string_view plain)> seal;
  std::function<result<std::string>(std::string_view sealed)> open;
};

class decision_store {
public:
  /// Opens or makes the file (mode 0600) and migrates it. errc: locked, io_error, disk_full, corrupt.
  static result<std::unique_ptr<decision_store>> open(const std::filesystem::path& file, wall_time now, text_keeper texts = {});

  /// Keeps it and gives it its number. With `instead`, a roll-back's, that is noted with it, its decision filled in.
  result<void> begin(decision& one, std::optional<rolled_back> instead = std::nullopt);
  result<void> carried_out(std::int64_t number, instant at, const std::string& outcome);
  result<void> end(std::int64_t number, instant at, const std::string& who, const std::string& why, bool waived);
  /// The condition of one that was waived is over.
  result<void> forget_waiver(std::int64_t number);
  /// In force, or waived; oldest first.
  result<std::vector<decision>> standing();
  result<std::optional<decision>> find(std::int64_t number);
  result<decision_page> list(const decision_query& query);

  /// Gives it its number; of more than `keep` the oldest go, but for one that is in force again.
  result<void> put(plan_entry& one, std::size_t keep);
  result<std::vector<plan_entry>> plans();            ///< newest first, without texts
  result<std::optional<plan_entry>> plan(std::int64_t number);  ///< errc::corrupt: its text does not open
  result<std::optional<rolled_back>> instead_of_file();
  result<void> set_instead(const rolled_back& what);
  result<void> file_in_force();                       ///< nothing is rolled back any more

private:
  decision_store(sql::database db, text_keeper texts) : db_(std::move(db)), texts_(std::move(texts)) {}
  result<void> together(const std::function<result<void>()>& work);

  std::mutex lock_;
  sql::database db_;
  text_keeper texts_;
};

}  // namespace andon::slo
