#include "kernels/activations.hpp"

#include <cmath>
#include <cstring>

#include "kernels/activations_body.hpp"
#include "kernels/cpu.hpp"

namespace loquor {
namespace {

struct Bodies {
  bool (*snake)(const float*, float, float, float*, std::size_t);
  void (*mish)(const float*, float*, std::size_t);
};

const Bodies& best() {
  static const Bodies chosen = [] {
#if LOQUOR_HAS_AVX2
    // Vectors wider than AVX2's only wait for memory.
    if (vector_unit() != VectorUnit::kPlain) return Bodies{avx2::snake_body, avx2::mish_body};
#endif
    return Bodies{plain::snake_body, plain::mish_body};
  }();
  return chosen;
}

}  // namespace

void snake(const float* x, float rate, float gain, float* y, std::size_t count) {
  constexpr std::size_t kBlock = 1024;  // what is done again if an angle is too large
  float made[kBlock];
  for (std::size_t start = 0; start < count; start += kBlock) {
    const std::size_t size = count - start < kBlock ? count - start : kBlock;
    const float* const given = x + start;
    if (best().snake(given, rate, gain, made, size)) {
      std::memcpy(y + start, made, size * sizeof(float));
      continue;
    }
    for (std::size_t i = 0; i < size; ++i) {
      const float sine = std::sin(rate * given[i]);
      y[start + i] = given[i] + gain * (sine * sine);
    }
  }
}

void mish(const float* x, float* y, std::size_t count) { best().mish(x, y, count); }

}  // namespace loquor
