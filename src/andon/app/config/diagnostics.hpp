#pragma once
// What is wrong with a configuration file: all of it at once, each with its place and a hint.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace andon::app {

struct position {
  int line = 0;  ///< 1-based; 0: no place in the file
  int column = 0;
};

/// Where the settings of a file stand, by path: a setting's value; for an entry of a table its name.
class place_map {
public:
  void put(const std::string& path, position at) { if (at.line > 0) places_.emplace(path, at); }
  [[nodiscard]] bool has(const std::string& path) const { return places_.contains(path); }
  /// The place of the path, or of the nearest that holds it: a setting left out is looked for in its entry.
  [[nodiscard]] position at(std::string_view path) const;

private:
  std::map<std::string, position, std::less<>> places_;
};

/// A warning keeps nothing from being served.
enum class severity : std::uint8_t { error, warning };

struct diagnostic {
  severity weight = severity::error;
  std::string file;
  position at;
  std::string path;     ///< `routes.chat.targets[1]`
  std::string message;
  std::string hint;     ///< may be empty
};

/// `andon.yaml:12:7: routes.chat.strategy: 'fastest' is not a strategy (one of: …)`; a warning says `warning:` behind
/// its place.
std::string to_string(const diagnostic&);

class diagnostics {
public:
  explicit diagnostics(std::string file) : file_(std::move(file)) {}
  void add(position at, std::string path, std::string message, std::string hint = {});
  void warn(position at, std::string path, std::string message, std::string hint = {});
  [[nodiscard]] bool empty() const { return found_.empty(); }  ///< no error; there may be warnings
  [[nodiscard]] const std::vector<diagnostic>& found() const { return found_; }  ///< the errors
  [[nodiscard]] bool says_of(std::string_view path) const;  ///< an error of the setting or of one inside it; "": of the file as a whole
  [[nodiscard]] std::vector<diagnostic> sorted() const;    ///< the errors by place in the file
  [[nodiscard]] std::vector<diagnostic> warnings() const;  ///< by place in the file
  [[nodiscard]] std::string text() const;                  ///< the errors, a line each

private:
  std::string file_;
  std::vector<diagnostic> found_, warnings_;
};

/// The candidate nearest to a misspelt name, or empty when none is near (edit distance at most a third of its length).
std::string nearest(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace andon::app
