#include "decode/device_sampler.hpp"

#include <algorithm>
#include <string>

#include "base/log.hpp"
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

void tell_device_sampler(const GenerationOptions& options, uint64_t step, int64_t vocab,
                         bool penalty_in_order, std::vector<double>& told) {
  const bool greedy = options.temperature == 0;
  const bool narrow = options.top_k > 0 && options.top_k < vocab;
  const bool penalize = greedy || penalty_in_order;
  told[names::kTemperature] = greedy ? 1 : static_cast<double>(options.temperature);
  told[names::kKthPlace] = greedy || !narrow ? 0 : static_cast<double>(vocab - options.top_k);
  told[names::kDropped] = greedy || options.top_p == 1 ? -1 : 1.0 - static_cast<double>(options.top_p);
  told[names::kMinP] = greedy ? 0 : static_cast<double>(options.min_p);
  told[names::kPenalty] = penalize ? static_cast<double>(options.repetition_penalty) : 1;
  told[names::kUniform] = greedy ? 0 : static_cast<double>(CounterRng(options.seed).uniform(step));
  told[names::kSampling] = greedy ? 0 : 1;
  told[names::kKeep] = greedy || step > 0 ? 1 : 0;
}

DeviceSampler::DeviceSampler(Model& model)
    : model_(model),
      lm_(model.language_model),
      in_order_(orders_penalty(model.manifest.family->logits_stages)),
      host_(lm_.session().api_ptr()),
      device_(lm_.session().memory(model.config.device)),
      float64_(model.config.device.float64),
      doubles_(names::kToldCount),
      floats_(names::kToldCount),
      start_(static_cast<std::size_t>(lm_.signature().vocab_size), 0.0f),
      start_value_(host_.view(ort::ElementType::kFloat32, start_.data(), {1, lm_.signature().vocab_size})),
      told_value_(float64_ ? host_.view(ort::ElementType::kFloat64, doubles_.data(), {1, names::kToldCount})
                           : host_.view(ort::ElementType::kFloat32, floats_.data(), {1, names::kToldCount})),
      token_on_device_(!lm_.session().output_on_host(names::kToken) &&
                       !model.embed_tokens.session().input_on_host("input_ids") && can_copy()),
      embeds_on_device_(model.embed_tokens.type() == lm_.signature().embeds_type &&
                        (device_.host() || model.embed_tokens.session().on_device())),
      host_token_(host_.view(ort::ElementType::kInt64, &token_, {1, 1})),
      token_value_(host_.view(ort::ElementType::kInt64, &token_, {1, 1})),
      embeds_value_(host_.view(ort::ElementType::kInt64, &token_, {0})),
      embed_binding_(model.embed_tokens.session()) {
  const LmSignature& lm = lm_.signature();
  start_[static_cast<std::size_t>(model.manifest.start_token)] = 1;
  for (auto& buffer : seen_) {
    buffer = device_.allocate(start_.size() * sizeof(float));
    seen_values_.push_back(device_.view(ort::ElementType::kFloat32, buffer.get(), {1, lm.vocab_size}));
  }
  if (token_on_device_) {
    token_buffer_ = device_.allocate(sizeof(int64_t));
    token_value_ = device_.view(ort::ElementType::kInt64, token_buffer_.get(), {1, 1});
  }
  if (embeds_on_device_) {
    embeds_buffer_ =
        device_.allocate(static_cast<std::size_t>(lm.hidden_size) * ort::element_size(lm.embeds_type));
    embeds_value_ = device_.view(lm.embeds_type, embeds_buffer_.get(), {1, 1, lm.hidden_size});
    embed_binding_.output("inputs_embeds", embeds_value_);
  }
  embed_binding_.input("input_ids", token_value_);
}

// Whether the runtime copies between this device and the host by itself; not every provider offers it.
bool DeviceSampler::can_copy() {
  try {
    const auto buffer = device_.allocate(sizeof(int64_t));
    ort::copy(host_.api(), host_.view(ort::ElementType::kInt64, &token_, {1, 1}),
              device_.view(ort::ElementType::kInt64, buffer.get(), {1, 1}));
    return true;
  } catch (const Error& error) {
    log::write(log::Level::kDebug, std::string("token ids go by way of the host: ") + error.what());
    return false;
  }
}

void DeviceSampler::reset(const GenerationOptions& options) {
  validate(options);
  options_ = options;
}

Span<float> DeviceSampler::run(int64_t token, int64_t slot, const ort::RunOptions& options) {
  if (!embeds_on_device_) {
    model_.embed_tokens.embed({&token, 1}, lm_.embeds(1), options);
    return lm_.run(slot, 1, options);
  }
  // The id lies where the last step left it. Bound from the other side it is copied when it is bound.
  if (model_.embed_tokens.session().input_on_host("input_ids") == token_on_device_) {
    embed_binding_.input("input_ids", token_value_);
  }
  embed_binding_.run(options);
  lm_.run_from(embeds_value_, slot, options);
  return {};
}

void DeviceSampler::expect(uint64_t step) {
  const auto vocab = static_cast<int64_t>(start_.size());
  tell_device_sampler(options_, step, vocab, in_order_, doubles_);
  if (!float64_) {
    std::transform(doubles_.begin(), doubles_.end(), floats_.begin(),
                   [](double value) { return static_cast<float>(value); });
  }
  ort::Binding& binding = lm_.binding();
  binding.input(names::kTold, told_value_);
  binding.input(names::kHistory, step == 0 ? start_value_ : seen_values_[step % 2]);
  binding.output(names::kHistoryAfter, seen_values_[(step + 1) % 2]);
  binding.output(names::kToken, token_value_);
}

int64_t DeviceSampler::choose(Span<float>, uint64_t step) {
  if (token_on_device_) ort::copy(host_.api(), token_value_, host_token_);
  if (token_ == names::kNotANumber) {
    throw Error(ErrorKind::kExecution, "the language model returned NaN logits at step " +
                                           std::to_string(step) +
                                           "; try another provider or precision of the bundle");
  }
  return token_;
}

}  // namespace loquor
