#include <fmt/format.h>

#include "andon/app/cli/reference.hpp"

namespace andon::app::cli {
namespace {

/// One line per verb: its full name, and what may follow.
struct verb_words {
  std::string name;                ///< "ledger search"; empty for the program itself
  std::vector<std::string> words;  ///< verbs inside and long options
};

void collect(const command& verb, const std::string& name, std::vector<verb_words>& out) {
  verb_words one{name, {"--help"}};
  const auto inside = verb.verbs();
  for (const auto& sub : inside) one.words.push_back(sub.name());
  for (const auto& option : verb.options()) one.words.insert(one.words.end(), option.words.begin(), option.words.end());
  out.push_back(std::move(one));
  for (const auto& sub : inside) collect(sub, name.empty() ? sub.name() : name + " " + sub.name(), out);
}

std::string bash_script(const std::vector<verb_words>& verbs) {
  std::string out = "_andon() {\n  local cur=\"${COMP_WORDS[COMP_CWORD]}\" path=\"\" word words=\"\"\n"
                    "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do [[ $word == -* ]] && break; path=\"${path:+$path }$word\"; done\n"
                    "  while :; do\n    case \"$path\" in\n";
  for (const auto& one : verbs) out += fmt::format("      \"{}\") words=\"{}\"; break ;;\n", one.name, fmt::join(one.words, " "));
  out += "    esac\n    [[ $path == *' '* ]] && path=\"${path% *}\" || path=\"\"\n  done\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n  [[ ${#COMPREPLY[@]} -eq 0 ]] && COMPREPLY=($(compgen -f -- \"$cur\"))\n}\ncomplete -F _andon andon\n";
  return out;
}

std::string fish_script(const std::vector<verb_words>& verbs) {
  std::string out;
  for (const auto& one : verbs) {
    std::string condition = one.name.empty() ? "__fish_use_subcommand" : "";
    for (std::size_t at = 0; at < one.name.size();) {
      const auto end = std::min(one.name.find(' ', at), one.name.size());
      condition += fmt::format("{}__fish_seen_subcommand_from {}", condition.empty() ? "" : "; and ", one.name.substr(at, end - at));
      at = end + 1;
    }
    for (const auto& word : one.words)
      out += word.starts_with("--") ? fmt::format("complete -c andon -n '{}' -l {}\n", condition, word.substr(2))
                                    : fmt::format("complete -c andon -f -n '{}' -a {}\n", condition, word);
  }
  return out;
}

}  // namespace

std::string completion_script(const command& root, const std::string& shell) {
  std::vector<verb_words> verbs;
  collect(root, "", verbs);
  if (shell == "bash") return bash_script(verbs);
  if (shell == "zsh") return "autoload -U +X bashcompinit && bashcompinit\n" + bash_script(verbs);
  return shell == "fish" ? fish_script(verbs) : "";
}

}  // namespace andon::app::cli
