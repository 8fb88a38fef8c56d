// How often the test program has called operator new so far: for tests that promise not to allocate.
#pragma once

#include <cstdint>

int64_t allocations();
