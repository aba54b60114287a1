#pragma once
// Cuts text into the pieces that byte-pair merging may not cross: the regular expressions published with OpenAI's
// vocabularies (tiktoken, tiktoken_ext/openai_public.py), as scanners written by hand. Unicode classes come from
// unicode_table.hpp, White_Space as in Unicode. A byte that is not part of valid UTF-8 is a symbol of its own.
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace andon::llm {

/// Which regular expression: gpt2 for r50k and p50k, cl100k, o200k.
enum class piece_rule : std::uint8_t { gpt2, cl100k, o200k };

/// The end of the piece that starts at `at`; at < end_of_text. Always advances by at least one byte.
/// Reads nothing beyond the text. No state, any thread.
std::size_t next_piece(piece_rule, std::string_view text, std::size_t at);

}  // namespace andon::llm
