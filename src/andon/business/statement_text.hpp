#pragma once
// A statement as text: for machines, for screens, for paper. Pure functions; any thread.
#include <string>

#include "andon/business/statement.hpp"

namespace andon::business {

/// Shares and money are texts of decimal numbers, counts are whole numbers; what is not known is null. Ends with a line feed.
std::string statement_json(const statement& from);
/// One page that needs nothing else and runs nothing. `digest`: SHA-256 of the JSON, in hexadecimal.
std::string statement_html(const statement& from, std::string_view digest);
/// A4 pages. Characters that the fonts every reader has (Windows-1252) do not know are told as `?`. errc::internal.
result<std::string> statement_pdf(const statement& from, std::string_view digest);

/// What HTML and PDF say in the same words.
struct statement_words {
  static std::string title(const statement& of);
  static std::string state(const statement& of);                 ///< preliminary, revision
  static std::string verdict(const promise_line& of);            ///< kept, missed, no data
  static std::string attained(const promise_line& of);           ///< `99.8999 %`, or `no data`
  static std::string count(std::int64_t n, std::int64_t unit);   ///< `1234`, or `12.5` slices
  static std::string silence(const promise_line& of);
  static std::string cause(const slo::cause& why);
  using rows = std::vector<std::pair<std::string, std::string>>;
  static rows facts(const statement& of);                        ///< between whom, of what, what is owed
  static rows numbers(const promise_line& of);
};

}  // namespace andon::business
