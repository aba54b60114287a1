#pragma once
// A JSON value that satisfies a JSON Schema: for tool arguments and structured output.
#include <simdjson.h>

#include <string>

#include "andon/base/random.hpp"

namespace andon::sim {

/// Understands what structured output allows: type (also a list), enum, const, properties, items, minItems, bounds of
/// numbers and lengths, common formats, anyOf, oneOf, allOf (the first), $ref into the same document. All properties
/// are given. Deeper than 32 levels, or for anything not understood, the value is null. Patterns are not honoured.
std::string sample_of(simdjson::dom::element schema, random_source& random);

}  // namespace andon::sim
