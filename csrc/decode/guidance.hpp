// Classifier-free guidance: of a sequence's two rows, one with its text and one without, the logits to choose
// from.
#pragma once

#include "base/span.hpp"
#include "model/language_model.hpp"

namespace loquor {

// conditioned + weight * (conditioned - unconditioned) in float32, as upstream computes it before any other
// stage, written over the first row of each pair and brought together: a row for each of `weights`. Weight 0,
// and logits that are equal (infinite ones included), give the conditioned row's.
StepOutput combine_rows(const StepOutput& output, Span<const float> weights);

}  // namespace loquor
