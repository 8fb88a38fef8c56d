// A graph of the conditional decoder, whole or one part of it, with what preparation made inputs of: noise,
// and the phase of the sine source.
#pragma once

#include <string>
#include <vector>

#include "model/noise.hpp"
#include "ort/session.hpp"

namespace loquor {

// The phase of the sine source, which each window of an utterance hands on to the next, so that they agree.
struct PhaseTrack {
  std::vector<float> cycles;  // of each harmonic at `anchor`; after a decode, at `next`. Empty: zero
  std::vector<int64_t> dims;
  int64_t anchor = 0;  // of the tokens decoded, counted from the first
  int64_t next = 0;
};

class DecoderGraph {
 public:
  // Checks that it takes nothing beyond the inputs `fed` and those of preparation. Throws kModel.
  DecoderGraph(ort::Session session, int64_t samples_per_token, const std::vector<std::string>& fed);

  // Runs it with its noise and phase added to `feeds`; what it gives for `output`. `track`, if there is one,
  // is followed where the graph was prepared for it. Throws kExecution.
  ort::Value run(const ort::RunOptions& options, std::vector<ort::Session::Feed> feeds, const char* output,
                 const DecodeLengths& lengths, const NoiseOrigin& origin, PhaseTrack* track) const;

  const ort::Session& session() const { return session_; }

 private:
  ort::Session session_;
  std::vector<NoiseInput> noise_;
  bool anchored_ = false;  // takes and gives the phase of its sine source
  int64_t samples_per_token_;
};

}  // namespace loquor
