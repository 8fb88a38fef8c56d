// How often the calling thread has called operator new so far: for tests that promise not to allocate.
#pragma once

#include <cstdint>

int64_t allocations();

// The n-th allocation from now that is counted on any thread but this one fails, counted from 1, and no
// other; 0: none. Returns how many were still to come before the one asked for last.
int64_t fail_allocation(int64_t n);

// While it lives, the thread's allocations are not counted: they are somebody else's.
class AllocationsPaused {
 public:
  AllocationsPaused();
  ~AllocationsPaused();
  AllocationsPaused(const AllocationsPaused&) = delete;
  AllocationsPaused& operator=(const AllocationsPaused&) = delete;
};
