#pragma once
// All documents of a YAML text. The library's own LoadAll goes round for ever at text that it takes for the end of a document
// and cannot read on from, such as a comma at the beginning; here that is an error. Pure.
#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

namespace andon::slo {

/// Throws YAML::Exception.
[[nodiscard]] std::vector<YAML::Node> yaml_documents(const std::string& text);

}  // namespace andon::slo
