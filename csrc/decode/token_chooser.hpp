// How the next tokens are chosen from a step's output, wherever the choice is made: on the host, or by nodes
// of the language model's graph. State is kept by slot: the place that a sequence has in the KV cache.
#pragma once

#include <cstdint>
#include <exception>
#include <string>

#include "base/error.hpp"
#include "base/span.hpp"
#include "model/generation_options.hpp"
#include "model/language_model.hpp"

namespace loquor {

constexpr int64_t kNoToken = -1;

// One sequence's choice in a run: which of its tokens, and what came of it.
struct Choice {
  uint64_t step = 0;           // the token's number in its sequence
  int64_t token = kNoToken;    // kNoToken: every logit is -inf
  std::exception_ptr error;    // kExecution where a logit is NaN; null: none
  bool unconditioned = false;  // of a row of guidance, from which nothing is chosen
};

inline Error nan_logits(uint64_t step) {
  return Error(ErrorKind::kExecution, "the language model returned NaN logits at step " +
                                          std::to_string(step) +
                                          "; try another provider or precision of the bundle");
}

class TokenChooser {
 public:
  TokenChooser() = default;
  TokenChooser(const TokenChooser&) = delete;
  TokenChooser& operator=(const TokenChooser&) = delete;
  virtual ~TokenChooser() = default;

  // Room for so many sequences. Only while none is under way, if it has to grow.
  virtual void reserve(int64_t slots) = 0;
  // A new sequence takes a slot. Throws kInvalidInput as validate() does.
  virtual void begin(int64_t slot, const GenerationOptions& options) = 0;
  // The sequence in `from` goes on in `to`.
  virtual void move(int64_t from, int64_t to) = 0;

  // Before the language model runs for the slots from `first` on: for which token of each, by Choice::step.
  virtual void expect(int64_t first, Span<const Choice> choices) = 0;
  // After that run, whose output holds a row of logits for each choice, or none where they stay on
  // the device: fills in tokens and errors. Allocates nothing of ours.
  virtual void choose(int64_t first, const StepOutput& output, Span<Choice> choices) = 0;
  // The token chosen last for a slot, [1, 1] in the device's memory; null where it is on the host alone.
  virtual const ort::Value* token_on_device(int64_t slot) const = 0;
};

}  // namespace loquor
