// The three transforms of a short convolution, before and after its products: for polynomials as in Toom and
// Cook's multiplication, evaluated at a few points, of which "infinity" is the leading coefficient.
//
// Two levels. The inner one makes 4 outputs of 4 taps with 7 products, at 0, 1, -1, 2, -2, 1/2 and infinity;
// with 3 taps the last is not needed. The outer one takes each of these for a number, and makes 4 such groups
// of outputs of 2 or 3 groups of taps with 5 or 6 products, at 0, 1, -1, 2, (-2,) infinity.
//
// No sum here has two products, so that it does not matter which the compiler joins with the sum.
#pragma once

#include "kernels/simd.hpp"

#if LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {

#if LOQUOR_HAS_VECTORS
using Quad = float __attribute__((vector_size(4 * sizeof(float))));  // may be Floats
template <class Vector>
LOQUOR_INLINE Vector times(float factor, Vector vector) {
  return factor * vector;
}
#else
using Quad = Floats;
LOQUOR_INLINE Floats times(float factor, Floats vector) { return broadcast(factor) * vector; }
#endif

template <std::size_t points>
struct Inner {
  static_assert(points == 6 || points == 7, "with 3 or 4 taps");
  static constexpr std::size_t kPoints = points, kOutputs = 4, kTaps = 4;
  static constexpr std::size_t kInputs = points;

  template <class Vector>
  LOQUOR_INLINE static void inputs(const Vector* x, Vector* v) {
    const Vector d0 = x[2] - times(4, x[0]), d1 = x[3] - times(4, x[1]), d2 = x[4] - times(4, x[2]),
                 d3 = x[5] - times(4, x[3]);
    const Vector e1 = x[3] - x[1], e2 = x[4] - x[2], e3 = x[5] - x[3];
    const Vector f0 = d2 - d0, f1 = d3 - d1;
    const Vector g0 = d2 - times(0.5f, d1), g1 = d3 - times(0.5f, d2);
    const Vector h0 = e2 - times(0.5f, e1), h1 = e3 - times(0.5f, e2);
    v[0] = f1 - times(0.5f, f0);
    v[1] = g1 + g0;
    v[2] = g1 - g0;
    v[3] = h1 + times(2, h0);
    v[4] = h1 - times(2, h0);
    v[5] = f1;
    if constexpr (points == 7) {
      const Vector d4 = x[6] - times(4, x[4]);
      v[6] = (d4 - d2) - times(0.5f, f1);
    }
  }

  // The polynomial at each point, divided by what the inputs' transform multiplied that point by.
  template <class Vector>
  LOQUOR_INLINE static void weights(const Vector* w, Vector* u) {
    const Vector even = w[0] + w[2], odd = w[1] + w[3];
    const Vector even2 = w[0] + times(4, w[2]), odd2 = times(2, w[1] + times(4, w[3]));
    u[0] = times(-1.0f / 2, w[0]);
    u[1] = times(-1.0f / 3, even + odd);
    u[2] = times(1.0f / 9, even - odd);
    u[3] = times(1.0f / 36, even2 + odd2);
    u[4] = times(-1.0f / 60, even2 - odd2);
    u[5] = times(32.0f / 45, w[0] + times(0.5f, w[1] + times(0.5f, w[2] + times(0.5f, w[3]))));
    if constexpr (points == 7) u[6] = w[3];
  }

  template <class Vector>
  LOQUOR_INLINE static void outputs(const Vector* p, Vector* y) {
    const Vector sum = p[1] + p[2], difference = p[1] - p[2], sum2 = p[3] + p[4], difference2 = p[3] - p[4];
    y[0] = (p[0] + sum) + (sum2 + p[5]);
    y[1] = (difference + times(2, difference2)) + times(0.5f, p[5]);
    y[2] = (sum + times(4, sum2)) + times(0.25f, p[5]);
    y[3] = (difference + times(8, difference2)) + times(0.125f, p[5]);
    if constexpr (points == 7) y[3] += p[6];
  }
};

