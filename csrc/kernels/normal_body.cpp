// A loop that the compiler turns into vector code; the polynomials are minimax ones for single precision.
#include "kernels/normal_body.hpp"

#include "kernels/simd.hpp"

#if LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {
namespace {

LOQUOR_INLINE float float_of(std::uint32_t bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// The logarithm of a positive normal number.
LOQUOR_INLINE float logarithm(float x) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  // x = 2^power (1 + rest), the latter from sqrt(1/2) to sqrt(2)
  const std::uint32_t offset = bits - 0x3f3504f3u;
  const float power = static_cast<float>(static_cast<std::int32_t>(offset) >> 23);
  const float rest = float_of((offset & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  const float square = rest * rest;
  float tail = 7.0376836292e-2f * rest - 1.1514610310e-1f;
  tail = tail * rest + 1.1676998740e-1f;
  tail = tail * rest - 1.2420140846e-1f;
  tail = tail * rest + 1.4249322787e-1f;
  tail = tail * rest - 1.6668057665e-1f;
  tail = tail * rest + 2.0000714765e-1f;
  tail = tail * rest - 2.4999993993e-1f;
  tail = tail * rest + 3.3333331174e-1f;
  return rest + (rest * square * tail - 0.5f * square) + power * 0.693147181f;
}

}  // namespace

void box_muller_body(const std::uint32_t* a, const std::uint32_t* b, float* one, float* other,
                     std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto whole = static_cast<std::int32_t>(a[i] >> 8), turn = static_cast<std::int32_t>(b[i] >> 8);
    const float uniform = (static_cast<float>(whole) + 0.5f) * 0x1p-24f;  // never 0
    const float radius = __builtin_sqrtf(-2.0f * logarithm(uniform));
    // The nearest quarter turn, and what is left of the angle.
    const std::int32_t quarter = (turn + (1 << 21)) >> 22;
    const float rest = static_cast<float>(turn - (quarter << 22)) * (6.28318531f * 0x1p-24f);
    const float square = rest * rest;
    const float sine =
        rest + rest * square * (-1.6666654611e-1f + square * (8.3321608736e-3f - square * 1.9515295891e-4f));
    const float cosine =
        1.0f - 0.5f * square +
        square * square *
            (4.166664568298827e-2f + square * (-1.388731625493765e-3f + square * 2.443315711809948e-5f));
    const bool swapped = (quarter & 1) != 0;
    const float x = swapped ? sine : cosine, y = swapped ? cosine : sine;
    one[i] = ((quarter + 1) & 2) != 0 ? -radius * x : radius * x;
    other[i] = (quarter & 2) != 0 ? -radius * y : radius * y;
  }
}

}  // namespace loquor::LOQUOR_UNIT

#endif
