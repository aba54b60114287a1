#pragma once
// The words of a question that change its answer however alike the rest is: numbers and negations. Embeddings hardly see
// them, so questions that differ in them are never taken for similar.
#include <string>
#include <string_view>

namespace andon::cache {

/// Words with a digit in them, in lower case and in their order, then how many words negate (English, German, French,
/// Spanish, Italian, Portuguese). Texts that mean the same may differ here ("30" and "thirty"): then they are no match.
std::string telling_words(std::string_view text);

}  // namespace andon::cache
