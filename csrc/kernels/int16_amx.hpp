// The same sums by AMX: tiles of 16 rows and 16 columns, a segment (64 numbers) deep. Its products are of
// bytes, so a number of 16 bits is its high byte, with the sign, times 256 and its low one, without:
//   x y = 65536 high high + 256 (high low + low high) + low low
// The four sums are exact in 32 bits, whatever the numbers, to a depth of 16,384, and are added in float32:
// once, where other units add each segment's. So a row's bits hang on its own numbers here too, and are not
// those of other units.
#pragma once

#include <immintrin.h>

#include "kernels/int16_lanes.hpp"

#if LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {

constexpr std::size_t kTileRows = 16;
constexpr std::size_t kTileBytes = 1024;  // 16 rows of 64
constexpr std::size_t kRowBytes = kSegment * sizeof(Pair);

using Words = std::uint32_t __attribute__((vector_size(kLanes * sizeof(float))));

LOQUOR_INLINE Words load_words(const Pair* from) {
  Words made;
  std::memcpy(&made, from, sizeof made);
  return made;
}
LOQUOR_INLINE void store_words(Pair* to, Words given) { std::memcpy(to, &given, sizeof given); }

// Each segment of a row becomes its 64 high bytes, then its 64 low ones.
LOQUOR_INLINE void arrange_row(Pair* row, std::size_t pairs) {
  for (; pairs % kSegment != 0; ++pairs) row[pairs] = 0;
  for (Pair* segment = row; segment < row + pairs; segment += kSegment) {
    const __m512i one = _mm512_loadu_si512(segment), other = _mm512_loadu_si512(segment + kSegment / 2);
    const auto store = [segment](std::size_t at, __m512i left, __m512i right) {
      auto* const to = reinterpret_cast<__m256i*>(segment + at);
      _mm256_storeu_si256(to, _mm512_maskz_cvtepi16_epi8(~0U, left));
      _mm256_storeu_si256(to + 1, _mm512_maskz_cvtepi16_epi8(~0U, right));
    };
    store(0, _mm512_srai_epi16(one, 8), _mm512_srai_epi16(other, 8));
    store(kSegment / 2, one, other);
  }
}

// Each segment of a panel becomes four tiles: its left 16 columns' high bytes and low ones, and its right
// ones'. A row of a tile has four numbers of each column.
LOQUOR_INLINE void arrange_panel(Pair* panel, std::size_t pairs) {
  for (; pairs % kSegment != 0; ++pairs)
    for (std::size_t i = 0; i < kPanelColumns; ++i) panel[pairs * kPanelColumns + i] = 0;
  constexpr std::size_t kHalf = kPanelColumns / 2, kTile = kTileBytes / sizeof(Pair);
  for (Pair* segment = panel; segment < panel + pairs * kPanelColumns; segment += kSegment * kPanelColumns) {
    alignas(64) Pair tiles[4 * kTile];
    for (std::size_t k = 0; k < kSegment; k += 2)
      for (std::size_t side = 0; side < 2; ++side) {
        const Pair* const from = segment + k * kPanelColumns + side * kHalf;
        const Words one = load_words(from), other = load_words(from + kPanelColumns);  // low, high, low, high
        Pair* const to = tiles + side * 2 * kTile + k / 2 * kHalf;
        store_words(
            to, (one >> 8 & 0xff) | (one >> 16 & 0xff00) | (other << 8 & 0xff0000) | (other & 0xff000000));
        store_words(to + kTile, (one & 0xff) | (one >> 8 & 0xff00) | (other << 16 & 0xff0000) |
                                    (other << 8 & 0xff000000));
      }
    std::memcpy(segment, tiles, sizeof tiles);
  }
}

// Has the tiles of this thread for as long as it lives.
class Multiplier {
 public:
  Multiplier() { shape(kTileRows); }
  ~Multiplier() { _tile_release(); }
  Multiplier(const Multiplier&) = delete;
  Multiplier& operator=(const Multiplier&) = delete;

  // What follows from the sums of rows and a panel: `then(row, column, Floats sums of kLanes columns)`.
  template <class Then>
  LOQUOR_INLINE void tiles(const Pair* a, std::size_t stride, std::size_t rows, const Pair* panel,
                           std::size_t pairs, std::size_t, const Then& then) const {
    std::size_t row = 0;
    for (; row + kTileRows <= rows; row += kTileRows)
      columns<true>(a + row * stride, stride, row, kTileRows, panel, pairs, then);
    if (row == rows) return;
    shape(rows - row);
    columns<false>(a + row * stride, stride, row, rows - row, panel, pairs, then);
    shape(kTileRows);
  }

