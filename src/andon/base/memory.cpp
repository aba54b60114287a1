#include "andon/base/memory.hpp"

#include <malloc.h>

namespace andon {

void give_back_memory() noexcept { (void)::malloc_trim(0); }

}  // namespace andon
