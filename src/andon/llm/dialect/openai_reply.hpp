#pragma once
// Replies of the OpenAI dialect that come whole. Pure, thread-safe.
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/llm/reply.hpp"

namespace andon::llm::openai {

/// Reads the body of a 2xx reply. Errors: upstream_bad_reply when it is not JSON, not UTF-8, or of the wrong shape (no
/// `choices` for chat and completion, no `data` for embeddings and models, and no `error` either).
/// A body `{"error": …}` is a success of this function with `failure` set.
result<reply_facts> scan_reply(operation op, std::string_view body);

}  // namespace andon::llm::openai
