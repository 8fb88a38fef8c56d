// Runs the language model for one step: embeds the tokens chosen last, wherever they lie, where the language
// model reads its input, and runs it.
#pragma once

#include <cstdint>

#include "base/span.hpp"
#include "decode/slot_buffer.hpp"
#include "decode/token_chooser.hpp"
#include "model/model.hpp"

namespace loquor {

class StepRunner {
 public:
  explicit StepRunner(Model& model);

  void reserve(int64_t slots);
  // One step of these slots for the `choices`, one for each row, which go on from the `tokens`: taken from
  // the device instead where `chooser` left them there. Throws kExecution.
  StepOutput run(Span<const int64_t> slots, Span<const int64_t> tokens, Span<const Choice> choices,
                 const TokenChooser& chooser, const ort::RunOptions& options);

 private:
  Model& model_;
  const ort::Memory host_;
  const bool on_device_;  // embeddings stay there between the table and the language model
  SlotBuffer embeds_;     // if so
};

}  // namespace loquor
