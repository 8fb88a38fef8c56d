#include "decode/step_runner.hpp"

#include <algorithm>

namespace loquor {

StepRunner::StepRunner(Model& model)
    : model_(model),
      host_(model.embed_tokens.session().api_ptr()),
      on_device_(model.language_model.rows() == 1 && !model.config.device.host_memory() &&
                 model.embed_tokens.session().on_device() &&
                 model.embed_tokens.type() == model.language_model.signature().embeds_type),
      embeds_(model.language_model.session().memory(model.config.device),
              model.language_model.signature().embeds_type, model.language_model.signature().hidden_size) {}

void StepRunner::reserve(int64_t slots) {
  if (on_device_) embeds_.reserve(slots);
}

StepOutput StepRunner::run(Span<const int64_t> slots, Span<const int64_t> tokens, Span<const Choice> choices,
                           const TokenChooser& chooser, const ort::RunOptions& options) {
  LanguageModel& lm = model_.language_model;
  const LmSignature& signature = lm.signature();
  if (!on_device_) {
    float* to = lm.embeds(static_cast<int64_t>(tokens.size()));
    for (std::size_t row = 0; row < tokens.size(); ++row, to += signature.hidden_size) {
      const auto number = static_cast<int64_t>(choices[row].step);
      model_.embed_tokens.embed_token(tokens[row], number, to, options);
    }
    return lm.step(slots, options);
  }
  const int64_t first = slots[0];
  const auto count = static_cast<int64_t>(slots.size());
  const auto embeds = [&](int64_t from, int64_t rows) {
    return embeds_.memory().view(signature.embeds_type, embeds_.data(from), {rows, 1, signature.hidden_size});
  };
  for (int64_t i = 0; i < count; ++i) {
    const ort::Value* const held = chooser.token_on_device(first + i);
    if (held != nullptr) {
      model_.embed_tokens.embed(*held, embeds(first + i, 1), options);
      continue;
    }
    // The runtime takes inputs as mutable memory but does not write to them.
    auto* const id = const_cast<int64_t*>(&tokens[static_cast<std::size_t>(i)]);
    model_.embed_tokens.embed(host_.view(ort::ElementType::kInt64, id, {1, 1}), embeds(first + i, 1),
                              options);
  }
  return lm.step_from(embeds(first, count), first, count, options);
}

}  // namespace loquor
