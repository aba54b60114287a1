#include "andon/llm/structure.hpp"

#include <fmt/format.h>
#include <re2/re2.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "andon/base/text_start.hpp"

namespace andon::llm {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

constexpr std::size_t most_compared = 500;   // of a list whose items are to be unique
constexpr std::size_t parser_depth = 100;
constexpr std::size_t lookups_a_step = 8;
constexpr std::size_t steps_of_pattern = 50;   // it is compiled each time
constexpr std::size_t most_of_path = 200, most_of_name = 64;   // bytes of a complaint: names in a reply may be of any length

/// Keywords that demand something and are not read here.
constexpr std::array<std::string_view, 9> unread{"if", "contains", "propertyNames", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef"};

std::optional<element> member(element of, std::string_view name) {
  element out;
  if (!of.is_object() || of.get_object().at_key(name).get(out) != simdjson::SUCCESS) return std::nullopt;
  return out;
}
std::optional<double> number(std::optional<element> of) {
  double out = 0;
  return of && of->get(out) == simdjson::SUCCESS ? std::optional(out) : std::nullopt;
}
std::string_view text(std::optional<element> of) {
  std::string_view out;
  return of && of->get(out) == simdjson::SUCCESS ? out : std::string_view{};
}
bool is_number(element of) { return of.is_int64() || of.is_uint64() || of.is_double(); }
std::size_t code_points(std::string_view text) { return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; })); }

bool same(element a, element b) {
  if (is_number(a) && is_number(b)) return number(a) == number(b);
  if (a.type() != b.type()) return false;
  switch (a.type()) {
    case element_type::STRING: return text(a) == text(b);
    case element_type::BOOL: return bool(a) == bool(b);
    case element_type::ARRAY: {
      const array left = a, right = b;
      return left.size() == right.size() && std::equal(left.begin(), left.end(), right.begin(), [](element x, element y) { return same(x, y); });
    }
    case element_type::OBJECT: {
      const object left = a, right = b;
      return left.size() == right.size() && std::ranges::all_of(left, [&](const auto& one) { const auto other = member(b, one.key); return other && same(one.value, *other); });
    }
    default: return true;
  }
}

class checker {
public:
  checker(element root, const structure_limits& limits) : root_(root), limits_(limits) {}

  structure_answer run(element value) {
    const bool good = holds(root_, value, "", 0);
    if (beyond_) return {structure_verdict::unchecked, "the schema or the reply is too large or too deep"};
    if (!good) return {structure_verdict::invalid, why_};
    if (unread_) return {structure_verdict::unchecked, "the schema has keywords that are not read"};
    return {structure_verdict::valid, {}};
  }

private:
  bool no(const std::string& path, std::string what) {
    if (quiet_ == 0) why_ = fmt::format("{}{}: {}", path.empty() ? "/" : text_start(path, most_of_path), path.size() > most_of_path ? "…" : "", what);
    return false;
  }

  bool holds(element schema, element value, const std::string& path, std::uint32_t depth) {
    if (!spend(1) || depth > limits_.max_depth) beyond_ = true;
    if (beyond_) return true;
    if (schema.is_bool()) return bool(schema) || no(path, "is not allowed here");
    if (!schema.is_object()) return true;
    if (!spend(of_size(schema))) return true;
    for (const auto name : unread) unread_ = unread_ || member(schema, name).has_value();
    return has_type(schema, value, path) && is_named(schema, value, path) && referred(schema, value, path, depth) && combined(schema, value, path, depth) &&
           (value.is_object() ? object_holds(schema, value, path, depth)
            : value.is_array() ? list_holds(schema, value, path, depth)
            : value.is_string() ? text_holds(schema, text(value), path)
            : !is_number(value) || number_holds(schema, *number(value), path));
  }

  /// False when there was too much to do.
  bool spend(std::size_t steps) {
    steps_ += steps;
    beyond_ = beyond_ || steps_ > limits_.max_steps;
    return !beyond_;
  }
  /// Steps of looking for a name among an object's.
  static std::size_t of_size(element of) { return of.is_object() ? object(of).size() / lookups_a_step : 0; }

  /// Whether it holds, without a complaint when it does not.
  bool would_hold(element schema, element value, const std::string& path, std::uint32_t depth) {
    ++quiet_;
    const bool out = holds(schema, value, path, depth);
    --quiet_;
    return out;
  }

  static bool is_of(std::string_view type, element value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_bool();
    if (type == "null") return value.is_null();
    if (type == "number") return is_number(value);
    if (type == "integer") return value.is_int64() || value.is_uint64() || (value.is_double() && std::floor(double(value)) == double(value));
    return true;
  }

  bool has_type(element schema, element value, const std::string& path) {
    const auto type = member(schema, "type");
    if (!type) return true;
    if (type->is_string()) return is_of(text(type), value) || no(path, fmt::format("is no {}", text_start(text(type), most_of_name)));
    if (!type->is_array()) return true;
    return std::ranges::any_of(array(*type), [&](element one) { return is_of(text(one), value); }) || no(path, "is of none of the types");
  }

