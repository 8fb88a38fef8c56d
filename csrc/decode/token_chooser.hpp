// From positions to a token: runs the language model and chooses, wherever the choice is made.
#pragma once

#include <cstdint>

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
  // Runs the `count` positions written to the language model's embeds() and chooses the first token.
  virtual int64_t after_prompt(int64_t count, const ort::RunOptions& run) = 0;
  // Embeds `token`, which is the one chosen last, runs it and chooses the next: number `step`, from 1 on.
  // Both return kNoToken when every logit is -inf and throw kExecution when one is NaN. Nothing of ours is
  // allocated in a step.
  virtual int64_t after_token(int64_t token, uint64_t step, const ort::RunOptions& run) = 0;
  virtual const char* name() const = 0;  // "host" or "device"
};

}  // namespace loquor
