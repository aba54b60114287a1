#include "andon/app/cli/drill_text.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/app/cli/table.hpp"

namespace andon::app::cli {

std::string realised_text(const boost::json::value& one) {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view said, std::string_view unit) {
    const auto* number = one.at("realised").get_object().if_contains(name);
    if (number == nullptr) return;
    const auto value = number->is_double() ? fmt::format("{:.3f}", number->get_double()) : cell(one.at("realised"), name);
    if (value != "-") out += fmt::format("{}{} {}{}", out.empty() ? "" : ", ", said, value, unit);
  };
  add("failover_s", "failover", " s");
  add("recovery_s", "recovery", " s");
  add("data_loss", "loss", " Records");
  add("calls", "calls", "");
  add("failed", "failed", "");
  add("refused_attempts", "attempts refused", "");
  add("appended", "appended", "");
  add("most_waiting", "waiting at most", "");
  add("backup_s", "backup", " s");
  add("records", "Records restored", "");
  add("bytes", "bytes", "");
  return out.empty() ? "-" : out;
}

}  // namespace andon::app::cli
