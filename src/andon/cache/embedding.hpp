#pragma once
// The vector in an embedding reply of the OpenAI dialect.
#include <string_view>
#include <vector>

#include "andon/base/error.hpp"

namespace andon::cache {

/// `data[0].embedding` as numbers, scaled to length 1. Errors: upstream_bad_reply.
result<std::vector<float>> read_embedding(std::string_view body);

}  // namespace andon::cache
