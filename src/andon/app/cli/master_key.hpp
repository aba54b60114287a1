#pragma once
#include <string>

#include "andon/ledger/keyring.hpp"

namespace andon::app::cli {

/// A master key as the command line gives it: `file:PATH` or `${NAME}`. A key itself is refused: it would stay in the
/// shell's history and in the list of processes.
result<ledger::data_key> read_master_key(const std::string& text);

}  // namespace andon::app::cli
