// Sums of products of whole numbers of 16 bits, exact in 32: what products and attention in 16 bits share.
//
// A vector of floats is scaled so that its length (the root of its sum of squares) is within a bound, and its
// elements are rounded. By Cauchy and Schwarz no sum of products of two such, whole or in part, exceeds the
// product of the bounds: 32 bits hold it, in any order.
#pragma once

#include <cstddef>
#include <cstdint>

namespace loquor {

using Pair = std::int32_t;                 // two neighbouring numbers of 16 bits, the first in the lower half
constexpr std::size_t kPanelColumns = 32;  // columns whose pairs lie side by side: [pair][column]

constexpr std::size_t pairs_of(std::size_t count) { return (count + 1) / 2; }  // an odd one's other half is 0
constexpr std::size_t panels_of(std::size_t columns) { return (columns + kPanelColumns - 1) / kPanelColumns; }

}  // namespace loquor
