#pragma once
// Going on with a broken stream on another model: the request for the rest, and the rest's chunks made into chunks of
// the stream that the client has begun to read. Pure, thread-safe.
#include <optional>
#include <string>
#include <string_view>

#include "andon/llm/request.hpp"
#include "andon/llm/usage.hpp"

namespace andon::llm::openai {

/// The request that asks for the rest of a text-only chat: `text` (the inside of a JSON string) becomes the last, the
/// assistant's, message, and `produced` tokens are taken off max_tokens. Nothing where going on would change what the
/// client gets: tools, several choices, a response format, log probabilities, parts that are no text, a conversation
/// that ends with an assistant's message, or no tokens left.
std::optional<std::string> continuing_request(std::string_view body, const request_facts& facts, std::string_view text, tokens produced);

/// What the chunks of the rest are to look like; raw JSON values, empty ones are left as they come.
struct chunk_identity {
  std::string id, created, model;
};
/// Usage found in a chunk of the rest, as its provider said it.
struct continued_chunk {
  std::string_view data;       ///< in `storage`
  std::optional<usage> use;
};
/// Gives a chunk the identity of the stream begun, takes the repeated role out, and adds `before` to its usage.
/// Data that is no chunk comes back as it is.
continued_chunk continue_chunk(std::string_view data, const chunk_identity& as, const usage& before, std::string& storage);

/// The `usage` object of what was used.
std::string usage_json(const usage& use);
/// Both together; estimated when one is.
usage sum(const usage& a, const usage& b);

}  // namespace andon::llm::openai
