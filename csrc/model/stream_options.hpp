// How speech is cut into chunks while it is made. What the decoder needs around a chunk comes from the
// bundle's manifest.
#pragma once

#include <cstdint>

namespace loquor {

constexpr int32_t kAllContext = -1;
constexpr int32_t kMaxStreamTokens = 1 << 20;  // of each count of tokens below
constexpr int32_t kMaxFadeSamples = 1 << 16;
constexpr float kMaxGrowth = 100;

struct StreamOptions {
  int32_t first_chunk = 10;    // speech tokens (25 a second); 0: one chunk, at the end
  float growth = 1.5f;         // each chunk is so many times as long as the one before
  int32_t max_chunk = 50;      // speech tokens
  int32_t left_context = 50;   // tokens decoded again before a chunk; kAllContext: from the first one on
  int32_t look_ahead = 6;      // tokens decoded beyond it, those of the fade included
  int32_t fade_samples = 240;  // cross-fade at a join, where windows do not agree exactly
  bool adaptive = false;       // chunks as long as playback allows, instead of `growth`
};

// Throws kInvalidInput naming the option, the value and the range.
void validate(const StreamOptions& options);

}  // namespace loquor
