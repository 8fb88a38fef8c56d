// What the speech encoder makes of a reference recording: all that later graphs need of a speaker. Batch 1.
#pragma once

#include <cstdint>
#include <vector>

namespace loquor {

struct Voice {
  std::vector<float> audio_features;  // [prefix_length, hidden_size]: the language model's prefix
  int64_t prefix_length = 0;
  int64_t hidden_size = 0;
  std::vector<int64_t> audio_tokens;      // the decoder's prompt
  std::vector<float> speaker_embeddings;  // [speaker_embedding_size]
  std::vector<float> speaker_features;    // [speaker_frames, speaker_feature_size], two frames a token
  int64_t speaker_frames = 0;
  int64_t speaker_feature_size = 0;
};

}  // namespace loquor
