// Slots, queue and cache as arithmetic.
#include <doctest/doctest.h>

#include "engine/admission.hpp"

using namespace loquor;

TEST_CASE("a request starts while there is a slot and room in the cache, else it waits") {
  CHECK(admit(4, 0, true, true) == Verdict::kStart);
  CHECK(admit(4, 3, true, true) == Verdict::kStart);
  CHECK(admit(4, 3, true, false) == Verdict::kStart);
  CHECK(admit(4, 4, true, true) == Verdict::kWait);
  CHECK(admit(1, 1, true, true) == Verdict::kWait);
  CHECK(admit(4, 4, false, true) == Verdict::kWait);
  CHECK(admit(4, 1, false, true) == Verdict::kGrowFirst);
  CHECK(admit(4, 0, false, true) == Verdict::kGrowFirst);
  CHECK(admit(4, 1, false, false) == Verdict::kWait);  // for memory that others have
  CHECK(admit(4, 0, false, false) == Verdict::kGrowFirst);
}

TEST_CASE("slots by themselves: what fits a gigabyte of host memory, within bounds") {
  constexpr int64_t kTurbo = 24 * 2 * 1024 * 4;  // bytes of one position, float32
  CHECK(automatic_slots({kTurbo, 1512, true}) == 3);
  CHECK(automatic_slots({kTurbo / 4, 1512, true}) == 14);
  CHECK(automatic_slots({4 * 2 * 256 * 4, 1512, true}) == 16);
  CHECK(automatic_slots({int64_t{1} << 40, 8196, true}) == 1);
  CHECK(automatic_slots({0, 0, true}) == 16);
  CHECK(automatic_slots({kTurbo, 1512, false}) == 2);
}

TEST_CASE("speech is begun while all of it is made as fast as it is played") {
  CHECK(keeps_up({0.01, 0.02, 0.04}));
  CHECK(keeps_up({0.036, 0, 0.04}));
  CHECK_FALSE(keeps_up({0.02, 0.02, 0.04}));  // nothing left for what changes
  CHECK_FALSE(keeps_up({0.01, 0.2, 0.04}));
}
