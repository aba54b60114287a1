#include <fmt/format.h>

#include <algorithm>

#include "andon/base/ids.hpp"
#include "andon/ledger/filter.hpp"
#include "andon/ledger/filter_value.hpp"
#include "andon/ledger/fts_tokenizer.hpp"

namespace andon::ledger {
namespace {

using parsed = std::expected<filter_node, filter_error>;

/// A value as written: quoted or bare, with the marks that open it.
struct value_text {
  std::string text;
  std::size_t at = 0, length = 0;
  bool quoted = false;
  bool open_back = false;   ///< `*` behind
  bool anywhere = false;    ///< `~` in front
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

filter_node negate(filter_node node) {
  if (node.kind == node_kind::none_of) { filter_node inner = std::move(node.children.front()); return inner; }
  filter_node out;
  out.kind = node_kind::none_of;
  out.children.push_back(std::move(node));
  return out;
}

filter_node joined(node_kind kind, std::vector<filter_node> parts) {
  if (parts.size() == 1) { filter_node only = std::move(parts.front()); return only; }
  filter_node out;
  out.kind = parts.empty() ? node_kind::everything : kind;
  out.children = std::move(parts);
  return out;
}

class parser {
public:
  parser(std::string_view text, wall_time now, const filter_bounds& bounds) : text_(text), now_(now), bounds_(bounds) {}

  parsed run() {
    if (text_.size() > bounds_.text_bytes) return wrong(bounds_.text_bytes, text_.size() - bounds_.text_bytes, fmt::format("the filter is longer than {} bytes", bounds_.text_bytes), "");
    auto all = any_of(0);
    if (!all) return all;
    space();
    if (at_ < text_.size()) return wrong(at_, 1, "a closing parenthesis without an opening one", "remove it, or quote it: \")\"");
    return all;
  }

private:
  static std::unexpected<filter_error> wrong(std::size_t at, std::size_t length, std::string message, std::string hint) {
    return std::unexpected(filter_error{at, length, std::move(message), std::move(hint)});
  }

  void space() { while (at_ < text_.size() && is_space(text_[at_])) ++at_; }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  /// Takes a bare keyword that stands alone.
  bool keyword(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    const std::size_t end = at_ + word.size();
    if (end < text_.size() && !is_space(text_[end]) && text_[end] != '(' && text_[end] != ')') return false;
    at_ = end;
    return true;
  }

  parsed any_of(std::size_t depth) {
    if (depth > bounds_.depth) return wrong(at_, 1, fmt::format("nested deeper than {} levels", bounds_.depth), "");
    std::vector<filter_node> parts;
    std::size_t or_at = 0;
    for (;;) {
      auto part = all_of(depth);
      if (!part) return part;
      space();
      const std::size_t here = at_;
      const bool more = keyword("OR");
      if (more) or_at = here;
      if (part->kind == node_kind::everything && (more || !parts.empty())) return wrong(or_at, 2, "OR needs a term on both sides", "write the word in quotes to search for it: \"or\"");
      parts.push_back(std::move(*part));
      if (!more) return joined(node_kind::any_of, std::move(parts));
    }
  }

  parsed all_of(std::size_t depth) {
    std::vector<filter_node> parts;
    const text_side outer = side_;
    for (;;) {
      space();
      if (at_ >= text_.size() || peek() == ')') break;
      const std::size_t before = at_;
      if (keyword("OR")) { at_ = before; break; }
      if (keyword("AND")) continue;
      auto part = negated(depth);
      if (!part) return part;
      if (part->kind != node_kind::everything) parts.push_back(std::move(*part));
    }
    side_ = outer;
    return joined(node_kind::all_of, std::move(parts));
  }

  parsed negated(std::size_t depth) {
    bool no = false;
    const std::size_t first = at_;
    for (;;) {
      if (peek() == '-') { ++at_; no = !no; continue; }
      if (!keyword("NOT")) break;
      no = !no;
      space();
    }
    if (at_ >= text_.size() || is_space(peek()) || peek() == ')') {
      return wrong(first, at_ - first, "a negation without a term", "write -word, or quote the dash: \"-\"");
    }
    auto node = term(depth);
    if (!node || !no) return node;
    if (node->kind == node_kind::everything) return wrong(first, at_ - first, "this cannot be negated", "");
    return negate(std::move(*node));
  }

  parsed term(std::size_t depth) {
    if (++terms_ > bounds_.terms) return wrong(at_, 1, fmt::format("more than {} terms", bounds_.terms), "");
    if (peek() == '(') return group(depth);
    if (const auto operation = field_operator()) return compare(*operation);
    const auto value = read_value(true);
    if (!value) return std::unexpected(value.error());
    return text_node(*value);
  }

  parsed group(std::size_t depth) {
    const std::size_t open = at_++;
    auto inner = any_of(depth + 1);
    if (!inner) return inner;
    space();
    if (peek() != ')') return wrong(open, 1, "this parenthesis is not closed", "add )");
    ++at_;
    if (inner->kind == node_kind::everything) return wrong(open, at_ - open, "the parentheses are empty", "");
    return inner;
  }

