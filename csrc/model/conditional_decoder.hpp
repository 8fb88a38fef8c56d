// Speech tokens and a voice to a waveform.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "base/span.hpp"
#include "model/decoder_graph.hpp"
#include "model/vocoder.hpp"
#include "model/voice.hpp"

namespace loquor {

class ConditionalDecoder {
 public:
  // `session` is the whole graph, or the flow alone where preparation cut it in two. Checks the contracts.
  // Throws kModel.
  ConditionalDecoder(ort::Session session, std::optional<ort::Session> vocoder, int64_t samples_per_token);

  // The waveform of `tokens`, mono float32; the voice's prompt tokens go before them and are not part of it.
  // A prepared graph draws nothing itself: the same noise gives the same samples. Throws kExecution, also for
  // samples that are not finite, kModel for a length that does not fit. `track` is followed where the graph
  // was prepared for it. A decoder in two parts then leaves out what lies before the anchor, beyond the
  // context that its vocoder needs: the samples are the last ones of the whole's.
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
  const ort::Session& session() const { return graph_.session(); }
  const Vocoder* vocoder() const { return vocoder_ ? &*vocoder_ : nullptr; }

 private:
  std::vector<float> checked(std::vector<float> samples, int64_t tokens) const;

  DecoderGraph graph_;              // the whole, or the flow
  std::optional<Vocoder> vocoder_;  // where it was cut
  ort::ElementType embedding_type_{};
  ort::ElementType feature_type_{};
  int64_t samples_per_token_;
  int64_t prompt_limit_ = std::numeric_limits<int64_t>::max();
  int64_t speaker_embedding_size_ = 0;
  int64_t speaker_feature_size_ = 0;
};

}  // namespace loquor
