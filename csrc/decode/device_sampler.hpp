// The sampler as nodes of the language model's own graph, so that a step brings back tokens and no logits.
//
// What it computes is what sampler.hpp says; tests compare the two token for token. Where the provider knows
// float64 the sums are taken in it, in the same order, and the tokens are the same. Elsewhere they are taken
// in float32: then a token differs where u falls within rounding (some 1e-6 of the total) of the border
// between two tokens, or where a cumulative probability lies as near to 1 - top_p.
#pragma once

#include <cstdint>
#include <vector>

#include "decode/slot_buffer.hpp"
#include "decode/token_chooser.hpp"
#include "model/generation_options.hpp"
#include "model/model.hpp"

namespace loquor {

// The nodes, in the family's order of stages: give them to the Model that DeviceSampler works on. `float64`:
// see Device.
ort::GraphExtension device_sampler_nodes(std::vector<SamplerStage> order, bool float64);

// Does this language model have them?
bool has_device_sampler(const LanguageModel& lm);

// Writes a row of the nodes' parameters, as device_sampler_names.hpp lists them, for token number `step`.
// `penalty_in_order`: is it one of the family's stages?
void fill_device_sampler_params(const GenerationOptions& options, uint64_t step, int64_t vocab,
                                bool penalty_in_order, Span<double> params);

// The model must have the nodes, and keep its logits.
class DeviceSampler final : public TokenChooser {
 public:
  explicit DeviceSampler(Model& model);

  void reserve(int64_t slots) override;
  void begin(int64_t slot, const GenerationOptions& options) override;
  void move(int64_t from, int64_t to) override;
  void expect(int64_t first, Span<const Choice> choices) override;
  void choose(int64_t first, const StepOutput& output, Span<Choice> choices) override;
  const ort::Value* token_on_device(int64_t slot) const override;

 private:
  void fill_params(int64_t first, Span<const Choice> choices);

  LanguageModel& lm_;
  const bool in_order_;
  const bool float64_;
  const ort::Memory host_;
  const bool tokens_on_device_;  // they stay there for embed_tokens, and 8 bytes of each are copied

  std::vector<GenerationOptions> options_;  // by slot
  std::vector<double> doubles_;             // [slots, kParamCount], in one of two precisions
  std::vector<float> floats_;
  std::vector<float> start_;     // the history before the first token
  SlotBuffer histories_;         // after the last token; a step changes them in place
  std::vector<int64_t> tokens_;  // of the run under way, by slot
  SlotBuffer device_tokens_;     // the same where they stay on the device
  std::vector<ort::Value> device_token_views_;
};

}  // namespace loquor
