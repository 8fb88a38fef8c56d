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
  // One step of the slots from `first` on, whose last tokens are `tokens`: taken from the device instead
  // where `chooser` left them there. All rows of a sequence go on from its token. Throws kExecution.
  StepOutput run(int64_t first, Span<const int64_t> tokens, const TokenChooser& chooser,
                 const ort::RunOptions& options);

 private:
  Model& model_;
  const ort::Memory host_;
  const bool on_device_;  // embeddings stay there between the table and the language model
  SlotBuffer embeds_;     // if so
};

}  // namespace loquor