  struct operator_at { std::size_t name_size; std::string_view symbol; };

  /// `name>=` at the cursor, where name is letters, digits, `_`, `.` or `-`.
  [[nodiscard]] std::optional<operator_at> field_operator() const {
    std::size_t end = at_;
    const auto in_name = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-'; };
    while (end < text_.size() && in_name(text_[end])) ++end;
    if (end == at_) return std::nullopt;
    for (const std::string_view symbol : {">=", "<=", "!=", ":", ">", "<", "="}) {
      if (text_.substr(end).starts_with(symbol)) return operator_at{end - at_, symbol};
    }
    return std::nullopt;
  }

  std::expected<value_text, filter_error> read_value(bool text_term) {
    value_text value;
    value.at = at_;
    if (peek() == '~') { value.anywhere = true; ++at_; }
    if (peek() == '"') {
      if (auto bad = read_quoted(value)) return std::unexpected(*bad);
    } else {
      while (at_ < text_.size() && !is_space(text_[at_]) && text_[at_] != '(' && text_[at_] != ')' && (text_term || text_[at_] != ',') && text_[at_] != '"') value.text.push_back(text_[at_++]);
    }
    if (value.quoted && peek() == '*') { value.open_back = true; ++at_; }
    if (!value.quoted && value.text.ends_with('*')) { value.open_back = true; value.text.pop_back(); }
    value.length = at_ - value.at;
    if (value.text.empty() && !value.open_back && !value.quoted) return wrong(value.at, std::max<std::size_t>(1, value.length), "a value is missing here", "quote it if it holds special characters");
    return value;
  }

  std::optional<filter_error> read_quoted(value_text& value) {
    const std::size_t open = at_++;
    value.quoted = true;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value.text.push_back(text_[at_++]);
    }
    if (at_ >= text_.size()) return filter_error{open, 1, "this quote is not closed", "add \" at the end, or write \\\" for a quote inside"};
    ++at_;
    return std::nullopt;
  }

  parsed text_node(const value_text& value) {
    std::size_t words = 0;
    fts::tokenize(value.text, [&](std::string_view) { ++words; });
    if (words == 0) return wrong(value.at, value.length, "there is no letter or digit to search for", "full-text search knows words only");
    filter_node node;
    node.kind = node_kind::text;
    node.side = side_;
    node.text = value.text;
    node.match = value.anywhere ? text_match::substring : value.open_back ? text_match::prefix : text_match::words;
    return node;
  }

  parsed compare(operator_at operation) {
    const std::size_t name_at = at_;
    const std::string name = to_lower(text_.substr(at_, operation.name_size));
    at_ += operation.name_size + operation.symbol.size();
    if (name == "in") return choose_side();
    if (name == "since" || name == "until") return since_until(name == "since");
    if ((name.starts_with("meta.") && name.size() > 5)) return values_of(about(field::meta), name.substr(5), operation.symbol, name_at);
    const field_about* f = find_field(name);
    if (f == nullptr) return wrong(name_at, operation.name_size, fmt::format("there is no field '{}'", name), nearest(name));
    return values_of(*f, {}, operation.symbol, name_at);
  }

  static std::string nearest(std::string_view name) {
    for (const auto& f : field_table()) {
      if (f.name.starts_with(name.substr(0, 3)) || name.starts_with(f.name)) return fmt::format("did you mean {}? Text with a colon must be quoted", f.name);
    }
    return "all fields: andon reference filter; text with a colon must be quoted";
  }

  parsed choose_side() {
    const auto value = read_value(false);
    if (!value) return std::unexpected(value.error());
    const std::string side = to_lower(value->text);
    if (side == "prompt" || side == "request") side_ = text_side::prompt;
    else if (side == "reply" || side == "response") side_ = text_side::reply;
    else if (side == "any") side_ = text_side::any;
    else return wrong(value->at, value->length, "in: takes prompt, reply or any", "in:prompt refund");
    return filter_node{};
  }

  parsed since_until(bool since) {
    const auto value = read_value(false);
    if (!value) return std::unexpected(value.error());
    const auto at = parse_number(field_type::time, value->text, now_);
    if (!at) return wrong(value->at, value->length, fmt::format("'{}' is not a time", value->text), std::string{example_value(field_type::time)});
    filter_node node = number_node(field::started);
    (since ? node.low : node.high) = *at;
    return node;
  }

  static filter_node number_node(field which) {
    filter_node node;
    node.kind = node_kind::compare;
    node.which = which;
    node.how = comparison::range;
    return node;
  }

  /// One value, or several separated by commas.
  parsed values_of(const field_about& f, std::string_view meta_key, std::string_view symbol, std::size_t name_at) {
    const bool plain = symbol == ":" || symbol == "=" || symbol == "!=";
    std::vector<filter_node> any;
    do {
      const auto value = read_value(false);
      if (!value) return std::unexpected(value.error());
      if (any.size() >= bounds_.terms) return wrong(value->at, value->length, fmt::format("more than {} values", bounds_.terms), "");
      auto node = plain ? equal(f, meta_key, *value) : ordered(f, symbol, *value, name_at);
      if (!node) return node;
      if (node->how == comparison::set && !any.empty()) any.back().members |= node->members;
      else any.push_back(std::move(*node));
    } while (plain && peek() == ',' && ++at_ != 0);
    auto node = joined(node_kind::any_of, std::move(any));
    return symbol == "!=" ? negate(std::move(node)) : std::move(node);
  }

