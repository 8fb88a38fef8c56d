// How often the calling thread has called operator new so far: for tests that promise not to allocate.
#pragma once

#include <cstdint>

int64_t allocations();

// While it lives, the thread's allocations are not counted: they are somebody else's.
class AllocationsPaused {
 public:
  AllocationsPaused();
  ~AllocationsPaused();
  AllocationsPaused(const AllocationsPaused&) = delete;
  AllocationsPaused& operator=(const AllocationsPaused&) = delete;
};
