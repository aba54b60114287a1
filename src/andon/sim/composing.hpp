#pragma once
// What the simulated model says to a request: text, tool calls, JSON to a schema, vectors. Deterministic from seed and
// prompt.
#include <string>
#include <string_view>

#include "andon/llm/request.hpp"
#include "andon/sim/engine.hpp"
#include "andon/sim/rendering.hpp"

namespace andon::sim {

/// Fills choices, token counts, logprobs and include_usage of a chat or completion.
void compose(content& out, const llm::request_facts& facts, std::string_view body, const behaviour& how, std::uint64_t seed, const token_counter& count);
/// The whole body of an embeddings reply.
std::string compose_embeddings(content& out, const llm::request_facts& facts, std::string_view body, std::uint64_t seed, const token_counter& count);

}  // namespace andon::sim
