// How many requests an engine takes on, as arithmetic: no thread, no runtime.
#pragma once

#include <cstdint>

namespace loquor {

constexpr int32_t kDefaultQueue = 256;  // requests waiting, where the caller does not say

// Bytes of KV cache for one position, and how many positions a usual request has.
struct CacheCost {
  int64_t position_bytes = 0;
  int64_t usual_positions = 0;
  bool host_memory = true;
};

// Slots to have when the caller does not say: as many usual requests as fit 1 GiB of host memory, 1 to 16.
// Memory of a device is dearer and taken at once: 2 there.
int32_t automatic_slots(const CacheCost& cost);

enum class Verdict {
  kStart,
  kGrowFirst,  // make the cache larger, then start
  kWait,       // for a slot, or for memory
};

// What to do with the request at the head of the queue. `fits`: whether the cache has room for its positions.
// `may_grow`: false once memory ran out for a larger one and nobody has left since; where nothing is under
// way it is tried again, since the cache can then give back what it has first.
Verdict admit(int32_t slots, int32_t under_way, bool fits, bool may_grow);

// What streams would ask of the engine while they are heard, all of them together.
struct Load {
  double step_seconds = 0;    // one token for each
  double decode_seconds = 0;  // of one code of sound for each
  double seconds_per_code = 0;
};

// Whether speech would be made as fast as it is played, with something left for what changes.
bool keeps_up(const Load& load);

}  // namespace loquor
