#include "kernels/int16_product.hpp"

#include "kernels/cpu.hpp"
#include "kernels/int16_product_body.hpp"

namespace loquor {
namespace {

struct Bodies {
  decltype(&plain::round_int16_row_body) row;
  decltype(&plain::round_int16_panel_body) panel;
  decltype(&plain::int16_products_body) products;
};

const Bodies& best() {
  static const Bodies chosen = [] {
#if LOQUOR_HAS_AMX
    if (matrix_unit() == MatrixUnit::kAmx)
      return Bodies{amx::round_int16_row_body, amx::round_int16_panel_body, amx::int16_products_body};
#endif
#if LOQUOR_HAS_AVX512
    if (vector_unit() == VectorUnit::kAvx512)
      return Bodies{avx512::round_int16_row_body, avx512::round_int16_panel_body,
                    avx512::int16_products_body};
#endif
#if LOQUOR_HAS_AVX2
    if (vector_unit() == VectorUnit::kAvx2)
      return Bodies{avx2::round_int16_row_body, avx2::round_int16_panel_body, avx2::int16_products_body};
#endif
    return Bodies{plain::round_int16_row_body, plain::round_int16_panel_body, plain::int16_products_body};
  }();
  return chosen;
}

}  // namespace

void round_int16_row(const float* x, std::size_t depth, Pair* row, float* step) {
  best().row(x, depth, row, step);
}

void round_int16_panel(const float* w, std::size_t depth, std::size_t columns, std::size_t panel,
                       Pair* panels, float* steps) {
  best().panel(w, depth, columns, panel, panels, steps);
}

void int16_products(const Int16Product& product, std::size_t first, std::size_t last, float* y) {
  best().products(product, first, last, y);
}

}  // namespace loquor
