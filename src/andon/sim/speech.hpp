#pragma once
// Made-up content: words in sentences, and vectors for embeddings. Deterministic from a seed and a text.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace andon::sim {

/// `words` words as the pieces of a stream: all but the first begin with a space.
std::vector<std::string> speak(std::uint64_t seed, std::string_view prompt, std::uint32_t words);
/// A given text as such pieces; together they are the text.
std::vector<std::string> in_words(std::string_view text);
/// A given text in pieces of about `size` bytes, cut between characters.
std::vector<std::string> in_fragments(std::string_view text, std::size_t size);

/// A unit vector. Texts that share words are near each other (hashed bag of words, at most 256 words count).
std::vector<float> embed(std::uint64_t seed, std::string_view text, std::size_t dimensions);
std::string to_base64(std::string_view bytes);

}  // namespace andon::sim
