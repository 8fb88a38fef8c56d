#include "decode/guidance.hpp"

namespace loquor {

StepOutput combine_rows(const StepOutput& output, Span<const float> weights) {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const float weight = weights[i];
    const Span<float> conditioned = output.row(2 * i);
    const Span<float> unconditioned = output.row(2 * i + 1);
    float* const combined = output.row(i).data();
    for (std::size_t token = 0; token < conditioned.size(); ++token) {
      const float with = conditioned[token];
      const float without = unconditioned[token];
      combined[token] = weight == 0 || with == without ? with : with + weight * (with - without);
    }
  }
  const std::size_t vocab = output.row(0).size();
  return {static_cast<int64_t>(weights.size()), {output.logits.data(), weights.size() * vocab}};
}

}  // namespace loquor
