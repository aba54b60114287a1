#pragma once
// Packs: objectives, indicators and alert rules that ship with the program and are switched on by name.
// Each is a configuration file of its own (config/packs), embedded. Pure functions; any thread.
#include <span>
#include <string_view>

#include "andon/app/config/settings.hpp"

namespace andon::app {

struct pack {
  std::string_view name, title;
  std::string_view text;  ///< YAML, as settings read it
};
std::span<const pack> pack_table();

/// Adds what `to.packs` names to its tables. An entry that is there already stays as it is. Complaints go to `found`.
void add_packs(settings& to, diagnostics& found);

}  // namespace andon::app
