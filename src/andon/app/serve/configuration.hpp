#pragma once
// Where the settings come from: a file, or the embedded defaults with what the environment offers.
#include <optional>
#include <string>
#include <vector>

#include "andon/app/config/settings.hpp"

namespace andon::app {

/// A local engine that answered on its usual port, and the models it lists.
struct local_engine {
  std::string flavour;
  std::vector<std::string> models;
};

struct loaded_settings {
  std::string name;      ///< of the file, for messages
  std::string text;      ///< the YAML
  settings values;
};

/// The process environment as the readers of settings want it.
std::optional<std::string> environment_variable(const std::string& name);

/// Reads a file, or with an empty path the defaults. Complaints go to `found`.
loaded_settings load_settings(const std::string& path, const std::vector<local_engine>& engines, diagnostics& found);

/// A text as if it stood in the file of this path: what it names beside itself is looked for there. Complaints go to `found`.
loaded_settings settings_of(const std::string& path, std::string text, diagnostics& found);

/// The defaults as YAML: the simulated provider, every provider whose key is in the environment, local engines.
std::string default_configuration(const std::vector<local_engine>& engines);

/// Top-level settings that a restart must take up and that differ between two configurations: `listen`, `log`, `ledger`,
/// `telemetry`.
std::vector<std::string> restart_needed(const std::string& before, const std::string& after);

/// Asks the usual ports of local engines for their models; returns within 200 ms.
std::vector<local_engine> find_local_engines();

}  // namespace andon::app
