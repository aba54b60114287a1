#include "andon/gateway/reply_headers.hpp"

#include <charconv>

namespace andon::gateway {

void reply_headers::add_number(std::string_view name, std::int64_t value) {
  std::array<char, 24> digits{};
  const auto [end, code] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  add_copy(name, {digits.data(), static_cast<std::size_t>(end - digits.data())});
}

std::string_view reply_headers::keep(std::string_view text) {
  if (text.size() > store_.size() - used_) return more_.emplace_front(text);
  char* at = store_.data() + used_;
  std::memcpy(at, text.data(), text.size());
  used_ += text.size();
  return {at, text.size()};
}

}  // namespace andon::gateway
