#include "andon/llm/vocabulary_data.hpp"

// clang-format off
__asm__(
    ".section .rodata.andon_vocabularies,\"a\",@progbits\n"
    ".balign 64\n"
    ".globl andon_vocabulary_bytes\n"
    ".hidden andon_vocabulary_bytes\n"
    "andon_vocabulary_bytes:\n"
    ".incbin \"" ANDON_VOCABULARIES "\"\n"
    ".previous\n");
// clang-format on

extern "C" const unsigned char andon_vocabulary_bytes[];

namespace andon::llm::detail {

const unsigned char* vocabulary_data() { return andon_vocabulary_bytes; }

}  // namespace andon::llm::detail
