#pragma once
// The filter language: one text form for CLI, admin API and console, parsed into a small tree that a store evaluates.
//
//   model:gpt-4o status>=500 cost>0.01 project:shop "exact phrase" word pre* -negated error:tim* latency>2s
//   (tag:x OR meta.team:a) ~subst since:1h in:prompt refund
//
// Terms beside each other must all hold; OR, parentheses, `-` or NOT in front; quotes around what holds spaces.
// field_table() and syntax_table() describe everything that is accepted; the reference page is generated from them.
// Values only, no locks, no I/O; safe on any thread. Never throws for any text; depth and size are bounded.
#include <cstdint>
#include <expected>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"

namespace andon::ledger {

/// Everything a filter can ask for. Numbers are compared in the unit of `field_about::unit`.
enum class field : std::uint8_t {
  // names, compared without regard to ASCII case
  project, key, user, session, route, model, provider, upstream_model, method, path, finish, message, address, agent,
  content_type, trace,
  // several values per Record
  tag, meta,
  // one of a fixed set of words
  operation, outcome, origin, delivered, price, cache, http, upstream_http,
  // yes or no
  stream, interrupted, estimated, truncated,
  // numbers
  status, cost, tokens, input, output, cached, reasoning, latency, ttft, upstream, request_bytes, reply_bytes, attempts,
  started,
  // identity
  id,
  count_,
};
inline constexpr std::size_t field_count = static_cast<std::size_t>(field::count_);

enum class field_type : std::uint8_t { name, names, word, flag, number, money, duration, bytes, time, identity };

/// What the language says of one field.
struct field_about {
  field which;
  std::string_view name;     ///< as written in filters, in group-by lists and in JSON
  std::string_view aliases;  ///< further accepted names, separated by spaces
  field_type type;
  std::string_view unit;     ///< of the stored number: "ns", "nano_usd", "tokens", "bytes" or empty
  std::string_view meaning;
  std::string_view example;
};
std::span<const field_about> field_table();
const field_about& about(field);
/// nullptr when no field or alias has this name.
const field_about* find_field(std::string_view name);

/// The word for a stored value of operation, delivered, price, cache, http or upstream_http; empty for others.
std::string_view word_name(field, std::int64_t value);

/// One row of the language's reference beside the fields.
struct syntax_about { std::string_view form, meaning, example; };
std::span<const syntax_about> syntax_table();
/// The reference page, Markdown.
std::string filter_reference();

enum class node_kind : std::uint8_t { everything, all_of, any_of, none_of, text, compare };
enum class text_match : std::uint8_t { words, prefix, substring };  ///< words: adjacent and in order when several
enum class text_side : std::uint8_t { any, prompt, reply };
enum class comparison : std::uint8_t {
  equal,       ///< name: whole value; number: low
  prefix,      ///< name begins with text
  substring,   ///< name contains text
  range,       ///< low <= number <= high
  set,         ///< number is a bit of `members`
  present,     ///< name is not empty
  exact,       ///< whole name, as it is written; the language has no word for it
};

struct filter_node {
  node_kind kind = node_kind::everything;
  std::vector<filter_node> children;               ///< all_of, any_of; none_of has one
  // text
  text_match match = text_match::words;
  text_side side = text_side::any;
  // compare
  field which = field::count_;
  comparison how = comparison::equal;
  std::string text;                                ///< the words, or the name in lower case; for meta `key=value`
  std::int64_t low = std::numeric_limits<std::int64_t>::min();
  std::int64_t high = std::numeric_limits<std::int64_t>::max();
  std::uint64_t members = 0;                       ///< set: bit n for value n (words and flags have fewer than 64 values)
  std::uint64_t id_high = 0, id_low = 0;           ///< identity
  bool operator==(const filter_node&) const = default;
};

/// A parsed filter. The empty text means everything.
struct filter {
  filter_node root;
  bool operator==(const filter&) const = default;
};

struct filter_error {
  std::size_t at = 0;      ///< byte offset in the text
  std::size_t length = 0;  ///< bytes to underline
  std::string message;     ///< what is wrong
  std::string hint;        ///< what would be right, or empty
};

struct filter_bounds {
  std::size_t text_bytes = 16 * 1024;
  std::size_t depth = 64;
  std::size_t terms = 512;
};

/// `now` gives relative times (`since:1h`) their meaning.
std::expected<filter, filter_error> parse_filter(std::string_view text, wall_time now, const filter_bounds& = {});
/// The error as the admin API and the CLI give it: errc::invalid_argument, message with position and hint.
error to_error(const filter_error&, std::string_view text);
/// A text that parses to the same filter (times are absolute); for logs and saved searches.
std::string to_text(const filter&);

}  // namespace andon::ledger
