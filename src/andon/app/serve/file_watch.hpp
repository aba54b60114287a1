#pragma once
// Tells when a file was replaced, changed or removed. One thread; look() about once a second.
#include <cstdint>
#include <optional>
#include <string>

namespace andon::app {

enum class file_change : std::uint8_t {
  none,
  changed,  ///< other content, or there again
  gone,     ///< said once, until the file is there again
};

class file_watch {
public:
  /// An empty path never changes.
  explicit file_watch(std::string path) : path_(std::move(path)), last_(stamp()) {}
  /// What happened since the last look. An empty file is one that is being written: nothing until it has content.
  file_change look();

private:
  struct mark {
    std::int64_t seconds = 0, nanos = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    bool operator==(const mark&) const = default;
  };
  [[nodiscard]] std::optional<mark> stamp() const;

  std::string path_;
  std::optional<mark> last_;  ///< nothing: it is gone, and that was said
};

}  // namespace andon::app
