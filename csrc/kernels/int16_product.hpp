// Products with weights in float32, both sides rounded to 16 bits for as long as they are multiplied
// (docs/adr/0130-int16-products.md):
//   y[i, n] = act(step(i) step(n) sum over k of rounded(x)[i, k] rounded(w)[k, n] + bias[n]) + residual[i, n]
// A row of x and a column of w have one step each. Sums are exact (kernels/int16.hpp): a row's results are
// the same bits beside any other rows, and with AVX2, AVX-512 and AMX.
#pragma once

#include <cstddef>

#include "kernels/int16.hpp"

namespace loquor {

// What rounded rows and weights lie in.
struct Int16Product {
  std::size_t depth = 0, columns = 0;
  const Pair* rows = nullptr;        // [rows, row_room_for(depth)]
  const float* row_steps = nullptr;  // [rows]
  const Pair* panels = nullptr;      // [panels_of(columns), room_for(depth), kPanelColumns]
  const float* steps = nullptr;      // [panels_of(columns) * kPanelColumns]
  const float* bias = nullptr;       // [columns], or null
  const float* residual = nullptr;   // like y, or null
  bool gelu = false;                 // act: x (1 + erf(x / sqrt 2)) / 2, or nothing
};

void round_int16_row(const float* x, std::size_t depth, Pair* row, float* step);

// Columns from 32 `panel` on of w [depth, columns].
void round_int16_panel(const float* w, std::size_t depth, std::size_t columns, std::size_t panel,
                       Pair* panels, float* steps);

// Rows `first` to `last` - 1 of y [rows, columns].
void int16_products(const Int16Product& product, std::size_t first, std::size_t last, float* y);

}  // namespace loquor
