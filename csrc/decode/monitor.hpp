// All guards that look after one attempt at an utterance: they say that it runs away and what of it is good.
// Only looks; allocates nothing for a token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/span.hpp"
#include "decode/token_guards.hpp"
#include "model/guards.hpp"
#include "model/manifest.hpp"

namespace loquor {

// The seed of the second attempt: SplitMix64's output for the state ~seed.
uint64_t retry_seed(uint64_t seed);

class Monitor {
 public:
  struct Runaway {
    Guard guard;
    std::size_t keep;  // tokens, or samples where hear() found it: what comes behind is to go
  };

  // `guards`: bits of those that look. `characters`: 0 if the text is not known.
  Monitor(uint32_t guards, const Manifest& manifest, int64_t characters);

  // The next token of the language model.
  std::optional<Runaway> push(int64_t token);
  // The next samples; `keep` counts from the first that was heard. A wave that is nothing but tail has none.
  std::optional<Runaway> hear(Span<const float> samples);
  // Begins a new attempt.
  void reset();

 private:
  uint32_t guards_;
  std::size_t most_tokens_;
  double longest_pause_;  // seconds
  int32_t sample_rate_;
  LoopDetector loop_;
  SilenceRun silence_;
  std::size_t tokens_ = 0;
  std::vector<float> recent_;  // the end of what was heard
  std::size_t forgotten_ = 0;  // samples before it
};

}  // namespace loquor
