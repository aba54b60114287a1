#pragma once
// The command line as a tree: verbs within verbs, and the options of each. command.cpp alone knows the parser behind it; all of
// that parser's code is in its headers, and every file that includes them compiles all of it again.
//
// Life cycle: command_line → its root's verbs and options → parse once. A `command` or `option` is a handle that is good as long as
// its command_line; what options are read into must live until parse has returned. One thread.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace andon::app::cli {

class option {
public:
  explicit option(CLI::Option& of) : of_(&of) {}
  option& required();
  option& show_default();                                          ///< help and reference name the present value
  option& between(std::int64_t least, std::int64_t most);
  option& one_of(std::vector<std::string> choices);
  option& split_at(char separator);                                ///< for lists: `a,b` is two
  option& only_with(const option& other);

private:
  CLI::Option* of_;
};

/// What a reference page tells of an option.
struct option_about {
  std::string label;                 ///< "--limit", "-h,--help", or a place's name
  std::vector<std::string> words;    ///< "--limit"; none for a place
  std::string what, initial;
  bool place = false, required = false;
};

class command {
public:
  explicit command(CLI::App& of) : of_(&of) {}
  command add_verb(const std::string& name, const std::string& about);
  /// `name` with dashes is an option, without them a place. T: std::string (or an optional one), a whole number, double, or a vector of
  /// strings.
  template <class T>
  option add_option(const std::string& name, T& into, const std::string& about);
  option add_flag(const std::string& name, bool& into, const std::string& about);
  void needs_verb();                                               ///< alone it means nothing
  void callback(std::function<void()> when_given);

  [[nodiscard]] std::string name() const;
  [[nodiscard]] std::string about() const;
  [[nodiscard]] std::vector<command> verbs() const;
  [[nodiscard]] std::vector<option_about> options() const;         ///< but --help

private:
  CLI::App* of_;
};

class command_line {
public:
  command_line(const std::string& program, const std::string& about, const std::string& version);
  ~command_line();
  [[nodiscard]] command root() const { return command(*root_); }

  /// Reads the arguments into the options and calls back the verb that was given. An exit code when nothing is left to do: help or
  /// version was asked for and printed, or the arguments were wrong, which standard error tells.
  std::optional<int> parse(int argc, char** argv);

private:
  std::unique_ptr<CLI::App> root_;
};

}  // namespace andon::app::cli
