// How one sequence chooses its tokens, wherever the choice is made.
#pragma once

#include <cstdint>

#include "base/span.hpp"
#include "model/generation_options.hpp"
#include "ort/session.hpp"

namespace loquor {

constexpr int64_t kNoToken = -1;

class TokenChooser {
 public:
  TokenChooser() = default;
  TokenChooser(const TokenChooser&) = delete;
  TokenChooser& operator=(const TokenChooser&) = delete;
  virtual ~TokenChooser() = default;

  // Starts a new sequence. Throws kInvalidInput as validate() does.
  virtual void reset(const GenerationOptions& options) = 0;
  // Before the language model runs for this sequence: what it runs next is for token number `step`.
  virtual void expect(uint64_t step) = 0;
  // Embeds `token`, which is the one chosen last, and runs it in a slot of the language model. Returns what
  // that does.
  virtual Span<float> run(int64_t token, int64_t slot, const ort::RunOptions& options) = 0;
  // Chooses token number `step` after the run it belongs to, which returned `logits`. kNoToken when every
  // logit is -inf; throws kExecution when one is NaN. Nothing of ours is allocated in a step.
  virtual int64_t choose(Span<float> logits, uint64_t step) = 0;
};

}  // namespace loquor
