// Normal deviates from random bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace loquor {

// Box and Muller, "A note on the generation of random normal deviates" (1958): of each pair of words' upper
// 24 bits, one[i] = sqrt(-2 log u) cos(2 pi v) and other[i], the same with the sine, where u = (a[i] >> 8) /
// 2^24 + 2^-25 and v = (b[i] >> 8) / 2^24. Within 1e-6 of the radius.
void box_muller(const std::uint32_t* a, const std::uint32_t* b, float* one, float* other, std::size_t count);

}  // namespace loquor
