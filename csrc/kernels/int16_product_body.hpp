// What int16_product_body.cpp is, by unit.
#pragma once

#include "kernels/int16_product.hpp"
#include "kernels/units.hpp"

#define LOQUOR_INT16_PRODUCT(unit)                                                                       \
  namespace loquor::unit {                                                                               \
  void round_int16_row_body(const float* x, std::size_t depth, Pair* row, float* step);                  \
  void round_int16_panel_body(const float* w, std::size_t depth, std::size_t columns, std::size_t panel, \
                              Pair* panels, float* steps);                                               \
  void int16_products_body(const Int16Product& product, std::size_t first, std::size_t last, float* y);  \
  }
LOQUOR_INT16_PRODUCT(plain)
#if LOQUOR_HAS_AVX2
LOQUOR_INT16_PRODUCT(avx2)
#endif
#if LOQUOR_HAS_AVX512
LOQUOR_INT16_PRODUCT(avx512)
#endif
#if LOQUOR_HAS_AMX
LOQUOR_INT16_PRODUCT(amx)
#endif
#undef LOQUOR_INT16_PRODUCT
