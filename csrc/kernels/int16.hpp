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
constexpr std::size_t kSegment = 32;       // pairs of a row or column whose sums of products are exact

constexpr std::size_t pairs_of(std::size_t count) { return (count + 1) / 2; }  // an odd one's other half is 0
// What a rounded column takes: whole segments, of which a unit may lay out the bytes as it likes.
constexpr std::size_t room_for(std::size_t count) {
  return (pairs_of(count) + kSegment - 1) / kSegment * kSegment;
}
// What a rounded row takes: an odd number of segments, so that neighbours of one segment share no set of a
// cache.
constexpr std::size_t row_room_for(std::size_t count) {
  return room_for(count) / kSegment % 2 == 1 ? room_for(count) : room_for(count) + kSegment;
}
constexpr std::size_t panels_of(std::size_t columns) { return (columns + kPanelColumns - 1) / kPanelColumns; }

}  // namespace loquor
