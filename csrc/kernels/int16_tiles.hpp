// Sums of products of pairs, for the unit that a *_body.cpp is being compiled for: what `Multiplier` does,
// and how rounded rows and panels have to lie for it.
#pragma once

#include "kernels/int16_lanes.hpp"

#if LOQUOR_USES_AMX
#include "kernels/int16_amx.hpp"
#elif LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {

#if LOQUOR_USES_AVX512
constexpr std::size_t kTileRows = 12;  // as many sums, of two vectors each, as registers hold
#elif LOQUOR_USES_AVX2
constexpr std::size_t kTileRows = 6;
#else
constexpr std::size_t kTileRows = 1;
#endif

// Pairs stay as they were rounded.
LOQUOR_INLINE void arrange_row(Pair*, std::size_t) {}
LOQUOR_INLINE void arrange_panel(Pair*, std::size_t) {}

#if LOQUOR_USES_AVX2

// sums + the two products of each lane's pairs
LOQUOR_INLINE Ints add_products(Ints sums, Ints a, Ints b) {
#if LOQUOR_USES_VNNI
  return reinterpret_cast<Ints>(_mm512_dpwssd_epi32(
      reinterpret_cast<__m512i>(sums), reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#else
  return sums + reinterpret_cast<Ints>(
                    _mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#endif
}

// The sums of `rows` rows of pairs, `stride` apart, with two vectors of columns of a panel.
template <std::size_t rows>
LOQUOR_INLINE void add_tile(const Pair* a, std::size_t stride, const Pair* panel, std::size_t pairs,
                            Ints (&sums)[rows][2]) {
#pragma GCC unroll 16
  for (std::size_t i = 0; i < rows; ++i) sums[i][0] = sums[i][1] = Ints{};
  for (std::size_t k = 0; k < pairs; ++k) {
    const Ints left = load_pairs(panel + k * kPanelColumns);
    const Ints right = load_pairs(panel + k * kPanelColumns + kLanes);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < rows; ++i) {
      const Ints pair = a[i * stride + k] - Ints{};
      sums[i][0] = add_products(sums[i][0], pair, left);
      sums[i][1] = add_products(sums[i][1], pair, right);
    }
  }
}

// What follows from a tile's sums: `then(row, column, Floats sums of kLanes columns)`, for all of a panel's
// columns. Each `segment` of the pairs is summed exactly, and segments are added in their order.
template <std::size_t rows, class Then>
LOQUOR_INLINE void tile(const Pair* a, std::size_t stride, const Pair* panel, std::size_t pairs,
                        std::size_t segment, const Then& then) {
  for (std::size_t column = 0; column < kPanelColumns; column += 2 * kLanes) {
    Ints sums[rows][2];
    Floats totals[rows][2];
    add_tile<rows>(a, stride, panel + column, least(segment, pairs), sums);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t half = 0; half < 2; ++half) totals[i][half] = to_floats(sums[i][half]);
    for (std::size_t k = segment; k < pairs; k += segment) {
      add_tile<rows>(a + k, stride, panel + k * kPanelColumns + column, least(segment, pairs - k), sums);
#pragma GCC unroll 16
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t half = 0; half < 2; ++half) totals[i][half] += to_floats(sums[i][half]);
    }
#pragma GCC unroll 16
    for (std::size_t i = 0; i < rows; ++i) {
      then(i, column, totals[i][0]);
      then(i, column + kLanes, totals[i][1]);
    }
  }
}

#else

// One number after the other: what the others are held against.
LOQUOR_INLINE int sum_of_products(const Pair* a, const Pair* panel, std::size_t pairs) {
  std::int32_t sum = 0;
  for (std::size_t k = 0; k < pairs; ++k) {
    const std::int32_t one = a[k], other = panel[k * kPanelColumns];
    sum += static_cast<std::int16_t>(one) * static_cast<std::int16_t>(other) + (one >> 16) * (other >> 16);
  }
  return sum;
}

template <std::size_t rows, class Then>
LOQUOR_INLINE void tile(const Pair* a, std::size_t stride, const Pair* panel, std::size_t pairs,
                        std::size_t segment, const Then& then) {
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t column = 0; column < kPanelColumns; column += kLanes) {
      Floats totals = {};
      for (std::size_t k = 0; k < pairs; k += segment)
        for (std::size_t lane = 0; lane < kLanes; ++lane)
          totals[lane] += static_cast<float>(sum_of_products(
              a + i * stride + k, panel + k * kPanelColumns + column + lane, least(segment, pairs - k)));
      then(i, column, totals);
    }
}

#endif

struct Multiplier {
  // All of `rows` rows, of which any number may be left: a row's sums are the same in each tile.
  template <class Then>
  LOQUOR_INLINE static void tiles(const Pair* a, std::size_t stride, std::size_t rows, const Pair* panel,
                                  std::size_t pairs, std::size_t segment, const Then& then) {
    std::size_t i = 0;
    const auto from = [&](std::size_t first) {
      return [&then, first](std::size_t row, std::size_t column, Floats sums) {
        then(first + row, column, sums);
      };
    };
    for (; i + kTileRows <= rows; i += kTileRows)
      tile<kTileRows>(a + i * stride, stride, panel, pairs, segment, from(i));
    if constexpr (kTileRows > 4)
      for (; i + 4 <= rows; i += 4) tile<4>(a + i * stride, stride, panel, pairs, segment, from(i));
    for (; i < rows; ++i) tile<1>(a + i * stride, stride, panel, pairs, segment, from(i));
  }
};

}  // namespace loquor::LOQUOR_UNIT

#endif
