#pragma once
// What is wrong with a configuration file: all of it at once, each with its place and a hint.
#include <string>
#include <vector>

namespace andon::app {

struct position {
  int line = 0;  ///< 1-based; 0: no place in the file
  int column = 0;
};

struct diagnostic {
  std::string file;
  position at;
  std::string path;     ///< `routes.chat.targets[1]`
  std::string message;
  std::string hint;     ///< may be empty
};

/// `andon.yaml:12:7: routes.chat.strategy: 'fastest' is not a strategy (one of: …)`
std::string to_string(const diagnostic&);

class diagnostics {
public:
  explicit diagnostics(std::string file) : file_(std::move(file)) {}
  void add(position at, std::string path, std::string message, std::string hint = {});
  [[nodiscard]] bool empty() const { return found_.empty(); }
  [[nodiscard]] const std::vector<diagnostic>& found() const { return found_; }
  [[nodiscard]] std::vector<diagnostic> sorted() const;  ///< by place in the file

private:
  std::string file_;
  std::vector<diagnostic> found_;
};

/// The candidate nearest to a misspelt name, or empty when none is near (edit distance at most a third of its length).
std::string nearest(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace andon::app
