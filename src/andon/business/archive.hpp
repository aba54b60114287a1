#pragma once
// Statements that were issued: files <data>/statements/NAME-YYYY-MM.{json,html,pdf}, later revisions NAME-YYYY-MM.2.json.
// What was issued never changes. HTML and PDF are written first, the JSON last: a statement is issued when its JSON is there,
// so that a crash in between leaves nothing half issued; what it left is written over.
//
// Threads: any; issuing is one at a time.
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "andon/business/month.hpp"
#include "andon/ledger/journal_file.hpp"

namespace andon::business {

enum class form : std::uint8_t { json, html, pdf };
std::optional<form> parse_form(std::string_view text);
std::string_view to_string(form);

struct issued_files {
  std::string json, html, pdf;
};

struct issued_about {
  month when;
  std::int64_t revisions = 0;
  instant issued{};              ///< the last revision, by its file
};

class archive {
public:
  static constexpr std::uint64_t most_bytes = 64U << 20U;  ///< of one file

  explicit archive(std::filesystem::path folder, ledger::file_operations& files = ledger::file_operations::machine()) : folder_(std::move(folder)), files_(files) {}

  /// A name that files can bear, and that no other name's files look like.
  static bool is_good_name(std::string_view name);

  /// How many revisions there are; 0: it was not issued.
  [[nodiscard]] std::int64_t revisions(std::string_view name, const month& when) const;
  [[nodiscard]] std::vector<issued_about> list(std::string_view name) const;  ///< newest month first
  /// errc::not_found, io_error.
  [[nodiscard]] result<std::string> read(std::string_view name, const month& when, std::int64_t revision, form as) const;
  /// Makes revision `revision`, which has to be the next one. errc: already_exists, conflict, disk_full, io_error.
  result<void> issue(std::string_view name, const month& when, std::int64_t revision, const issued_files& content);

private:
  result<void> write(std::string_view name, const month& when, std::int64_t revision, const issued_files& content);
  [[nodiscard]] std::filesystem::path file(std::string_view name, const month& when, std::int64_t revision, form as) const;

  std::filesystem::path folder_;
  ledger::file_operations& files_;
  std::mutex issuing_;
};

}  // namespace andon::business
