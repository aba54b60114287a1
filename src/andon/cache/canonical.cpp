#include "andon/cache/canonical.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

#include "andon/cache/telling.hpp"
#include "andon/llm/json_cursor.hpp"

namespace andon::cache {
namespace {

using cursor = llm::json_cursor;
constexpr std::uint32_t no_hole = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t max_exponent_digits = 7;

constexpr std::string_view ignored_names[] = {"model", "stream", "user", "safety_identifier", "metadata", "store", "prompt_cache_key",
                                              "prompt_cache_retention", "tags", "cache", "fallbacks", "guardrails", "num_retries"};
constexpr llm::key_table ignored{ignored_names};

void put_text(std::string& out, char kind, std::string_view text) {
  char size[20];
  const auto end = std::to_chars(size, size + sizeof size, text.size()).ptr;
  out += kind;
  out.append(size, end);
  out += ':';
  out += text;
}

/// The exponent of a number as JSON writes it, from behind the `e`.
std::optional<std::int64_t> exponent_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
  if (text.size() > max_exponent_digits) return std::nullopt;
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return negative ? -value : value;
}

/// A number as sign, digits without zeros at either end, and a power of ten.
bool put_number(std::string& out, std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto mark = text.find_first_of("eE");
  std::int64_t power = 0;
  if (mark != std::string_view::npos) {
    const auto exponent = exponent_of(text.substr(mark + 1));
    if (!exponent) return false;
    power = *exponent;
    text = text.substr(0, mark);
  }
  const auto point = text.find('.');
  std::string digits(text.substr(0, point));
  if (point != std::string_view::npos) {
    digits += text.substr(point + 1);
    power -= static_cast<std::int64_t>(text.size() - point - 1);
  }
  const auto last = digits.find_last_not_of('0');
  if (last == std::string::npos) return out += "#0;", true;
  power += static_cast<std::int64_t>(digits.size() - last - 1);
  digits.erase(last + 1);
  digits.erase(0, digits.find_first_not_of('0'));
  out += negative ? "#-" : "#";
  out += digits;
  out += 'e';
  out += std::to_string(power);
  out += ';';
  return true;
}

class writer {
public:
  writer(std::string_view body, std::string& out, bool stream, std::uint32_t hole) : at_(body), out_(out), hole_(hole), stream_(stream) {}

  bool run() {
    if (at_.peek() != cursor::type::object || !object(0)) return false;
    at_.finish();
    return !at_.failed();
  }

private:
  struct member {
    std::size_t begin, key_end, end;
  };

  bool value(unsigned depth) {
    if (hole_ != no_hole && at_.value_offset() == hole_) {
      at_.skip();
      out_ += '?';
      return !at_.failed();
    }
    switch (at_.peek()) {
      case cursor::type::object: return object(depth);
      case cursor::type::array: return array(depth);
      case cursor::type::string: text(at_.string()); break;
      case cursor::type::number: return put_number(out_, at_.number()) && !at_.failed();
      case cursor::type::boolean: out_ += at_.boolean() ? 't' : 'f'; break;
      case cursor::type::null: at_.null(); out_ += 'n'; break;
      case cursor::type::none: return false;
    }
    return !at_.failed();
  }

  /// Lone surrogates all read as U+FFFD, so texts with them count as they are written.
  void text(const cursor::token& token) {
    const auto plain = llm::text_of(token, storage_);
    if (token.escaped && plain.find("\xef\xbf\xbd") != std::string_view::npos) put_text(out_, 'r', token.raw);
    else put_text(out_, 's', plain);
  }

  bool array(unsigned depth) {
    if (depth >= max_nesting) return false;
    at_.begin_array();
    out_ += '[';
    for (bool first = true; at_.next_element(first);)
      if (!value(depth + 1)) return false;
    out_ += ']';
    return !at_.failed();
  }

  bool object(unsigned depth) {
    if (depth >= max_nesting) return false;
    at_.begin_object();
    out_ += '{';
    const auto begin = out_.size();
    const auto base = members_.size();
    cursor::token key;
    for (bool first = true; at_.next_member(first, key);) {
      if (depth == 0 && left_out(key)) {
        at_.skip();
        continue;
      }
      member one{out_.size(), 0, 0};
      text(key);
      one.key_end = out_.size();
      if (!value(depth + 1)) return false;
      one.end = out_.size();
      members_.push_back(one);
    }
    if (at_.failed() || !sort(begin, base)) return false;
    members_.resize(base);
    out_ += '}';
    return true;
  }

  bool left_out(const cursor::token& key) {
    const auto name = llm::text_of(key, storage_);
    return ignored.find(name) < std::size(ignored_names) || (!stream_ && name == "stream_options");
  }

