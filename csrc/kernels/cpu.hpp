// Which of the units that this build has kernels for (kernels/units.hpp) the processor can run.
#pragma once

namespace loquor {

enum class VectorUnit {
  kPlain,   // what every processor of the architecture has
  kNeon,    // the same, where that is NEON
  kAvx2,    // with FMA and F16C
  kAvx512,  // F, BW, DQ, VL and VNNI, besides all of AVX2
};

VectorUnit vector_unit();
const char* vector_unit_name();  // "plain", "neon", "avx2" or "avx512"

}  // namespace loquor
