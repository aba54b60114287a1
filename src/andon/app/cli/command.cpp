#include "andon/app/cli/command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "andon/app/cli/cli_context.hpp"
#include "andon/app/config/diagnostics.hpp"

namespace andon::app::cli {
namespace {

constexpr std::string_view not_converted = "Could not convert: ";  // CLI11's words

std::string full_name(const CLI::App& of) { return of.get_parent() == nullptr ? of.get_name() : full_name(*of.get_parent()) + " " + of.get_name(); }

/// What may stand behind a verb: the names of verbs, or those of options.
std::vector<std::string> names_within(const CLI::App& of, bool options) {
  std::vector<std::string> out;
  if (!options)
    for (const auto* one : of.get_subcommands([](const CLI::App*) { return true; })) out.push_back(one->get_name());
  else
    for (const auto* one : of.get_options())
      for (const auto& name : one->get_lnames()) out.push_back("--" + name);
  return out;
}

/// What is said of a word that no verb or option knows; empty when there is no such word.
std::string unknown_word(const CLI::App& root) {
  const auto left = root.remaining(true);
  if (left.empty()) return {};
  const auto* at = &root;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  const auto word = left.front().substr(0, left.front().find('='));
  const bool option = word.starts_with('-');
  const auto names = names_within(*at, option);
  const auto close = nearest(word, names);
  const auto what = option ? "option" : names.empty() ? "argument" : "verb";
  const bool takes_values = std::ranges::any_of(at->get_options(), [](const CLI::Option* one) { return one->get_positional(); });
  return fmt::format("{} has no {} '{}'{}; `{} --help` tells what it takes{}\n", full_name(*at), what, word, close.empty() ? "" : fmt::format(", did you mean '{}'?", close), full_name(*at),
                     option && close.empty() && takes_values ? "; what begins with a '-' and is no option goes behind `--`" : "");
}

}  // namespace

option& option::required() { return of_->required(), *this; }
option& option::show_default() { return of_->capture_default_str(), *this; }
option& option::between(std::int64_t least, std::int64_t most) { return of_->check(CLI::Range(least, most)), *this; }
option& option::one_of(std::vector<std::string> choices) { return of_->check(CLI::IsMember(std::move(choices))), *this; }
option& option::split_at(char separator) { return of_->delimiter(separator), *this; }
option& option::only_with(const option& other) { return of_->needs(other.of_), *this; }

command command::add_verb(const std::string& name, const std::string& about) { return command(*of_->add_subcommand(name, about)); }

template <class T>
option command::add_option(const std::string& name, T& into, const std::string& about) {
  return option(*of_->add_option(name, into, about));
}
template option command::add_option(const std::string&, std::string&, const std::string&);
template option command::add_option(const std::string&, std::vector<std::string>&, const std::string&);
template option command::add_option(const std::string&, std::optional<std::string>&, const std::string&);
template option command::add_option(const std::string&, int&, const std::string&);
template option command::add_option(const std::string&, std::uint16_t&, const std::string&);
template option command::add_option(const std::string&, std::int64_t&, const std::string&);
template option command::add_option(const std::string&, std::uint64_t&, const std::string&);
template option command::add_option(const std::string&, double&, const std::string&);

option command::add_flag(const std::string& name, bool& into, const std::string& about) { return option(*of_->add_flag(name, into, about)); }
void command::needs_verb() { of_->require_subcommand(1); }
void command::callback(std::function<void()> when_given) { of_->callback(std::move(when_given)); }
std::string command::name() const { return of_->get_name(); }
std::string command::about() const { return of_->get_description(); }

std::vector<command> command::verbs() const {
  std::vector<command> out;
  for (auto* one : of_->get_subcommands([](CLI::App*) { return true; })) out.emplace_back(*one);
  return out;
}

std::vector<option_about> command::options() const {
  std::vector<option_about> out;
  for (const auto* one : of_->get_options()) {
    if (one == of_->get_help_ptr()) continue;
    const bool place = one->get_positional();
    option_about about{place ? one->get_name(true) : one->get_name(false, true), {}, one->get_description(), one->get_default_str(), place, one->get_required()};
    for (const auto& word : one->get_lnames()) about.words.push_back("--" + word);
    out.push_back(std::move(about));
  }
  return out;
}

command_line::command_line(const std::string& program, const std::string& about, const std::string& version) : root_(std::make_unique<CLI::App>(about, program)) {
  constexpr std::size_t option_column = 34;
  root_->require_subcommand(1);
  root_->set_version_flag("--version", version);
  root_->get_formatter()->column_width(option_column);
}

command_line::~command_line() = default;

std::optional<int> command_line::parse(int argc, char** argv) {
  try {
    root_->parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::Success& asked) {
    return root_->exit(asked);  // --help, --version
  } catch (const CLI::ParseError& wrong) {
    if (const auto unknown = unknown_word(*root_); !unknown.empty()) fmt::print(stderr, "{}", unknown);
    else if (const auto value = std::string_view(wrong.what()); value.starts_with(not_converted)) fmt::print(stderr, "{}: this is no number such as 25 or 2.5\nRun with --help for more information.\n", value.substr(not_converted.size()));
    else root_->exit(wrong);
    return wrong_usage;
  }
}

}  // namespace andon::app::cli
