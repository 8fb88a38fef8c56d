#include "model/voice.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "base/half.hpp"

namespace loquor {
namespace {

// The published encoders give 376 positions (15 s at 25 tokens a second) and 250 tokens (10 s) at most.
constexpr int64_t kMostPositions = 1024;
constexpr int64_t kMostWidth = 16384;
constexpr int64_t kFramesPerToken = 2;

[[noreturn]] void refuse(const std::string& problem) {
  throw Error(ErrorKind::kInvalidInput, "a voice's " + problem + ": make it again from its recording");
}

void require_size(const char* what, int64_t size, int64_t most) {
  if (size >= 1 && size <= most) return;
  refuse(std::string(what) + " must be 1 to " + std::to_string(most) + ", not " + std::to_string(size));
}

void require_values(const char* what, const std::vector<float>& values, int64_t count) {
  if (static_cast<int64_t>(values.size()) != count) {
    refuse(std::string(what) + " holds " + std::to_string(values.size()) + " values, its shape says " +
           std::to_string(count));
  }
  // Every encoder is published in float16 too, which a larger value would not survive; so NaN fails as well.
  if (!std::all_of(values.begin(), values.end(),
                   [](float value) { return std::abs(value) <= kLargestHalf; })) {
    refuse(std::string(what) + " holds values that are not finite or larger than 65504");
  }
}

}  // namespace

void check_shape(const VoiceShape& shape) {
  require_size("number of audio_features (prefix positions)", shape.prefix_length, kMostPositions);
  require_size("width of audio_features", shape.hidden_size, kMostWidth);
  require_size("number of audio_tokens", shape.audio_tokens, kMostVoiceTokens);
  require_size("number of speaker_embeddings", shape.speaker_embedding_size, kMostWidth);
  require_size("width of speaker_features", shape.speaker_feature_size, kMostWidth);
  const int64_t frames = kFramesPerToken * shape.audio_tokens;
  if (shape.speaker_frames != frames) {
    refuse("speaker_features must be two frames for each of its " + std::to_string(shape.audio_tokens) +
           " audio_tokens, " + std::to_string(frames) + ", not " + std::to_string(shape.speaker_frames));
  }
}

void check_voice(const Voice& voice) {
  check_shape({voice.prefix_length, voice.hidden_size, static_cast<int64_t>(voice.audio_tokens.size()),
               static_cast<int64_t>(voice.speaker_embeddings.size()), voice.speaker_frames,
               voice.speaker_feature_size});
  require_values("audio_features", voice.audio_features, voice.prefix_length * voice.hidden_size);
  require_values("speaker_embeddings", voice.speaker_embeddings,
                 static_cast<int64_t>(voice.speaker_embeddings.size()));
  require_values("speaker_features", voice.speaker_features,
                 voice.speaker_frames * voice.speaker_feature_size);
  const auto lowest = std::min_element(voice.audio_tokens.begin(), voice.audio_tokens.end());
  if (*lowest < 0) refuse("audio_tokens must not be negative, not " + std::to_string(*lowest));
}

}  // namespace loquor
