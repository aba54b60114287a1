#include "andon/app/cli/master_key.hpp"

#include "andon/app/config/value.hpp"
#include "andon/app/serve/configuration.hpp"

namespace andon::app::cli {

result<ledger::data_key> read_master_key(const std::string& text) {
  auto plain = text;
  if (text.starts_with("${") && text.ends_with("}")) {
    const auto value = environment_variable(text.substr(2, text.size() - 3));
    if (!value) return fail(errc::invalid_argument, "the environment has no " + text);
    plain = *value;
  } else if (!text.starts_with("file:")) {
    return fail(errc::invalid_argument, "give a master key as file:PATH or '${NAME}', never itself");
  }
  const auto read = value_codec<secret>::read(plain);
  if (!read) return std::unexpected(read.error());
  return ledger::parse_master_key(*read);
}

}  // namespace andon::app::cli
