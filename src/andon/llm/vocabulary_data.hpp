#pragma once
// The embedded output of tools/make_vocabularies.py.
namespace andon::llm::detail {

const unsigned char* vocabulary_data();

}  // namespace andon::llm::detail
