#include "andon/alert/matcher.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "andon/base/json_text.hpp"

namespace andon::alert {
namespace {

constexpr std::array<std::string_view, 4> operators{"=", "!=", "=~", "!~"};
constexpr std::int64_t most_memory = 1 << 20;  // of one compiled expression
constexpr std::size_t longest = 4096;

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

result<std::string> unquoted(std::string_view text) {
  if (text.empty() || text.front() != '"') {
    if (text.find('"') != std::string_view::npos) return fail(errc::invalid_argument, fmt::format("matcher value has a quote in the middle: {}", text));
    if (text.starts_with('=')) return fail(errc::invalid_argument, fmt::format("matcher value begins with '=': write name=value, or put the value in quotes: {}", text));
    return std::string(text);
  }
  std::string out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      if (i + 1 != text.size()) break;
      return out;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      const char next = text[++i];
      if (next != '"' && next != '\\' && next != 'n') out += '\\';
      out += next == 'n' ? '\n' : next;
    } else {
      out += text[i];
    }
  }
  return fail(errc::invalid_argument, fmt::format("matcher value is not closed by a quote: {}", text));
}

/// The other way round.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') out += "\\n";
    else out += c;
  }
  return out + '"';
}

/// Behind a name in quotes; 0 where there is none.
std::size_t quoted_end(std::string_view text) {
  if (!text.starts_with('"')) return 0;
  std::size_t i = 1;
  for (; i < text.size() && text[i] != '"'; ++i)
    if (text[i] == '\\') ++i;
  return std::min(i + 1, text.size());
}

/// The end of the first matcher: a comma outside quotes.
std::size_t piece_end(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') ++i;
    else if (text[i] == '"') quoted = !quoted;
    else if (text[i] == ',' && !quoted) return i;
  }
  return text.size();
}

}  // namespace

result<matcher> matcher::make(std::string name, match_op op, std::string value) {
  if (!is_label_name(name)) return fail(errc::invalid_argument, fmt::format("'{}' is no label name", name));
  if (value.size() > longest) return fail(errc::invalid_argument, fmt::format("the value of matcher '{}' is longer than {} bytes", name, longest));
  if (!is_utf8(value)) return fail(errc::invalid_argument, fmt::format("the value of matcher '{}' is not UTF-8", name));
  std::shared_ptr<const re2::RE2> pattern;
  if (op == match_op::match || op == match_op::not_match) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(most_memory);
    options.set_dot_nl(true);
    auto compiled = std::make_shared<re2::RE2>(value, options);
    if (!compiled->ok()) return fail(errc::invalid_argument, fmt::format("'{}' is no regular expression: {}", value, compiled->error()));
    pattern = std::move(compiled);
  }
  return matcher(std::move(name), op, std::move(value), std::move(pattern));
}

result<matcher> matcher::parse(std::string_view text) {
  const auto whole = trimmed(text);
  const auto at = whole.find_first_of("=!", quoted_end(whole));
  if (at == std::string_view::npos || at + 1 > whole.size()) return fail(errc::invalid_argument, fmt::format("'{}' is no matcher such as severity=\"page\"", whole));
  std::size_t length = 1;
  auto op = match_op::equal;
  if (whole.substr(at).starts_with("=~")) op = match_op::match, length = 2;
  else if (whole.substr(at).starts_with("!~")) op = match_op::not_match, length = 2;
  else if (whole.substr(at).starts_with("!=")) op = match_op::not_equal, length = 2;
  else if (whole[at] == '!') return fail(errc::invalid_argument, fmt::format("'{}': the operators are = != =~ !~", whole));
  auto value = unquoted(trimmed(whole.substr(at + length)));
  if (!value) return std::unexpected(std::move(value.error()));
  const auto name = trimmed(whole.substr(0, at));
  if (!name.starts_with('"')) {
    if (!is_plain_label_name(name)) return fail(errc::invalid_argument, fmt::format("'{}' is no label name; one of other characters than letters, digits and _ stands in quotes", name));
    return make(std::string(name), op, std::move(*value));
  }
  auto read = unquoted(name);
  if (!read) return std::unexpected(std::move(read.error()));
  return make(std::move(*read), op, std::move(*value));
}

result<std::vector<matcher>> matcher::parse_all(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('{') && text.ends_with('}')) text = trimmed(text.substr(1, text.size() - 2));
  std::vector<matcher> out;
  while (!text.empty()) {
    const auto end = piece_end(text);
    auto one = parse(text.substr(0, end));
    if (!one) return std::unexpected(std::move(one.error()));
    out.push_back(std::move(*one));
    text = trimmed(text.substr(std::min(end + 1, text.size())));
  }
  return out;
}

bool matcher::matches_value(std::string_view value) const {
  switch (op_) {
    case match_op::equal: return value == value_;
    case match_op::not_equal: return value != value_;
    case match_op::match: return re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *pattern_);
    case match_op::not_match: return !re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *pattern_);
  }
  return false;
}

bool matcher::matches(const label_set& labels) const { return matches_value(label_value(labels, name_)); }

std::string matcher::text() const { return fmt::format("{}{}{}", is_plain_label_name(name_) ? name_ : in_quotes(name_), operators[static_cast<std::size_t>(op_)], in_quotes(value_)); }

bool all_match(const matchers& all, const label_set& labels) {
  return std::ranges::all_of(all, [&](const matcher& one) { return one.matches(labels); });
}

std::string matchers_text(matchers all) {
  std::ranges::sort(all, [](const matcher& a, const matcher& b) { return std::tie(a.name(), a.value()) < std::tie(b.name(), b.value()); });
  std::string out = "{";
  for (const auto& one : all) out.append(out.size() > 1 ? "," : "").append(one.text());
  return out + "}";
}

}  // namespace andon::alert