  parsed ordered(const field_about& f, std::string_view symbol, const value_text& value, std::size_t name_at) {
    if (f.type < field_type::number || f.type == field_type::identity) {
      return wrong(name_at, at_ - name_at, fmt::format("'{}' has no order", f.name), fmt::format("write {}", f.example));
    }
    const auto number = parse_number(f.type, value.text, now_);
    if (!number || value.anywhere || value.open_back) return bad_number(f, value.at, value.length, value.text);
    filter_node node = number_node(f.which);
    if (symbol == ">=") node.low = *number;
    if (symbol == "<=") node.high = *number;
    if (symbol == ">") { if (*number == INT64_MAX) node.high = INT64_MIN; else node.low = *number + 1; }
    if (symbol == "<") { if (*number == INT64_MIN) node.high = INT64_MIN, node.low = INT64_MAX; else node.high = *number - 1; }
    return node;
  }

  static std::unexpected<filter_error> bad_number(const field_about& f, std::size_t at, std::size_t length, std::string_view text) {
    return wrong(at, length, fmt::format("'{}' is no value for {}", text, f.name), fmt::format("give {}", example_value(f.type)));
  }

  parsed equal(const field_about& f, std::string_view meta_key, const value_text& value) {
    switch (f.type) {
      case field_type::name: case field_type::names: return equal_name(f, meta_key, value);
      case field_type::word: case field_type::flag: return equal_word(f, value);
      case field_type::identity: return equal_id(value);
      default: return equal_number(f, value);
    }
  }

  parsed equal_name(const field_about& f, std::string_view meta_key, const value_text& value) {
    if (f.which == field::meta && meta_key.empty() && value.text.find('=') != std::string::npos)
      return wrong(value.at, value.length, "meta: takes the name of a metadata entry alone", "write meta.NAME:VALUE for its value");
    filter_node node;
    node.kind = node_kind::compare;
    node.which = f.which;
    node.text = to_lower(value.text);
    node.how = value.anywhere ? comparison::substring : value.open_back ? comparison::prefix : comparison::equal;
    if (value.open_back && value.text.empty()) node.how = comparison::present;
    if (f.which == field::project && node.text == "none" && !value.quoted) node.text.clear();
    if (f.which == field::meta && !meta_key.empty()) node.text = fmt::format("{}={}", meta_key, node.text);
    else if (f.which == field::meta) node.how = comparison::present;
    return node;
  }

  parsed equal_word(const field_about& f, const value_text& value) {
    filter_node node = number_node(f.which);
    node.how = comparison::set;
    node.members = parse_members(f.which, to_lower(value.text), value.open_back);
    if (node.members == 0 || value.anywhere) return wrong(value.at, value.length, fmt::format("'{}' is no value for {}", value.text, f.name), fmt::format("one of {}", words_of(f.which)));
    return node;
  }

  static parsed equal_id(const value_text& value) {
    const auto id = request_id::parse(value.text);
    if (!id) return wrong(value.at, value.length, fmt::format("'{}' is not a request id", value.text), std::string{example_value(field_type::identity)});
    filter_node node;
    node.kind = node_kind::compare;
    node.which = field::id;
    node.id_high = id->high();
    node.id_low = id->low();
    return node;
  }

  parsed equal_number(const field_about& f, const value_text& value) {
    const std::size_t dots = value.text.find("..");
    filter_node node = number_node(f.which);
    const auto low = parse_number(f.type, std::string_view{value.text}.substr(0, dots), now_);
    const auto high = dots == std::string::npos ? low : parse_number(f.type, std::string_view{value.text}.substr(dots + 2), now_);
    if (!low || !high || value.anywhere || value.open_back) return bad_number(f, value.at, value.length, value.text);
    node.low = *low;
    node.high = *high;
    return node;
  }

  std::string_view text_;
  wall_time now_;
  const filter_bounds& bounds_;
  std::size_t at_ = 0;
  std::size_t terms_ = 0;
  text_side side_ = text_side::any;
};

}  // namespace

std::expected<filter, filter_error> parse_filter(std::string_view text, wall_time now, const filter_bounds& bounds) {
  auto root = parser(text, now, bounds).run();
  if (!root) return std::unexpected(std::move(root.error()));
  return filter{std::move(*root)};
}

error to_error(const filter_error& e, std::string_view text) {
  const std::string_view part = text.substr(std::min(e.at, text.size()), std::min<std::size_t>(e.length, 40));
  std::string message = fmt::format("filter, column {}{}: {}", e.at + 1, part.empty() ? "" : fmt::format(" ('{}')", part), e.message);
  if (!e.hint.empty()) message += "; " + e.hint;
  return {errc::invalid_argument, std::move(message), "filter"};
}

}  // namespace andon::ledger
