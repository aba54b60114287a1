#pragma once
// The header lines of one reply: views handed to the connection, texts kept here until it has written them.
#include <array>
#include <boost/container/small_vector.hpp>
#include <cstring>
#include <forward_list>
#include <span>
#include <string>
#include <string_view>

#include "andon/net/http_types.hpp"

namespace andon::gateway {

class reply_headers {
public:
  /// `name` must outlive the reply (a literal); `value` likewise.
  void add(std::string_view name, std::string_view value) { lines_.push_back({name, value}); }
  /// Copies the value; gives the copy, for another line.
  std::string_view add_copy(std::string_view name, std::string_view value) { return lines_.emplace_back(name, keep(value)).value; }
  void add_number(std::string_view name, std::int64_t value);
  /// Copies both.
  void add_both(std::string_view name, std::string_view value) { const auto kept = keep(name); lines_.push_back({kept, keep(value)}); }
  void clear() { lines_.clear(); used_ = 0; more_.clear(); }
  [[nodiscard]] std::span<const net::header> lines() const { return {lines_.data(), lines_.size()}; }

private:
  std::string_view keep(std::string_view text);

  boost::container::small_vector<net::header, 32> lines_;
  std::array<char, 1024> store_;
  std::size_t used_ = 0;
  std::forward_list<std::string> more_;
};

}  // namespace andon::gateway
