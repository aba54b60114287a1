#include "andon/sim/schema_sample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "andon/base/json_text.hpp"
#include "andon/sim/speech.hpp"

namespace andon::sim {
namespace {

using simdjson::dom::element;

class sampler {
public:
  sampler(element root, random_source& random) : root_(root), random_(random) {}

  void value(std::string& out, element schema, unsigned depth) {
    element part;
    if (depth > 32 || out.size() > (1u << 20) || !schema.is_object()) {
      out += "null";
    } else if (std::string_view ref; !schema["$ref"].get(ref)) {
      follow(out, ref, depth);
    } else if (!schema["const"].get(part)) {
      out += simdjson::minify(part);
    } else if (simdjson::dom::array options; !schema["enum"].get(options) && options.size() > 0) {
      out += simdjson::minify(options.at(random_.below(options.size())).value_unsafe());
    } else if (element branch; first_of(schema, branch)) {
      value(out, branch, depth + 1);
    } else {
      typed(out, schema, type_of(schema), depth);
    }
  }

private:
  element root_;
  random_source& random_;

  void follow(std::string& out, std::string_view ref, unsigned depth) {
    element target = root_;
    if (!ref.starts_with('#') || (ref.size() > 1 && root_.at_pointer(ref.substr(1)).get(target))) out += "null";
    else value(out, target, depth + 1);
  }

  static bool first_of(element schema, element& branch) {
    for (auto name : {"anyOf", "oneOf", "allOf"}) {
      simdjson::dom::array list;
      if (!schema[name].get(list) && !list.at(0).get(branch)) return true;
    }
    return false;
  }

  static std::string_view type_of(element schema) {
    std::string_view name;
    simdjson::dom::array names;
    if (!schema["type"].get(name)) return name;
    if (!schema["type"].get(names) && !names.at(0).get(name)) return name;
    element ignored;
    if (!schema["properties"].get(ignored)) return "object";
    return schema["items"].get(ignored) ? "string" : "array";
  }

  static double bound(element schema, const char* name, double otherwise) {
    double value = otherwise;
    return schema[name].get(value) ? otherwise : value;
  }

  void typed(std::string& out, element schema, std::string_view type, unsigned depth) {
    if (type == "object") return object(out, schema, depth);
    if (type == "array") return array(out, schema, depth);
    if (type == "string") return string(out, schema);
    if (type == "integer" || type == "number") return number(out, schema, type == "integer");
    if (type == "boolean") out += random_.below(2) ? "true" : "false";
    else out += "null";
  }

  void object(std::string& out, element schema, unsigned depth) {
    out += '{';
    simdjson::dom::object properties;
    if (!schema["properties"].get(properties)) {
      for (auto [key, part] : properties) {
        if (out.back() != '{') out += ',';
        append_json_string(out, key);
        out += ':';
        value(out, part, depth + 1);
      }
    }
    out += '}';
  }

  void array(std::string& out, element schema, unsigned depth) {
    double least = std::clamp(bound(schema, "minItems", 1), 0.0, 100.0);
    auto count = static_cast<unsigned>(std::min(least, bound(schema, "maxItems", 100)));
    element items;
    bool typed_items = !schema["items"].get(items);
    out += '[';
    for (unsigned i = 0; i < count; ++i) {
      if (i > 0) out += ',';
      if (typed_items) value(out, items, depth + 1);
      else out += "null";
    }
    out += ']';
  }

  void number(std::string& out, element schema, bool whole) {
    double low = bound(schema, "minimum", bound(schema, "exclusiveMinimum", -1e18) + (whole ? 1 : 1e-3));
    double high = bound(schema, "maximum", bound(schema, "exclusiveMaximum", 1e18) - (whole ? 1 : 1e-3));
    double value = std::clamp(static_cast<double>(random_.below(100)) + (whole ? 0 : 0.5), low, std::max(low, high));
    double step = bound(schema, "multipleOf", whole ? 1 : 0);
    if (step > 0) value = std::ceil(std::max(low, std::min(value, high) - step) / step) * step;
    out += whole ? fmt::format("{}", static_cast<std::int64_t>(std::ceil(value))) : fmt::format("{}", value);
  }

  void string(std::string& out, element schema) {
    std::string_view format;
    if (!schema["format"].get(format)) {
      if (format == "date-time") return append_json_string(out, "2026-11-22T17:04:05Z");
      if (format == "date") return append_json_string(out, "2026-11-22");
      if (format == "time") return append_json_string(out, "17:04:05Z");
      if (format == "email") return append_json_string(out, "sim@example.com");
      if (format == "uri") return append_json_string(out, "https://example.com/sim");
      if (format == "uuid") return append_json_string(out, "7f1f3c6e-5a0e-4d8c-9a53-3f2b1c0d9e8f");
    }
    std::string text;
    for (const auto& word : speak(random_(), "", 3)) text += word;
    auto least = static_cast<std::size_t>(std::clamp(bound(schema, "minLength", 0), 0.0, 100'000.0));
    auto most = static_cast<std::size_t>(std::clamp(bound(schema, "maxLength", 1e5), 0.0, 100'000.0));
    while (text.size() < least) text += 'x';
    text.resize(std::min(text.size(), std::max(most, least)));
    append_json_string(out, text);
  }
};

}  // namespace

std::string sample_of(element schema, random_source& random) {
  std::string out;
  sampler{schema, random}.value(out, schema, 0);
  return out;
}

}  // namespace andon::sim
