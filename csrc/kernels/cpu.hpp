// Which vector instructions the processor has, of those that kernels are compiled for.
#pragma once

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#define LOQUOR_X86_UNITS 1  // CMakeLists.txt compiles *_body.cpp for each
#else
#define LOQUOR_X86_UNITS 0
#endif

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
