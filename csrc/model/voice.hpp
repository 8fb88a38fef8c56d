// What the speech encoder makes of a reference recording: all that later graphs need of a speaker. Batch 1.
#pragma once

#include <cstdint>
#include <vector>

namespace loquor {

// A voice has at most so many tokens, half a minute: the decoder hears them again for every chunk.
constexpr int64_t kMostVoiceTokens = 750;

// The sizes of a voice's arrays.
struct VoiceShape {
  int64_t prefix_length = 0;
  int64_t hidden_size = 0;
  int64_t audio_tokens = 0;
  int64_t speaker_embedding_size = 0;
  int64_t speaker_frames = 0;
  int64_t speaker_feature_size = 0;
};

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

// Throws kInvalidInput for sizes that no speech encoder gives: empty, not two frames a token, or so large
// that every request of the engine would wait for this one.
void check_shape(const VoiceShape& shape);
// The same of a whole voice, and for arrays that hold other than their shape says, values that are not finite
// or that no float16 could be, and negative tokens.
void check_voice(const Voice& voice);

}  // namespace loquor
