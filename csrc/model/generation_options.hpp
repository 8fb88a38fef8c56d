// How to choose the next speech token. Defaults and order come from the bundle's manifest.
#pragma once

#include <cstdint>
#include <vector>

#include "model/guards.hpp"

namespace loquor {

// One logits processor; a family applies its own list in its own order (manifest data).
enum class SamplerStage { kTemperature, kTopK, kTopP, kMinP, kRepetitionPenalty };

// A speech token's logits spread over some tens: ten times flatter is noise, and more is a mistaken unit.
constexpr float kMaxTemperature = 10.0f;

struct GenerationOptions {
  float temperature = 0.8f;         // > 0 samples; 0 is greedy
  int32_t top_k = 1000;             // 0 turns it off; ties with the k-th are kept
  float top_p = 0.95f;              // 1 turns it off
  float min_p = 0.0f;               // 0 turns it off
  float repetition_penalty = 1.2f;  // 1 turns it off
  uint64_t seed = 0;
  int32_t max_new_tokens = 1000;
  uint32_t guards = kAllGuards;  // bits of those that look after speech; tokens alone have none
};

// Throws kInvalidInput naming the option, the value and the range.
void validate(const GenerationOptions& options);

}  // namespace loquor
