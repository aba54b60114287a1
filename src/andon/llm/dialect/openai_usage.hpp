#pragma once
// The `usage` object of the OpenAI dialect and its variants; shared by whole replies and streams.
#include <optional>

#include "andon/llm/json_cursor.hpp"
#include "andon/llm/usage.hpp"

namespace andon::llm::openai {

/// Reads the value at the cursor. Absent when it is null, not an object, or lacks a sensible prompt_tokens, or tells of
/// more than a billion tokens.
/// Parts larger than their whole are cut to it. Reasoning that a provider counts beside completion_tokens (its total
/// says so) is added to the output. DeepSeek's prompt_cache_hit_tokens counts as cached.
std::optional<usage> read_usage(json_cursor& at);

}  // namespace andon::llm::openai
