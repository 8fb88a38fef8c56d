// Classifier-free guidance: of a sequence's two rows, one with its text and one without, the logits to choose
// from.
#pragma once

#include "base/span.hpp"

namespace loquor {

// conditioned + weight * (conditioned - unconditioned) in float32, as upstream computes it before any other
// stage, written over the conditioned ones. Logits that are equal (infinite ones included) stay.
void guide(Span<float> conditioned, Span<const float> unconditioned, float weight);

}  // namespace loquor
