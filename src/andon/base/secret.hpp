#pragma once
#include <string>
#include <string_view>
#include <utility>

namespace andon {

/// A credential. It has no operator<<, no formatter and no conversion to text, so it cannot end in a log by accident,
/// and it overwrites its memory when it goes.
class secret {
public:
  secret() = default;
  explicit secret(std::string text) : text_(std::move(text)) {}
  secret(const secret&) = default;
  secret(secret&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }
  secret& operator=(const secret& other) { if (this != &other) { wipe(); text_ = other.text_; } return *this; }
  secret& operator=(secret&& other) noexcept { if (this != &other) { wipe(); text_ = std::move(other.text_); other.wipe(); } return *this; }
  ~secret() { wipe(); }

  [[nodiscard]] std::string_view reveal() const { return text_; }  ///< only where the bytes go on the wire or into a hash
  [[nodiscard]] bool empty() const { return text_.empty(); }
  bool operator==(const secret&) const = delete;  ///< compare keyed hashes with constant_time_equal instead

private:
  void wipe() noexcept;
  std::string text_;
};

}  // namespace andon
