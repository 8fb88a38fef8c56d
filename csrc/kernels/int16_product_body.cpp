// Tiles of rows and panels: a tile's sums stay in registers, a panel passes by from the second cache.
#include "kernels/int16_product_body.hpp"

#include "kernels/int16_tiles.hpp"

#if LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {
namespace {

constexpr std::size_t kCached = std::size_t{96} << 10;  // pairs of panels that all rows of a part pass by

// x (1 + erf(x / sqrt 2)) / 2: erf by Abramowitz and Stegun, 7.1.26, to 1.5e-7.
LOQUOR_INLINE Floats gelu(Floats x) {
  const Floats size = max(x, Floats{} - x) * broadcast(0.707106781f);
  const Floats t = broadcast(1.0f) / multiply_add(size, broadcast(0.3275911f), broadcast(1.0f));
  Floats tail = multiply_add(t, broadcast(1.061405429f), broadcast(-1.453152027f));
  tail = multiply_add(t, tail, broadcast(1.421413741f));
  tail = multiply_add(t, tail, broadcast(-0.284496736f));
  tail = multiply_add(t, tail, broadcast(0.254829592f));
  // Half of 1 - erf of the size: what a negative x is multiplied by, and 1 less a positive one.
  const Floats rest = broadcast(0.5f) * t * tail * exponential(Floats{} - size * size);
  return max(x, Floats{}) - size * broadcast(1.41421356f) * rest;
}

struct Panel {
  const Int16Product& product;
  std::size_t column, count;  // the first, and those that there are
  float* y;

  LOQUOR_INLINE void store_sums(std::size_t row, std::size_t at, Floats sums) const {
    const std::size_t first = column + at, place = row * product.columns + first;
    const Floats factor = broadcast(product.row_steps[row]) * load(product.steps + first);
    if (at + kLanes <= count) {
      const Floats bias = product.bias == nullptr ? Floats{} : load(product.bias + first);
      Floats made = multiply_add(sums, factor, bias);
      if (product.gelu) made = gelu(made);
      if (product.residual != nullptr) made += load(product.residual + place);
      store(y + place, made);
      return;
    }
    const std::size_t left = at < count ? count - at : 0;
    float given[2][kLanes] = {}, last[kLanes];
    for (std::size_t i = 0; i < left; ++i) {
      if (product.bias != nullptr) given[0][i] = product.bias[first + i];
      if (product.residual != nullptr) given[1][i] = product.residual[place + i];
    }
    Floats made = multiply_add(sums, factor, load(given[0]));
    if (product.gelu) made = gelu(made);
    if (product.residual != nullptr) made += load(given[1]);
    store(last, made);
    for (std::size_t i = 0; i < left; ++i) y[place + i] = last[i];
  }
};

}  // namespace

void round_int16_row_body(const float* x, std::size_t depth, Pair* row, float* step) {
  *step = round_row(x, depth, row);
  arrange_row(row, pairs_of(depth));
}

void round_int16_panel_body(const float* w, std::size_t depth, std::size_t columns, std::size_t panel,
                            Pair* panels, float* steps) {
  const std::size_t column = panel * kPanelColumns;
  Pair* const to = panels + column * room_for(depth);
  round_columns(w + column, depth, columns, least(kPanelColumns, columns - column), kSegment, kLongest,
                kLargest, to, steps + column);
  arrange_panel(to, pairs_of(depth));
}

void int16_products_body(const Int16Product& product, std::size_t first, std::size_t last, float* y) {
  const std::size_t pairs = pairs_of(product.depth), room = room_for(product.depth);
  const std::size_t row_room = row_room_for(product.depth);
  const std::size_t panels = panels_of(product.columns);
  const std::size_t wanted = kCached / (room * kPanelColumns), group = wanted > 1 ? wanted : 1;
  constexpr std::size_t kRowsAtOnce = kTileRows;
  const Multiplier multiplier;
  for (std::size_t start = 0; start < panels; start += group)
    for (std::size_t row = first; row < last; row += kRowsAtOnce)
      for (std::size_t p = start; p < least(panels, start + group); ++p) {
        const std::size_t column = p * kPanelColumns;
        const Panel panel{product, column, least(kPanelColumns, product.columns - column), y};
        const auto store = [&](std::size_t i, std::size_t at, Floats sums) {
          panel.store_sums(row + i, at, sums);
        };
        multiplier.tiles(product.rows + row * row_room, row_room, least(kRowsAtOnce, last - row),
                         product.panels + column * room, pairs, kSegment, store);
      }
}

}  // namespace loquor::LOQUOR_UNIT

#endif
