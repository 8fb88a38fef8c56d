// Activations of the decoder that ONNX Runtime computes in several passes, or one lane at a time.
#pragma once

#include <cstddef>

namespace loquor {

// y = x + gain sin^2(rate x): Snake (Ziyin et al., 2020). Within 1e-6 of gain, and of x. y may be x.
void snake(const float* x, float rate, float gain, float* y, std::size_t count);

// y = x tanh(log(1 + e^x)): Mish (Misra, 2019). Within 1e-6 of x. y may be x.
void mish(const float* x, float* y, std::size_t count);

}  // namespace loquor
