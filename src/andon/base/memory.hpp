#pragma once
// What the process holds of the machine's memory.

namespace andon {

/// Gives pages back that hold nothing any more. Bodies and index parts of all sizes come and go; without this the allocator
/// keeps what their largest moment took. A millisecond or less, in which single allocations of other threads may wait.
void give_back_memory() noexcept;

}  // namespace andon
