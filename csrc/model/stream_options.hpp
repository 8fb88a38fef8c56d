// How speech is cut into chunks while it is made. What the decoder needs around a chunk comes from the
// bundle's manifest.
#pragma once

#include <cstdint>

namespace loquor {

constexpr int32_t kAllContext = -1;  // of left_context: from the first token on

struct StreamOptions {
#define OPTION(type, name, initial, origin, range, words, sentence) type name = initial;
#include "model/stream_options.def"
};

// Throws kInvalidInput naming the option, the range and the value.
void validate(const StreamOptions& options);

}  // namespace loquor
