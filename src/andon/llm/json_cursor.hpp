#pragma once
// A forward cursor over JSON text that checks every byte it passes and knows where it is.
//
// The path needs exact byte places (to edit bodies), a refusal of anything malformed up to the last byte, and no
// padding or copies; a parser that skips lazily gives the first two up. Nothing recurses, so depth cannot hurt.
// Use: begin_object()/next_member() and begin_array()/next_element() in loops whose bodies consume each value with
// string(), number(), skip() or another loop; then finish(). After the first error every function returns false or
// empty, so loops end by themselves: look at failed() once. UTF-8 is checked apart (valid_utf8).
#include <cstdint>
#include <string>
#include <string_view>

#include "andon/llm/request.hpp"

namespace andon::llm {

class json_cursor {
public:
  struct token {
    std::string_view raw;   ///< between the quotes
    bool escaped = false;
  };
  enum class type : std::uint8_t { object, array, string, number, boolean, null, none };
  static constexpr unsigned depth_limit = 256;

  explicit json_cursor(std::string_view text) : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  [[nodiscard]] type peek();                  ///< of the next value; none at the end or for a byte that starts no value
  bool begin_object();
  bool next_member(bool& first, token& key);  ///< false after the closing brace
  bool begin_array();
  bool next_element(bool& first);             ///< false after the closing bracket
  token string();
  std::string_view number();                  ///< as written
  bool boolean();
  void null() { skip(); }
  byte_span skip();                           ///< any value, checked; where it stood
  void finish();                              ///< nothing but white space may follow

  [[nodiscard]] std::uint32_t offset() const { return static_cast<std::uint32_t>(at_ - begin_); }
  [[nodiscard]] byte_span span_from(std::uint32_t start) const { return {start, offset() - start}; }
  [[nodiscard]] std::uint32_t value_offset();  ///< after white space
  /// Continues at `offset`, with `depth` containers open: only for a prefix known to be valid.
  void jump(std::uint32_t offset, unsigned depth);

  [[nodiscard]] bool failed() const { return reason_ != nullptr; }
  [[nodiscard]] std::string failure() const;   ///< "… at byte 12 (line 1, column 13)"

private:
  void fail(const char* reason);
  void space();
  bool expect(char c, const char* reason);
  void scan_string(token& out);
  const char* scan_escape(const char* at);
  void scan_number();
  void scan_literal(std::string_view word);
  bool push(bool object);
  void scan_scalar();
  bool open_or_scalar();
  bool close_or_next(unsigned base);

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* reason_ = nullptr;
  const char* failed_at_ = nullptr;
  unsigned depth_ = 0;
  std::uint64_t kinds_[depth_limit / 64] = {};  // one bit a level: 1 is an object
};

bool valid_utf8(std::string_view text);
/// The text of a token: a view of it when nothing is escaped, else in `storage`.
std::string_view text_of(const json_cursor::token& token, std::string& storage);
/// An integer as JSON writes it, saturated; a fraction or exponent is rounded up. False when it is not finite or not a
/// number.
bool to_integer(std::string_view number, std::int64_t& out);

/// Maps known keys to small numbers without collisions: the multipliers are found by the compiler.
template <std::size_t N>
class key_table {
public:
  consteval explicit key_table(const std::string_view (&names)[N]) {
    for (std::size_t i = 0; i < N; ++i) names_[i] = names[i];
    for (first_ = 1; first_ < 64; ++first_)
      for (last_ = 1; last_ < 64; ++last_)
        if (place()) return;
    throw "no collision-free table";
  }
  /// Index into the names, or N.
  [[nodiscard]] constexpr std::size_t find(std::string_view key) const {
    if (key.empty()) return N;
    std::size_t index = slots_[hash(key)];
    return index < N && names_[index] == key ? index : N;
  }

private:
  static constexpr std::size_t size = 256;
  [[nodiscard]] constexpr std::size_t hash(std::string_view key) const {
    return (key.size() * 5 + static_cast<unsigned char>(key.front()) * first_ + static_cast<unsigned char>(key.back()) * last_ +
            static_cast<unsigned char>(key[key.size() / 2])) % size;
  }
  consteval bool place() {
    for (auto& slot : slots_) slot = 255;
    for (std::size_t i = 0; i < N; ++i) {
      auto& slot = slots_[hash(names_[i])];
      if (slot != 255) return false;
      slot = static_cast<std::uint8_t>(i);
    }
    return true;
  }
  std::string_view names_[N];
  std::uint8_t slots_[size] = {};
  std::size_t first_ = 1, last_ = 1;
};

}  // namespace andon::llm
