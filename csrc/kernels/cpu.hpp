// Which of the units that this build has kernels for (kernels/units.hpp) the processor can run.
#pragma once

namespace loquor {

enum class VectorUnit {
  kPlain,   // what every processor of the architecture has
  kNeon,    // the same, where that is NEON
  kAvx2,    // with FMA and F16C
  kAvx512,  // F, BW, DQ, VL and VNNI, besides all of AVX2
};

enum class MatrixUnit {
  kNone,
  kAmx,  // tiles of bytes, on a processor with kAvx512, for a process that may use them
};

VectorUnit vector_unit();
MatrixUnit matrix_unit();
const char* vector_unit_name();  // "plain", "neon", "avx2" or "avx512"
const char* matrix_unit_name();  // "none" or "amx"

}  // namespace loquor
