// The sampler as nodes of the language model's own graph, so that a step brings back a token and no logits.
//
// What it computes is what sampler.hpp says; tests compare the two token for token. Where the provider knows
// float64 the sums are taken in it, in the same order, and the tokens are the same. Elsewhere they are taken
// in float32: then a token differs where u falls within rounding (some 1e-6 of the total) of the border
// between two tokens, or where a cumulative probability lies as near to 1 - top_p.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "decode/token_chooser.hpp"
#include "model/generation_options.hpp"
#include "model/model.hpp"

namespace loquor {

// The nodes, in the family's order of stages: give them to the Model that DeviceSampler works on. `float64`:
// see Device.
ort::GraphExtension device_sampler_nodes(std::vector<SamplerStage> order, bool float64);

// Does this language model have them?
bool has_device_sampler(const LanguageModel& lm);

// What the nodes are told at a step, as device_sampler_names.hpp lists it. `penalty_in_order`: is it one of
// the family's stages?
void tell_device_sampler(const GenerationOptions& options, uint64_t step, int64_t vocab,
                         bool penalty_in_order, std::vector<double>& told);

// Each sequence has one, with a history of its own; all use the language model's one binding by turns. The
// model must have the nodes, and keep its logits.
class DeviceSampler final : public TokenChooser {
 public:
  explicit DeviceSampler(Model& model);

  void reset(const GenerationOptions& options) override;
  void expect(uint64_t step) override;
  Span<float> run(int64_t token, int64_t slot, const ort::RunOptions& options) override;
  int64_t choose(Span<float> logits, uint64_t step) override;

 private:
  bool can_copy();

  Model& model_;
  LanguageModel& lm_;
  GenerationOptions options_;
  bool in_order_;
  ort::Memory host_;
  ort::Memory device_;

  bool float64_;
  std::vector<double> doubles_;  // what the nodes are told, in one of two precisions
  std::vector<float> floats_;
  std::vector<float> start_;  // the history before the first token
  std::shared_ptr<void> seen_[2];
  std::vector<ort::Value> seen_values_;  // the history before and after a step, by turns
  ort::Value start_value_;
  ort::Value told_value_;

  int64_t token_ = 0;
  bool token_on_device_;  // stays there for embed_tokens, and 8 bytes are copied
  bool embeds_on_device_;
  std::shared_ptr<void> token_buffer_;
  ort::Value host_token_;
  ort::Value token_value_;
  std::shared_ptr<void> embeds_buffer_;
  ort::Value embeds_value_;
  ort::Binding embed_binding_;
};

}  // namespace loquor