// The outer level, by groups of taps; one group needs none.
template <std::size_t taps>
struct Outer;

template <>
struct Outer<1> {
  static constexpr std::size_t kPoints = 1, kOutputs = 1, kTaps = 1, kInputs = 1;
  template <class Vector>
  LOQUOR_INLINE static void inputs(const Vector* x, Vector* v) {
    v[0] = x[0];
  }
  template <class Vector>
  LOQUOR_INLINE static void weights(const Vector* w, Vector* u) {
    u[0] = w[0];
  }
  template <class Vector>
  LOQUOR_INLINE static void outputs(const Vector* p, Vector* y) {
    y[0] = p[0];
  }
};

template <>
struct Outer<2> {
  static constexpr std::size_t kPoints = 5, kOutputs = 4, kTaps = 2, kInputs = 5;
  template <class Vector>
  LOQUOR_INLINE static void inputs(const Vector* x, Vector* v) {
    const Vector a0 = x[2] - times(2, x[1]), a1 = x[3] - times(2, x[2]);
    const Vector b0 = x[2] - x[0], b1 = x[3] - x[1], b2 = x[4] - x[2];
    v[0] = b1 - times(2, b0);
    v[1] = a1 + a0;
    v[2] = a1 - a0;
    v[3] = b1;
    v[4] = b2 - times(2, b1);
  }
  template <class Vector>
  LOQUOR_INLINE static void weights(const Vector* w, Vector* u) {
    u[0] = times(1.0f / 2, w[0]);
    u[1] = times(-1.0f / 2, w[0] + w[1]);
    u[2] = times(-1.0f / 6, w[0] - w[1]);
    u[3] = times(1.0f / 6, w[0] + times(2, w[1]));
    u[4] = w[1];
  }
  template <class Vector>
  LOQUOR_INLINE static void outputs(const Vector* p, Vector* y) {
    const Vector sum = p[1] + p[2], difference = p[1] - p[2];
    y[0] = (p[0] + sum) + p[3];
    y[1] = difference + times(2, p[3]);
    y[2] = sum + times(4, p[3]);
    y[3] = (difference + times(8, p[3])) + p[4];
  }
};

template <>
struct Outer<3> {
  static constexpr std::size_t kPoints = 6, kOutputs = 4, kTaps = 3, kInputs = 6;
  template <class Vector>
  LOQUOR_INLINE static void inputs(const Vector* x, Vector* v) {
    const Vector a = x[4] - times(4, x[2]), b = x[3] - times(4, x[1]);
    const Vector c = x[4] - x[2], d = times(2, x[3] - x[1]);
    v[0] = (x[4] - times(5, x[2])) + times(4, x[0]);
    v[1] = a + b;
    v[2] = a - b;
    v[3] = c + d;
    v[4] = c - d;
    v[5] = (x[5] - times(5, x[3])) + times(4, x[1]);
  }
  template <class Vector>
  LOQUOR_INLINE static void weights(const Vector* w, Vector* u) {
    const Vector even = w[0] + w[2], even2 = w[0] + times(4, w[2]), odd2 = times(2, w[1]);
    u[0] = times(1.0f / 4, w[0]);
    u[1] = times(-1.0f / 6, even + w[1]);
    u[2] = times(-1.0f / 6, even - w[1]);
    u[3] = times(1.0f / 24, even2 + odd2);
    u[4] = times(1.0f / 24, even2 - odd2);
    u[5] = w[2];
  }
  template <class Vector>
  LOQUOR_INLINE static void outputs(const Vector* p, Vector* y) {
    const Vector sum = p[1] + p[2], difference = p[1] - p[2], sum2 = p[3] + p[4], difference2 = p[3] - p[4];
    y[0] = (p[0] + sum) + sum2;
    y[1] = difference + times(2, difference2);
    y[2] = sum + times(4, sum2);
    y[3] = (difference + times(8, difference2)) + p[5];
  }
};

}  // namespace loquor::LOQUOR_UNIT

#endif