  [[nodiscard]] std::string_view key_of(const member& m) const { return std::string_view(out_).substr(m.begin, m.key_end - m.begin); }

  /// Puts the members of the object that ends here in order. False: a name stands twice.
  bool sort(std::size_t begin, std::size_t base) {
    const auto from = members_.begin() + static_cast<std::ptrdiff_t>(base);
    const auto less = [this](const member& a, const member& b) { return key_of(a) < key_of(b); };
    const auto equal = [this](const member& a, const member& b) { return key_of(a) == key_of(b); };
    const bool sorted = std::is_sorted(from, members_.end(), less);
    if (!sorted) std::sort(from, members_.end(), less);
    if (std::adjacent_find(from, members_.end(), equal) != members_.end()) return false;
    if (sorted) return true;
    moved_.assign(out_, begin);
    out_.resize(begin);
    for (auto m = from; m != members_.end(); ++m) out_.append(moved_, m->begin - begin, m->end - m->begin);
    return true;
  }

  cursor at_;
  std::string& out_;
  std::uint32_t hole_;
  bool stream_;
  std::string storage_, moved_;
  std::vector<member> members_;
};

void put_scope(std::string& out, const key_scope& scope, char kind) {
  out += kind;
  out += static_cast<char>('0' + static_cast<int>(scope.op));
  out += scope.stream ? 'S' : 'W';
  for (const auto part : {scope.project, scope.route, scope.served, scope.variant}) put_text(out, 's', part);
}

std::optional<digest> hash(const key_scope& scope, char kind, std::string_view body, std::uint32_t hole, std::string& scratch) {
  scratch.clear();
  put_scope(scratch, scope, kind);
  if (!writer(body, scratch, scope.stream, hole).run()) return std::nullopt;
  return sha256(scratch);
}

/// Where the text of a message that asks one question stands.
class question_finder {
public:
  explicit question_finder(std::string_view body) : at_(body), body_(body) {}

  std::optional<llm::byte_span> find() {
    cursor::token key;
    if (at_.peek() != cursor::type::object) return std::nullopt;
    at_.begin_object();
    for (bool first = true; at_.next_member(first, key);) {
      if (llm::text_of(key, storage_) == "messages") messages();
      else at_.skip();
    }
    if (at_.failed() || !user_) return std::nullopt;
    return place_;
  }

private:
  void messages() {
    place_.reset();
    if (at_.peek() != cursor::type::array) return void(at_.skip());
    at_.begin_array();
    for (bool first = true; at_.next_element(first);) message();
  }

  void message() {
    user_ = false;
    place_.reset();
    if (at_.peek() != cursor::type::object) return void(at_.skip());
    at_.begin_object();
    cursor::token key;
    for (bool first = true; at_.next_member(first, key);) {
      const auto name = llm::text_of(key, storage_);
      if (name == "role" && at_.peek() == cursor::type::string) user_ = llm::text_of(at_.string(), storage_) == "user";
      else if (name == "content") content();
      else at_.skip();
    }
  }

  void content() {
    if (at_.peek() == cursor::type::string) {
      place_ = at_.skip();
      return;
    }
    if (at_.peek() != cursor::type::array) return void(at_.skip());
    at_.begin_array();
    unsigned parts = 0;
    for (bool first = true; at_.next_element(first); ++parts) part();
    if (parts != 1) place_.reset();
  }

  void part() {
    place_.reset();
    if (at_.peek() != cursor::type::object) return void(at_.skip());
    at_.begin_object();
    cursor::token key;
    for (bool first = true; at_.next_member(first, key);) {
      const bool text = llm::text_of(key, storage_) == "text" && at_.peek() == cursor::type::string;
      const auto where = at_.skip();
      if (text) place_ = where;
    }
  }

  cursor at_;
  std::string_view body_;
  std::string storage_;
  bool user_ = false;
  std::optional<llm::byte_span> place_;
};

}  // namespace

std::optional<digest> request_key(const key_scope& scope, std::string_view body, std::string& scratch) {
  return hash(scope, 'k', body, no_hole, scratch);
}

std::optional<question> question_of(const key_scope& scope, std::string_view body, std::string& scratch) {
  if (scope.op != llm::operation::chat) return std::nullopt;
  const auto place = question_finder(body).find();
  if (!place || place->size <= 2) return std::nullopt;
  const auto partition = hash(scope, 'q', body, place->offset, scratch);
  if (!partition) return std::nullopt;
  question out;
  llm::append_unescaped(out.text, body.substr(place->offset + 1, place->size - 2));
  scratch.assign(reinterpret_cast<const char*>(partition->data()), partition->size());
  scratch += telling_words(out.text);
  out.partition = sha256(scratch);
  return out;
}

}  // namespace andon::cache
