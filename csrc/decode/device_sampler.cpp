#include "decode/device_sampler.hpp"

#include <algorithm>

#include "base/rng.hpp"
#include "decode/device_sampler_names.hpp"

namespace loquor {
namespace {

namespace names = device_sampler;

bool orders_penalty(const std::vector<SamplerStage>& order) {
  return std::find(order.begin(), order.end(), SamplerStage::kRepetitionPenalty) != order.end();
}

}  // namespace

bool has_device_sampler(const LanguageModel& lm) {
  const auto& outputs = lm.session().outputs();
  return std::any_of(outputs.begin(), outputs.end(),
                     [](const ort::Port& port) { return port.name == names::kToken; });
}

void fill_device_sampler_params(const GenerationOptions& options, uint64_t step, int64_t vocab,
                                bool penalty_in_order, Span<double> params) {
  const bool greedy = options.temperature == 0;
  const bool narrow = options.top_k > 0 && options.top_k < vocab;
  const bool penalize = greedy || penalty_in_order;
  params[names::kTemperature] = greedy ? 1 : static_cast<double>(options.temperature);
  params[names::kKthPlace] = greedy || !narrow ? 0 : static_cast<double>(vocab - options.top_k);
  params[names::kDropped] = greedy || options.top_p == 1 ? -1 : 1.0 - static_cast<double>(options.top_p);
  params[names::kMinP] = greedy ? 0 : static_cast<double>(options.min_p);
  params[names::kPenalty] = penalize ? static_cast<double>(options.repetition_penalty) : 1;
  params[names::kUniform] = greedy ? 0 : static_cast<double>(CounterRng(options.seed).uniform(step));
  params[names::kSampling] = greedy ? 0 : 1;
  params[names::kKeep] = greedy || step > 0 ? 1 : 0;
}

DeviceSampler::DeviceSampler(Model& model)
    : lm_(model.language_model),
      in_order_(orders_penalty(model.manifest.family->logits_stages)),
      float64_(model.config.device.float64),
      host_(lm_.session().api_ptr()),
      tokens_on_device_(!lm_.session().output_on_host(names::kToken) &&
                        !model.embed_tokens.session().input_on_host("input_ids") &&
                        ort::can_copy(lm_.session().memory(model.config.device))),
      start_(static_cast<std::size_t>(lm_.signature().vocab_size), 0.0f),
      histories_(lm_.session().memory(model.config.device), ort::ElementType::kFloat32,
                 lm_.signature().vocab_size),
      device_tokens_(lm_.session().memory(model.config.device), ort::ElementType::kInt64, 1) {
  start_[static_cast<std::size_t>(model.manifest.start_token)] = 1;
}

void DeviceSampler::reserve(int64_t slots) {
  const auto count = static_cast<std::size_t>(slots);
  if (count <= options_.size()) return;
  histories_.reserve(slots);
  doubles_.resize(count * names::kParamCount);
  floats_.resize(count * names::kParamCount);
  tokens_.resize(count);
  device_token_views_.clear();
  if (tokens_on_device_) {
    device_tokens_.reserve(slots);
    for (int64_t slot = 0; slot < slots; ++slot) device_token_views_.push_back(device_tokens_.view(slot, 1));
  }
  options_.resize(count);
}

void DeviceSampler::begin(int64_t slot, const GenerationOptions& options) {
  validate(options);
  options_.at(static_cast<std::size_t>(slot)) = options;
}

void DeviceSampler::move(int64_t from, int64_t to) {
  options_.at(static_cast<std::size_t>(to)) = options_.at(static_cast<std::size_t>(from));
  histories_.copy_row(from, to);
  if (tokens_on_device_) device_tokens_.copy_row(from, to);
}

const ort::Value* DeviceSampler::token_on_device(int64_t slot) const {
  return tokens_on_device_ ? &device_token_views_.at(static_cast<std::size_t>(slot)) : nullptr;
}

void DeviceSampler::expect(int64_t first, Span<const Choice> choices) {
  const auto slots = static_cast<int64_t>(choices.size());
  const auto width = static_cast<int64_t>(names::kParamCount);
  fill_params(first, choices);
  ort::Binding& binding = lm_.binding();
  binding.input(names::kParams, float64_
                                    ? host_.view(ort::ElementType::kFloat64, doubles_.data(), {slots, width})
                                    : host_.view(ort::ElementType::kFloat32, floats_.data(), {slots, width}));
  // A prefill is one sequence's, so that nothing but its start is before it.
  const bool begins = choices[0].step == 0;
  const ort::Value histories = histories_.view(first, slots);
  if (begins) {
    binding.input(names::kHistory, host_.view(ort::ElementType::kFloat32, start_.data(),
                                              {1, static_cast<int64_t>(start_.size())}));
  } else {
    binding.input(names::kHistory, histories);
  }
  // In place: the node that writes it comes after all that read it.
  binding.output(names::kHistoryAfter, histories);
  binding.output(names::kToken, tokens_on_device_
                                    ? device_tokens_.view(first, slots)
                                    : host_.view(ort::ElementType::kInt64, tokens_.data(), {slots, 1}));
}

void DeviceSampler::fill_params(int64_t first, Span<const Choice> choices) {
  const auto vocab = static_cast<int64_t>(start_.size());
  for (std::size_t i = 0; i < choices.size(); ++i) {
    fill_device_sampler_params(options_.at(static_cast<std::size_t>(first) + i), choices[i].step, vocab,
                               in_order_, {doubles_.data() + i * names::kParamCount, names::kParamCount});
  }
  if (float64_) return;
  const std::size_t filled = choices.size() * names::kParamCount;
  std::transform(doubles_.begin(), doubles_.begin() + static_cast<std::ptrdiff_t>(filled), floats_.begin(),
                 [](double value) { return static_cast<float>(value); });
}

void DeviceSampler::choose(int64_t first, const StepOutput&, Span<Choice> choices) {
  const auto slots = static_cast<int64_t>(choices.size());
  try {
    if (tokens_on_device_) {
      ort::copy(host_.api(), device_tokens_.view(first, slots),
                host_.view(ort::ElementType::kInt64, tokens_.data(), {slots, 1}));
    }
  } catch (const Error&) {  // the run is done: they cannot be tried again one by one
    for (Choice& choice : choices) choice.error = std::current_exception();
    return;
  }
  for (std::size_t i = 0; i < choices.size(); ++i) {
    choices[i].token = tokens_[i];
    if (tokens_[i] == names::kNotANumber)
      choices[i].error = std::make_exception_ptr(nan_logits(choices[i].step));
  }
}

}  // namespace loquor
