#pragma once
// Whether a chat reply has the structure that its request asked for: `response_format` of type json_object or json_schema.
//
// JSON Schema as far as structured output uses it: type, enum, const, properties, required, additionalProperties, patternProperties,
// items, prefixItems, the bounds of objects, lists, numbers and texts, pattern (RE2), anyOf, oneOf, allOf, not, and $ref within the
// document. A schema with other keywords that demand something is never the reason for `valid`. Work is bounded by sizes, depth and steps.
//
// Threads: any. Source of the rules: json-schema.org, draft 2020-12, Validation.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace andon::llm {

enum class structure_verdict : std::uint8_t { unchecked, valid, invalid };

struct structure_answer {
  structure_verdict verdict = structure_verdict::unchecked;
  std::string why;   ///< of what is invalid: where and what, without the text itself; of what is unchecked: why
};

struct structure_limits {
  std::size_t max_format = 64u << 10;    ///< bytes of response_format
  std::size_t max_reply = 256u << 10;    ///< bytes of the reply
  std::size_t max_steps = 20'000;        ///< schema against value, once each; some milliseconds
  std::uint32_t max_depth = 64;
};

/// `format`: the value of response_format. `reply`: a whole chat.completion object. Every choice is looked at that ended by itself with a text; one that calls tools,
/// refuses, or was cut by its token limit or a filter, says nothing of structure.
structure_answer check_structure(std::string_view format, std::string_view reply, const structure_limits& limits = {});

}  // namespace andon::llm