  bool is_named(element schema, element value, const std::string& path) {
    if (const auto only = member(schema, "const"); only && !same(*only, value)) return no(path, "is not the constant");
    const auto choices = member(schema, "enum");
    if (!choices || !choices->is_array()) return true;
    return !spend(array(*choices).size() / lookups_a_step) || std::ranges::any_of(array(*choices), [&](element one) { return same(one, value); }) || no(path, "is not in the enumeration");
  }

  bool referred(element schema, element value, const std::string& path, std::uint32_t depth) {
    const auto to = text(member(schema, "$ref"));
    if (to.empty()) return true;
    element target = root_;
    if (to != "#" && (!to.starts_with("#/") || root_.at_pointer(to.substr(1)).get(target) != simdjson::SUCCESS)) {
      unread_ = true;
      return true;
    }
    return holds(target, value, path, depth + 1);
  }

  /// What is not read counts as fulfilled: where fulfilling is the fault, nobody knows.
  bool combined(element schema, element value, const std::string& path, std::uint32_t depth) {
    const auto count = [&](std::optional<element> list) {
      std::size_t out = 0;
      for (element one : array(*list))
        if (!beyond_) out += would_hold(one, value, path, depth + 1) ? 1 : 0;
      return out;
    };
    if (const auto all = member(schema, "allOf"); all && all->is_array())
      for (element one : array(*all))
        if (!holds(one, value, path, depth + 1)) return false;
    if (const auto any = member(schema, "anyOf"); any && any->is_array() && count(any) == 0) return no(path, "fits none of anyOf");
    if (const auto one = member(schema, "oneOf"); one && one->is_array())
      if (const auto fits = count(one); fits == 0 || (fits > 1 && !unread_)) return no(path, "does not fit exactly one of oneOf");
    if (const auto not_this = member(schema, "not"); not_this && would_hold(*not_this, value, path, depth + 1) && !beyond_ && !unread_) return no(path, "fits what it must not");
    return true;
  }

  bool object_holds(element schema, element value, const std::string& path, std::uint32_t depth) {
    const object of = value;
    if (const auto required = member(schema, "required"); required && required->is_array())
      for (element name : array(*required))
        if (spend(of_size(value)) && name.is_string() && !member(value, text(name))) return no(path, fmt::format("lacks '{}'", text_start(text(name), most_of_name)));
    if (!within(schema, "minProperties", "maxProperties", static_cast<double>(of.size()), path, "properties")) return false;
    const auto named = member(schema, "properties"), others = member(schema, "additionalProperties"), patterns = member(schema, "patternProperties");
    for (const auto& one : of) {
      if (!spend(named ? of_size(*named) : 0)) return true;
      const auto below = fmt::format("{}/{}", path, one.key);
      const auto own = named ? member(*named, one.key) : std::nullopt;
      bool known = own.has_value();
      if (own && !holds(*own, one.value, below, depth + 1)) return false;
      if (patterns && patterns->is_object())
        for (const auto& [pattern, under] : object(*patterns)) {
          const auto fits = matches(pattern, one.key);
          known = known || fits.value_or(true);
          if (fits.value_or(false) && !holds(under, one.value, below, depth + 1)) return false;
        }
      if (!known && others && !holds(*others, one.value, below, depth + 1)) return false;
    }
    return true;
  }

  bool list_holds(element schema, element value, const std::string& path, std::uint32_t depth) {
    const array of = value;
    if (!within(schema, "minItems", "maxItems", static_cast<double>(of.size()), path, "items")) return false;
    const auto first = member(schema, "prefixItems"), rest = member(schema, "items");
    unread_ = unread_ || (rest && rest->is_array());   // places of draft 7
    std::size_t at = 0, named = first && first->is_array() ? array(*first).size() : 0;
    for (element one : of) {
      const auto below = fmt::format("{}/{}", path, at);
      element own;
      if (at < named && array(*first).at(at).get(own) == simdjson::SUCCESS && !holds(own, one, below, depth + 1)) return false;
      if (at >= named && rest && !holds(*rest, one, below, depth + 1)) return false;
      ++at;
    }
    bool unique = false;
    if (const auto asked = member(schema, "uniqueItems"); asked) (void)asked->get(unique);
    return !unique || all_differ(of, path);
  }

  bool all_differ(array of, const std::string& path) {
    if (of.size() > most_compared) return unread_ = true;
    for (auto left = of.begin(); left != of.end(); ++left) {
      auto right = left;
      for (++right; right != of.end(); ++right)
        if (!spend(1) || same(*left, *right)) return beyond_ || no(path, "has items twice");
    }
    return true;
  }

