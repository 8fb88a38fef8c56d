// Rows of mel to samples: the second part of a decoder that preparation cut in two (prepare/cut.py).
#pragma once

#include <vector>

#include "base/span.hpp"
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

  // What the flow gave, row by row: [rows, bins].
  std::vector<float> rows_of(const ort::Value& mel) const;
  // The samples of the last `tokens` tokens of such rows; `origin` and `track` count from the first of them.
  // Throws kExecution, kModel for too few rows.
  std::vector<float> decode(Span<const float> mel, int64_t tokens, const ort::RunOptions& options,
                            const NoiseOrigin& origin, PhaseTrack* track) const;

  int64_t rows_per_token() const { return rows_; }
  int64_t bins() const { return bins_; }

  const ort::Session& session() const { return graph_.session(); }

 private:
  DecoderGraph graph_;
  bool rows_last_ = false;  // mel is [1, bins, rows], not [1, rows, bins]
  int64_t rows_ = 0;        // for each token
  int64_t bins_ = 0;
};

}  // namespace loquor
