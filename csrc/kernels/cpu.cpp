#include "kernels/cpu.hpp"

#include "kernels/units.hpp"

#if LOQUOR_HAS_AMX
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

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

MatrixUnit detect_matrix_unit() {
#if LOQUOR_HAS_AMX
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kTiles = 1U << 24U, kBytes = 1U << 25U;
  if (vector_unit() != VectorUnit::kAvx512 || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 ||
      (d & kTiles) == 0 || (d & kBytes) == 0)
    return MatrixUnit::kNone;
  // Linux keeps the tiles' 8 KB of a thread from 5.16 on, for processes that ask: arch_prctl(2). It refuses
  // where a signal stack is too small to hold them.
  constexpr int kRequestState = 0x1023, kTileState = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  if (syscall(SYS_arch_prctl, kRequestState, kTileState) == 0) return MatrixUnit::kAmx;
#endif
  return MatrixUnit::kNone;
}

}  // namespace

VectorUnit vector_unit() {
  static const VectorUnit found = detect();
  return found;
}

MatrixUnit matrix_unit() {
  static const MatrixUnit found = detect_matrix_unit();
  return found;
}

const char* matrix_unit_name() { return matrix_unit() == MatrixUnit::kAmx ? "amx" : "none"; }

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