  bool text_holds(element schema, std::string_view value, const std::string& path) {
    if (!within(schema, "minLength", "maxLength", static_cast<double>(code_points(value)), path, "characters")) return false;
    const auto pattern = text(member(schema, "pattern"));
    return pattern.empty() || matches(pattern, value).value_or(true) || no(path, "does not match the pattern");
  }

  bool number_holds(element schema, double value, const std::string& path) {
    if (const auto bound = number(member(schema, "minimum")); bound && value < *bound) return no(path, "is below the minimum");
    if (const auto bound = number(member(schema, "maximum")); bound && value > *bound) return no(path, "is above the maximum");
    if (const auto bound = number(member(schema, "exclusiveMinimum")); bound && value <= *bound) return no(path, "is not above the minimum");
    if (const auto bound = number(member(schema, "exclusiveMaximum")); bound && value >= *bound) return no(path, "is not below the maximum");
    const auto step = number(member(schema, "multipleOf"));
    if (!step || *step <= 0) return true;
    const auto times = value / *step;
    return std::abs(times - std::round(times)) < 1e-9 * std::max(1.0, std::abs(times)) || no(path, "is no multiple");
  }

  bool within(element schema, std::string_view least, std::string_view most, double count, const std::string& path, std::string_view what) {
    if (const auto bound = number(member(schema, least)); bound && count < *bound) return no(path, fmt::format("has too few {}", what));
    if (const auto bound = number(member(schema, most)); bound && count > *bound) return no(path, fmt::format("has too many {}", what));
    return true;
  }

  /// Nothing for a pattern that RE2 does not take.
  std::optional<bool> matches(std::string_view pattern, std::string_view value) {
    if (!spend(steps_of_pattern + value.size() / 64)) return std::nullopt;
    re2::RE2::Options how(re2::RE2::Quiet);
    how.set_max_mem(1 << 20);
    const re2::RE2 compiled(re2::StringPiece(pattern.data(), pattern.size()), how);
    if (!compiled.ok()) {
      unread_ = true;
      return std::nullopt;
    }
    return re2::RE2::PartialMatch(re2::StringPiece(value.data(), value.size()), compiled);
  }

  element root_;
  const structure_limits& limits_;
  std::string why_;
  std::size_t steps_ = 0;
  std::uint32_t quiet_ = 0;
  bool beyond_ = false, unread_ = false;
};

/// A choice's text; nothing when it says nothing of structure.
std::optional<std::string_view> text_of(element choice) {
  if (text(member(choice, "finish_reason")) != "stop") return std::nullopt;
  const auto message = member(choice, "message");
  if (!message || !text(member(*message, "refusal")).empty()) return std::nullopt;
  const auto content = member(*message, "content");
  return content && content->is_string() ? std::optional(text(content)) : std::nullopt;
}

structure_answer check_text(std::string_view content, std::optional<element> schema, bool object_only, const structure_limits& limits) {
  simdjson::dom::parser parser;
  if (parser.allocate(content.size() + 1, parser_depth) != simdjson::SUCCESS) return {structure_verdict::unchecked, "no memory"};
  element value;
  const auto failed = parser.parse(content.data(), content.size()).get(value);
  if (failed == simdjson::DEPTH_ERROR || failed == simdjson::MEMALLOC || failed == simdjson::NUMBER_ERROR) return {structure_verdict::unchecked, simdjson::error_message(failed)};
  if (failed != simdjson::SUCCESS) return {structure_verdict::invalid, "the text is no JSON"};
  if (object_only && !value.is_object()) return {structure_verdict::invalid, "the text is no JSON object"};
  return schema ? checker(*schema, limits).run(value) : structure_answer{structure_verdict::valid, {}};
}

}  // namespace

structure_answer check_structure(std::string_view format, std::string_view reply, const structure_limits& limits) {
  if (format.size() > limits.max_format || reply.size() > limits.max_reply) return {structure_verdict::unchecked, "too large to be checked"};
  simdjson::dom::parser formats, replies;
  element asked, got;
  if (formats.parse(format.data(), format.size()).get(asked) != simdjson::SUCCESS) return {structure_verdict::unchecked, "response_format cannot be read"};
  if (replies.parse(reply.data(), reply.size()).get(got) != simdjson::SUCCESS) return {structure_verdict::unchecked, "the reply cannot be read"};
  const auto type = text(member(asked, "type"));
  if (type != "json_object" && type != "json_schema") return {structure_verdict::unchecked, "another response_format"};
  const auto inner = member(asked, "json_schema");
  const auto schema = inner ? member(*inner, "schema") : std::nullopt;
  structure_answer out{structure_verdict::unchecked, "no choice ended with a text"};
  const auto choices = member(got, "choices");
  if (!choices || !choices->is_array()) return out;
  for (element choice : array(*choices)) {
    const auto content = text_of(choice);
    if (!content) continue;
    out = check_text(*content, type == "json_schema" ? schema : std::nullopt, type == "json_object", limits);
    if (out.verdict != structure_verdict::valid) return out;
  }
  return out;
}

}  // namespace andon::llm
