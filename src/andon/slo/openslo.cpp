#include "andon/slo/openslo.hpp"

#include <fmt/format.h>

#include "andon/slo/openslo_objects.hpp"
#include "andon/slo/yaml_documents.hpp"

namespace andon::slo {

std::string to_string(const openslo_fault& from) {
  std::string out = from.file;
  if (from.line > 0) out += fmt::format(":{}:{}", from.line, from.column);
  if (!from.object.empty()) out += ": " + from.object;
  if (!from.path.empty()) out += ": " + from.path;
  return out + ": " + from.message;
}

openslo_reading read_openslo(const std::vector<openslo_file>& files, wall_time now) {
  openslo_reading out;
  openslo::library all;
  for (const auto& file : files) {
    try {
      for (const auto& document : yaml_documents(file.text)) {
        if (document.IsNull()) continue;
        if (!document.IsSequence()) openslo::read_object(document, file.name, all, out);
        else
          for (const auto& one : document) openslo::read_object(one, file.name, all, out);
      }
    } catch (const YAML::Exception& broken) {
      const auto mark = broken.mark;
      out.faults.push_back({file.name, mark.line < 0 ? 0 : mark.line + 1, mark.line < 0 ? 0 : mark.column + 1, "", "", "is not valid YAML: " + broken.msg});
    }
  }
  if (out.faults.empty()) openslo::make_objectives(all, now, out);
  return out;
}

}  // namespace andon::slo
