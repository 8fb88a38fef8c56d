#include "kernels/cpu.hpp"

#include "kernels/units.hpp"

namespace loquor {
namespace {

VectorUnit detect() {
#if LOQUOR_HAS_AVX2
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return VectorUnit::kPlain;
  // F16C has no name here; each processor with AVX2 has it.
  const bool wide = LOQUOR_HAS_AVX512 && __builtin_cpu_supports("avx512f") &&
                    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
  return wide ? VectorUnit::kAvx512 : VectorUnit::kAvx2;
#elif LOQUOR_HAS_NEON
  return VectorUnit::kNeon;
#else
  return VectorUnit::kPlain;
#endif
}

}  // namespace

VectorUnit vector_unit() {
  static const VectorUnit found = detect();
  return found;
}

const char* vector_unit_name() {
  switch (vector_unit()) {
    case VectorUnit::kAvx512:
      return "avx512";
    case VectorUnit::kAvx2:
      return "avx2";
    case VectorUnit::kNeon:
      return "neon";
    case VectorUnit::kPlain:
      break;
  }
  return "plain";
}

}  // namespace loquor
