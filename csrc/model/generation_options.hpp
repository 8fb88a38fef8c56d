// How to choose the next speech token. Defaults and order come from the bundle's manifest.
#pragma once

#include <cstdint>

#include "model/guards.hpp"

namespace loquor {

// One logits processor; a family applies its own list in its own order (manifest data).
enum class SamplerStage { kTemperature, kTopK, kTopP, kMinP, kRepetitionPenalty };

struct GenerationOptions {
#define OPTION(type, name, initial, origin, range, words, sentence) type name = initial;
#include "model/generation_options.def"
};

// Throws kInvalidInput naming the option, the range and the value.
void validate(const GenerationOptions& options);

}  // namespace loquor
