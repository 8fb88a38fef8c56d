// Rows of mel to samples: the second part of a decoder that preparation cut in two (prepare/cut.py).
#pragma once

#include <vector>

#include "model/decoder_graph.hpp"

namespace loquor {

class Vocoder {
 public:
  // Tokens before a chunk whose mel it hears as well: as far as the published vocoder reaches, 16 rows.
  // Preparation cuts a decoder only where these are enough (CONTEXT of prepare/cut.py).
  static constexpr int64_t kContext = 8;
  // What the flow gives.
  static constexpr const char* kMel = "loquor_mel";

  // Checks the contract. Throws kModel.
  Vocoder(ort::Session session, int64_t samples_per_token);

  // The samples of the last `tokens` tokens of the flow's mel; `origin` and `track` count from the first of
  // them. Throws kExecution, kModel for a mel that is too short.
  std::vector<float> decode(const ort::Value& mel, int64_t tokens, const ort::RunOptions& options,
                            const NoiseOrigin& origin, PhaseTrack* track) const;

  const ort::Session& session() const { return graph_.session(); }

 private:
  DecoderGraph graph_;
  std::size_t time_ = 0;  // axis of mel
  int64_t rows_ = 0;      // of mel for each token
};

}  // namespace loquor
