// Reference audio to a voice. Runs once a voice, so clarity comes before speed here.
#pragma once

#include "base/span.hpp"
#include "model/voice.hpp"
#include "ort/session.hpp"

namespace loquor {

class SpeechEncoder {
 public:
  // Checks the contract; knows both spellings of the outputs. Throws kModel.
  explicit SpeechEncoder(ort::Session session);

  // samples: mono float32 at the manifest's sample rate. Throws kExecution, also for a voice that is not
  // finite.
  Voice encode(Span<const float> samples, const ort::RunOptions& options) const;

  int64_t hidden_size() const { return hidden_size_; }  // -1 where the graph leaves it free, as below
  int64_t speaker_embedding_size() const { return speaker_embedding_size_; }
  int64_t speaker_feature_size() const { return speaker_feature_size_; }
  const ort::Session& session() const { return session_; }

 private:
  ort::Session session_;
  ort::ElementType audio_type_{};
  std::vector<std::string> outputs_;  // features, tokens, embeddings, speaker features
  int64_t hidden_size_ = 0;
  int64_t speaker_embedding_size_ = 0;
  int64_t speaker_feature_size_ = 0;
};

}  // namespace loquor
