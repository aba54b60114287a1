#pragma once
#include <string>

namespace andon::app {

/// A configuration's text with the values of secret settings replaced, whatever they hold.
std::string mask_secrets(const std::string& yaml);

}  // namespace andon::app
