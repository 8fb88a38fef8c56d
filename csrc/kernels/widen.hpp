// Weights in float16 as floats.
#pragma once

#include <cstddef>
#include <cstdint>

namespace loquor {

// Exact: every half is a float.
void widen_halves(const std::uint16_t* from, float* to, std::size_t count);

}  // namespace loquor
