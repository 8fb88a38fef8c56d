// Random inputs of a prepared decoder: what to fill them with, and how much of it.
//
// Such an input is called loquor_normal_<n> (mean 0, deviation 1) or loquor_uniform_<n> (in [0, 1)); its
// dimensions are numbers or sums such as "960*tokens-480*frames" or "1*tokens-1*frames/2" of the decoder's
// lengths. At most one of them grows with the tokens: time. A value is a function of the seed, the input, the
// channel and the absolute position in time, whatever is decoded around it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/contract.hpp"

namespace loquor {

// The seed of a decode's noise, and the decode's place in the utterance: positions count from the utterance's
// first token, so that the prompt lies before zero.
struct NoiseOrigin {
  uint64_t seed = 0;
  int64_t first_token = 0;  // of those decoded, its place in the utterance
};

// The lengths that one decode has.
struct DecodeLengths {
  int64_t tokens = 0;  // prompt and new
  int64_t frames = 0;  // of mel, the voice's
  int64_t new_tokens = 0;
};

class NoiseInput {
 public:
  static bool is_one(const std::string& name);
  // Throws kModel through `contract` for dimensions that are not understood.
  NoiseInput(const ort::Port& port, const Contract& contract);

  const std::string& name() const { return name_; }
  std::vector<int64_t> dims(const DecodeLengths& lengths) const;
  // Writes the product of dims() values.
  void fill(float* out, const DecodeLengths& lengths, const NoiseOrigin& origin) const;

 private:
  struct Extent {
    int64_t fixed = 0;
    int64_t tokens = 0;
    int64_t frames = 0;
    int64_t half_frames = 0;  // times frames / 2, rounded towards zero
  };
  static Extent parse(const std::string& text, const Contract& contract);

  std::string name_;
  bool normal_ = true;
  uint64_t index_ = 0;
  std::vector<Extent> extents_;
};

}  // namespace loquor
