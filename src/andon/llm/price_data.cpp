#include "andon/llm/price_data.hpp"

// clang-format off
__asm__(
    ".section .rodata.andon_prices,\"a\",@progbits\n"
    ".globl andon_prices_begin\n"
    ".hidden andon_prices_begin\n"
    ".globl andon_prices_end\n"
    ".hidden andon_prices_end\n"
    "andon_prices_begin:\n"
    ".incbin \"" ANDON_PRICES "\"\n"
    "andon_prices_end:\n"
    ".previous\n");
// clang-format on

extern "C" const char andon_prices_begin[];
extern "C" const char andon_prices_end[];

namespace andon::llm::detail {

std::string_view price_data() { return {andon_prices_begin, static_cast<std::size_t>(andon_prices_end - andon_prices_begin)}; }

}  // namespace andon::llm::detail
