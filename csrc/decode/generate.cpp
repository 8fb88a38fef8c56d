#include "decode/generate.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "decode/device_sampler.hpp"
#include "decode/host_sampler.hpp"

namespace loquor {
namespace {

class Stopwatch {
 public:
  // Seconds since the last lap.
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace

Generator::Generator(Model& model) : model_(model) {
  if (has_device_sampler(model.language_model)) {
    chooser_ = std::make_unique<DeviceSampler>(model);
  } else {
    chooser_ = std::make_unique<HostSampler>(model);
  }
}

Tokens Generator::generate(const GenerationRequest& request, const ort::RunOptions& run,
                           const CancelToken* cancel) {
  check_ids(request.input_ids);
  model_.check(request.voice);
  chooser_->reset(request.options);

  LanguageModel& lm = model_.language_model;
  const int64_t prompt = request.voice.prefix_length + static_cast<int64_t>(request.input_ids.size());
  const int64_t room = model_.manifest.max_positions - prompt;
  if (room < 1) {
    throw Error(ErrorKind::kInvalidInput, "the text and the voice together take " + std::to_string(prompt) +
                                              " positions, the model has " +
                                              std::to_string(model_.manifest.max_positions) +
                                              "; split the text into sentences");
  }
  const auto limit = static_cast<std::size_t>(std::min<int64_t>(request.options.max_new_tokens, room));
  lm.begin(prompt + static_cast<int64_t>(limit));

  Tokens tokens;
  tokens.prompt_length = static_cast<int32_t>(prompt);
  tokens.ids.reserve(limit);
  Stopwatch watch;
  write_prompt(request, prompt, run);
  int64_t token = chooser_->after_prompt(prompt, run);
  tokens.prefill_seconds = watch.lap();
  for (uint64_t step = 1;; ++step) {
    if (token == model_.manifest.stop_token || token == kNoToken) break;
    tokens.ids.push_back(token);
    if (request.progress) request.progress(static_cast<int32_t>(tokens.ids.size()));
    if (tokens.ids.size() == limit) {
      tokens.finish_reason = FinishReason::kLength;
      break;
    }
    if (cancel != nullptr) cancel->check();
    token = chooser_->after_token(token, step, run);
  }
  tokens.decode_seconds = watch.lap();
  return tokens;
}

// The prompt is the voice's prefix, then text and START START (the table turns the two end-of-text ids into
// those).
void Generator::write_prompt(const GenerationRequest& request, int64_t prompt_length,
                             const ort::RunOptions& run) {
  float* embeds = model_.language_model.embeds(prompt_length);
  float* after_prefix =
      std::copy(request.voice.audio_features.begin(), request.voice.audio_features.end(), embeds);
  model_.embed_tokens.embed(request.input_ids, after_prefix, run);
}

void Generator::check_ids(Span<const int64_t> ids) const {
  const Manifest& manifest = model_.manifest;
  const auto ends = static_cast<std::size_t>(manifest.end_of_text_count);
  const bool closed = ids.size() >= ends && std::all_of(ids.end() - ends, ids.end(), [&](int64_t id) {
                        return id == manifest.end_of_text_token;
                      });
  if (!closed) {
    throw Error(ErrorKind::kInvalidInput, "input_ids must end with " + std::to_string(ends) +
                                              " end-of-text ids (" +
                                              std::to_string(manifest.end_of_text_token) +
                                              "), as the bundle's own tokenizer appends them");
  }
  for (const int64_t id : ids) {
    if (id < 0 || id >= manifest.text_vocab_size) {
      throw Error(ErrorKind::kInvalidInput, "input_ids holds " + std::to_string(id) +
                                                ", outside the text vocabulary [0, " +
                                                std::to_string(manifest.text_vocab_size) + ")");
    }
  }
}

}  // namespace loquor
