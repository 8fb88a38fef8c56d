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

// What a window goes on from, where windows are prompted with what was just spoken.
struct Continuation {
  int64_t prompt = 0;  // tokens of the voice's start that come first; 0: none of this, all of the voice
  std::vector<int64_t> tokens;  // those spoken last
  std::vector<float> mel;       // [rows, bins] that they were spoken with
  std::vector<float> made;      // [rows, bins] of the tokens decoded, after a decode
};

class ConditionalDecoder {
 public:
  // `session` is the whole graph, or the flow alone where preparation cut it in two. Checks the contracts.
  // Throws kModel.
  ConditionalDecoder(ort::Session session, std::optional<ort::Session> vocoder, int64_t samples_per_token);

  // The waveform of `tokens`, mono float32; the voice's prompt tokens go before them and are not part of it.
  // A prepared graph draws nothing itself: the same noise gives the same samples. Throws kExecution, also for
  // samples that are not finite, kModel for a length that does not fit. `track` is followed where the graph
  // was prepared for it. A decoder in two parts then leaves out what lies before the anchor, beyond the
  // context that its vocoder needs: the samples are the last ones of the whole's. `from`, where it has a
  // prompt, is what the tokens go on from: the samples begin with some that were heard before.
  std::vector<float> decode(Span<const int64_t> tokens, const Voice& voice, const ort::RunOptions& options,
                            const NoiseOrigin& origin = {}, PhaseTrack* track = nullptr,
                            Continuation* from = nullptr) const;

  // Prompts with the first `tokens` of a voice at most: every decode computes its prompt again, so that a
  // shorter one is faster, and a little less alike.
  void limit_prompt(int64_t tokens) { prompt_limit_ = tokens; }
  // Tokens that go before those decoded.
  int64_t prompt_tokens(const Voice& voice, const Continuation* from = nullptr) const {
    const int64_t whole = std::min(prompt_limit_, static_cast<int64_t>(voice.audio_tokens.size()));
    if (from == nullptr || from->prompt == 0) return whole;
    return std::min(whole, from->prompt) + static_cast<int64_t>(from->tokens.size());
  }
  // Whether windows may be prompted with what was just spoken: what the flow gives is what it is prompted
  // with.
  bool continues() const;
  // Prompts the windows of streams so: with that many tokens of the voice's start and as many of those spoken
  // last, but with no fewer than the vocoder needs. 0: with the voice alone.
  void set_window_prompt(int64_t tokens) {
    window_prompt_ = tokens == 0 ? 0 : std::max(tokens, Vocoder::kContext);
  }
  int64_t window_prompt() const { return window_prompt_; }

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
  int64_t window_prompt_ = 0;
  int64_t prompt_limit_ = std::numeric_limits<int64_t>::max();
  int64_t speaker_embedding_size_ = 0;
  int64_t speaker_feature_size_ = 0;
};

}  // namespace loquor
