#include "andon/admin/json_out.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>

#include "andon/base/json_text.hpp"

namespace andon::admin {
namespace {

namespace json = boost::json;

void append(std::string& out, const json::value& from) {
  if (from.is_double()) {
    const double number = from.get_double();
    out += std::isfinite(number) ? fmt::format("{}", number) : "null";
  } else if (from.is_string()) {
    append_json_string(out, from.get_string());
  } else if (from.is_array()) {
    out += '[';
    for (const auto& one : from.get_array()) {
      if (&one != from.get_array().data()) out += ',';
      append(out, one);
    }
    out += ']';
  } else if (from.is_object()) {
    out += '{';
    bool first = true;
    for (const auto& [name, value] : from.get_object()) {
      if (!first) out += ',';
      first = false;
      append_json_string(out, name);
      out += ':';
      append(out, value);
    }
    out += '}';
  } else {
    out += json::serialize(from);
  }
}

}  // namespace

std::string json_text(const json::value& from) {
  std::string out;
  append(out, from);
  return out;
}

}  // namespace andon::admin