 private:
  struct alignas(64) Shape {  // as the processor reads it
    std::uint8_t palette = 1, start = 0, unused[14] = {};
    std::uint16_t row_bytes[16] = {};
    std::uint8_t rows[16] = {};
  };

  // Tiles 0 to 3 are sums, 4 and 5 the rows' bytes, 6 and 7 the columns'.
  static void shape(std::size_t rows) {
    Shape shape;
    for (std::size_t tile = 0; tile < 8; ++tile) {
      shape.row_bytes[tile] = kRowBytes / 2;
      shape.rows[tile] = static_cast<std::uint8_t>(tile < 6 ? rows : kTileRows);
    }
    _tile_loadconfig(&shape);
  }

  template <bool whole, class Then>
  LOQUOR_INLINE static void columns(const Pair* a, std::size_t stride, std::size_t first, std::size_t rows,
                                    const Pair* panel, std::size_t pairs, const Then& then) {
    for (std::size_t column = 0; column < kPanelColumns; column += kLanes) {
      Floats totals[kTileRows] = {};
      Sums sums;
      for (std::size_t k = 0; k < pairs; k += kMostPairs) {
        add_products(a + k, stride, panel + k * kPanelColumns + column / kLanes * 2 * kTile,
                     least(kMostPairs, pairs - k), sums);
        const auto add = [&](std::size_t i) {
          const auto part = [&](std::size_t tile) {
            return reinterpret_cast<Ints>(load_words(sums.parts[tile] + i * kLanes));
          };
          const Floats upper =
              multiply_add(to_floats(part(0)), broadcast(256.0f), to_floats(part(1) + part(2)));
          totals[i] += multiply_add(upper, broadcast(256.0f), to_floats(part(3)));
        };
        if constexpr (whole) {
#pragma GCC unroll 16
          for (std::size_t i = 0; i < kTileRows; ++i) add(i);
        } else {
          for (std::size_t i = 0; i < rows; ++i) add(i);
        }
      }
      if constexpr (whole) {
#pragma GCC unroll 16
        for (std::size_t i = 0; i < kTileRows; ++i) then(first + i, column, totals[i]);
      } else {
        for (std::size_t i = 0; i < rows; ++i) then(first + i, column, totals[i]);
      }
    }
  }

  static constexpr std::size_t kTile = kTileBytes / sizeof(Pair);
  static constexpr std::size_t kMostPairs = 8192;  // 2 * 128 * 255 of each of their numbers is below 2^32

  struct alignas(64) Sums {
    std::int32_t parts[4][kTile];  // high high, high low, low high, low low
  };

  // A sum's next product waits for 52 cycles, a product for 16: four sums keep them busy.
  LOQUOR_INLINE static void add_products(const Pair* a, std::size_t stride, const Pair* tiles,
                                         std::size_t pairs, Sums& sums) {
    asm volatile("" ::: "memory");  // what the tiles read is written by now: GCC 12's loads do not say so
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    const std::size_t bytes = stride * sizeof(Pair);
    for (std::size_t k = 0; k < pairs; k += kSegment, a += kSegment, tiles += kSegment * kPanelColumns) {
      _tile_loadd(4, a, bytes);
      _tile_loadd(6, tiles, kRowBytes / 2);
      _tile_dpbssd(0, 4, 6);
      _tile_loadd(7, tiles + kTile, kRowBytes / 2);
      _tile_dpbsud(1, 4, 7);
      _tile_loadd(5, a + kSegment / 2, bytes);
      _tile_dpbusd(2, 5, 6);
      _tile_dpbuud(3, 5, 7);
    }
    _tile_stored(0, sums.parts[0], kRowBytes / 2);
    _tile_stored(1, sums.parts[1], kRowBytes / 2);
    _tile_stored(2, sums.parts[2], kRowBytes / 2);
    _tile_stored(3, sums.parts[3], kRowBytes / 2);
    asm volatile("" ::: "memory");
  }
};

}  // namespace loquor::LOQUOR_UNIT

#endif
