#pragma once
// Requests of the OpenAI dialect: what is in them, and the few edits the gateway makes.
// Pure functions over bytes, thread-safe; one pass, no document, no copy of content.
#include <string>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/llm/json_edit.hpp"
#include "andon/llm/request.hpp"

namespace andon::llm::openai {

inline constexpr unsigned max_depth = 256;  ///< nesting of arrays and objects in any body

/// Where the model is named: Azure's clients name it in the path, and may leave it out of the body.
enum class model_from : std::uint8_t { body, path };

/// Reads a request body. The whole text is checked: JSON to its last byte, UTF-8, nesting up to max_depth.
/// Judged here is only what the gateway needs (wrong types of model, stream, messages, input, prompt, stream_options,
/// n; a top-level field of those it reads given twice, which could smuggle a call past a limit); the rest, unknown
/// fields, odd numbers and an empty `messages` included, is the provider's to judge.
/// Errors: bad_json (message holds the position), bad_request (with `param`).
result<request_facts> scan_request(operation op, std::string_view body, model_from from = model_from::body);

/// Whether the provider must be asked for usage in the stream that the client did not ask for.
[[nodiscard]] inline bool lacks_usage_option(const request_facts& facts) {
  return facts.stream && !facts.include_usage && facts.op != operation::embeddings;
}

/// Edits for the way to the provider.
void set_model(json_edit& edit, const request_facts& facts, std::string_view upstream_model);
void ask_for_usage(json_edit& edit, const request_facts& facts);        ///< stream_options.include_usage = true
void remove_gateway_fields(json_edit& edit, const request_facts& facts);

}  // namespace andon::llm::openai
