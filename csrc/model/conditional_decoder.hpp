// Speech tokens and a voice to a waveform.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "base/span.hpp"
#include "model/noise.hpp"
#include "model/voice.hpp"
#include "ort/session.hpp"

namespace loquor {

// The phase of the sine source, which each window of an utterance hands on to the next, so that they agree.
struct PhaseTrack {
  std::vector<float> cycles;  // of each harmonic at `anchor`; after a decode, at `next`. Empty: zero
  std::vector<int64_t> dims;
  int64_t anchor = 0;  // of the tokens decoded, counted from the first
  int64_t next = 0;
};

class ConditionalDecoder {
 public:
  // Checks the contract. Throws kModel.
  ConditionalDecoder(ort::Session session, int64_t samples_per_token);

  // The waveform of `tokens`, mono float32; the voice's prompt tokens go before them and are not part of it.
  // A prepared graph draws nothing itself: the same noise gives the same samples. Throws kExecution, also for
  // samples that are not finite. `track` is followed where the graph was prepared for it.
  std::vector<float> decode(Span<const int64_t> tokens, const Voice& voice, const ort::RunOptions& options,
                            const NoiseOrigin& origin = {}, PhaseTrack* track = nullptr) const;

  // Prompts with the first `tokens` of a voice at most: every decode computes its prompt again, so that a
  // shorter one is faster, and a little less alike.
  void limit_prompt(int64_t tokens) { prompt_limit_ = tokens; }
  int64_t prompt_tokens(const Voice& voice) const {
    return std::min(prompt_limit_, static_cast<int64_t>(voice.audio_tokens.size()));
  }

  int64_t speaker_embedding_size() const {
    return speaker_embedding_size_;
  }  // -1 where the graph leaves it free
  int64_t speaker_feature_size() const { return speaker_feature_size_; }
  const ort::Session& session() const { return session_; }

 private:
  ort::Session session_;
  ort::ElementType embedding_type_{};
  ort::ElementType feature_type_{};
  std::vector<NoiseInput> noise_;
  bool anchored_ = false;  // takes and gives the phase of its sine source
  int64_t samples_per_token_;
  int64_t prompt_limit_ = std::numeric_limits<int64_t>::max();
  int64_t speaker_embedding_size_ = 0;
  int64_t speaker_feature_size_ = 0;
};

}  // namespace loquor
