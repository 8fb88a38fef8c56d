#include "decode/guidance.hpp"

namespace loquor {

void guide(Span<float> conditioned, Span<const float> unconditioned, float weight) {
  for (std::size_t token = 0; token < conditioned.size(); ++token) {
    const float with = conditioned[token];
    const float without = unconditioned[token];
    if (with != without) conditioned[token] = with + weight * (with - without);
  }
}

}  // namespace loquor
