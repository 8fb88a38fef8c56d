// Loops that the compiler multiple into vector code.
#include "kernels/activations_body.hpp"

#include "kernels/simd.hpp"

#if LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {
namespace {

// Adding it rounds to a whole number, which is then in the lowest bits.
constexpr float kRound = 12582912.0f;  // 1.5 * 2^23

LOQUOR_INLINE float magnitude(float x) { return x < 0 ? -x : x; }

}  // namespace

bool snake_body(const float* x, float rate, float gain, float* y, std::size_t count) {
  // Pi in three parts, so that multiples up to the limit are exact.
  constexpr float kPi1 = 3.140625f, kPi2 = 9.67502593994140625e-4f, kPi3 = 1.50995799e-7f;
  constexpr float kLimit = 8192.0f;
  int beyond = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const float angle = rate * x[i];
    beyond |= static_cast<int>(!(magnitude(angle) <= kLimit));
    const float multiple = (angle * 0.318309886f + kRound) - kRound;
    const float rest =
        ((angle - multiple * kPi1) - multiple * kPi2) - multiple * kPi3;  // its sine has the same square
    const float square = rest * rest;
    const float tail =
        square *
        (-0.166666567f + square * (0.00833301712f + square * (-1.98066147e-4f + square * 2.60005345e-6f)));
    const float sine = rest + rest * tail;
    y[i] = x[i] + gain * (sine * sine);
  }
  return beyond == 0;
}

void mish_body(const float* x, float* y, std::size_t count) {
  constexpr float kLowest = -87.0f, kHighest = 20.0f;  // beyond: 0, and x itself
  for (std::size_t i = 0; i < count; ++i) {
    const float low = x[i] < kLowest ? kLowest : x[i];
    const float value = low > kHighest ? kHighest : low;
    const float shifted = value * 1.44269504f + kRound;
    const float exponent = shifted - kRound;
    const float rest = (value - exponent * 0.693359375f) + exponent * 2.12194440e-4f;
    const float tail =
        0.5f + rest * (0.166666657f +
                       rest * (0.0416657962f +
                               rest * (0.00833345205f + rest * (0.00139819994f + rest * 1.98756912e-4f))));
    std::int32_t bits = 0;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits = static_cast<std::int32_t>(static_cast<std::uint32_t>(bits) << 23U) + 0x3f800000;
    float power = 0;
    std::memcpy(&power, &bits, sizeof power);
    const float grown = power * (1.0f + rest + rest * rest * tail);
    const float both = grown * (grown + 2.0f);
    y[i] = (x[i] < kLowest ? kLowest : x[i]) * (both / (both + 2.0f));
  }
}

}  // namespace loquor::LOQUOR_UNIT

#endif
