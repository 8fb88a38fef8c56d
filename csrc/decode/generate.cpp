#include "decode/generate.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "decode/device_sampler.hpp"
#include "decode/host_sampler.hpp"

namespace loquor {
namespace {

// Adds the seconds of its lifetime to a figure.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

Generator::Generator(Model& model) : model_(model) {
  if (has_device_sampler(model.language_model)) model.language_model.keep_logits();
  batched_ = model.language_model.batched();
}

// The prompt is the voice's prefix, then text and START START (the table turns the two end-of-text ids into
// those).
void Generator::prefill(Sequence& sequence, const Prompt& prompt, const ort::RunOptions& run) {
  const Extent extent = extent_of(prompt);
  LanguageModel& lm = model_.language_model;
  occupy(sequence, extent.positions());
  sequence.chooser_->reset(prompt.options);
  sequence.limit_ = static_cast<std::size_t>(extent.limit);
  sequence.tokens_.ids.reserve(sequence.limit_);
  sequence.tokens_.prompt_length = static_cast<int32_t>(extent.prompt);

  const Stopwatch watch;
  const std::vector<float>& prefix = prompt.voice->audio_features;
  float* const after_prefix = std::copy(prefix.begin(), prefix.end(), lm.embeds(extent.prompt));
  model_.embed_tokens.embed(prompt.ids, after_prefix, run);
  sequence.chooser_->expect(0);
  accept(sequence, lm.run(sequence.slot_, extent.prompt, run));
  sequence.tokens_.prefill_seconds = watch.seconds();
}

void Generator::step(Sequence& sequence, const ort::RunOptions& run) {
  const Stopwatch watch;
  TokenChooser& chooser = *sequence.chooser_;
  chooser.expect(sequence.tokens_.ids.size());
  accept(sequence, chooser.run(sequence.tokens_.ids.back(), sequence.slot_, run));
  sequence.tokens_.decode_seconds += watch.seconds();
}

void Generator::step_all(const ort::RunOptions& run) {
  const Stopwatch watch;
  const auto hidden = static_cast<std::size_t>(model_.language_model.signature().hidden_size);
  const auto vocab = static_cast<std::size_t>(model_.language_model.signature().vocab_size);
  const auto rows = static_cast<std::size_t>(running_);
  float* const embeds = model_.language_model.embeds(running_);
  for (std::size_t row = 0; row < rows; ++row) embed_last(*slots_[row], embeds + row * hidden, run);
  const Span<float> logits = model_.language_model.step(running_, run);
  for (std::size_t row = 0; row < rows; ++row) {
    try {
      accept(*slots_[row], {logits.data() + row * vocab, vocab});
    } catch (const Error&) {  // its own logits: the others' are good
      slots_[row]->error_ = std::current_exception();
    }
  }
  for (std::size_t row = 0; row < rows; ++row) slots_[row]->tokens_.decode_seconds += watch.seconds();
}

void Generator::embed_last(const Sequence& sequence, float* to, const ort::RunOptions& run) {
  model_.embed_tokens.embed({&sequence.tokens_.ids.back(), 1}, to, run);
}

// Chooses from the logits of the last position.
void Generator::accept(Sequence& sequence, Span<float> logits) const {
  Tokens& tokens = sequence.tokens_;
  const int64_t token = sequence.chooser_->choose(logits, tokens.ids.size());
  if (token == model_.manifest.stop_token || token == kNoToken) {
    sequence.finished_ = true;
    return;
  }
  tokens.ids.push_back(token);
  if (tokens.ids.size() < sequence.limit_) return;
  tokens.finish_reason = FinishReason::kLength;
  sequence.finished_ = true;
}

void Generator::reserve(int64_t slots, int64_t positions) {
  if (running_ > 0 && !fits(slots, positions)) {
    throw Error(ErrorKind::kInternal, "the KV cache cannot grow while sequences are under way");
  }
  model_.language_model.reserve(slots, positions);
  slots_.resize(std::max(slots_.size(), static_cast<std::size_t>(slots)), nullptr);
}

std::unique_ptr<Sequence> Generator::make_sequence() const {
  std::unique_ptr<TokenChooser> chooser;
  if (samples_on_device()) {
    chooser = std::make_unique<DeviceSampler>(model_);
  } else {
    chooser = std::make_unique<HostSampler>(model_);
  }
  return std::unique_ptr<Sequence>(new Sequence(std::move(chooser)));
}

void Generator::occupy(Sequence& sequence, int64_t positions) {
  const auto free = std::find(slots_.begin(), slots_.end(), nullptr);
  if (free == slots_.end()) throw Error(ErrorKind::kInternal, "every slot of the KV cache is taken");
  *free = &sequence;
  ++running_;
  sequence.slot_ = free - slots_.begin();
  sequence.tokens_ = {};
  sequence.finished_ = false;
  sequence.error_ = nullptr;
  model_.language_model.begin(sequence.slot_, positions);
}

void Generator::release(Sequence& sequence) {
  if (sequence.slot_ < 0) return;
  const int64_t slot = std::exchange(sequence.slot_, -1);
  --running_;
  if (batched_ && slot != running_) {  // the last slot moves into the hole
    Sequence*& last = slots_[static_cast<std::size_t>(running_)];
    model_.language_model.move(running_, slot);
    last->slot_ = slot;
    slots_[static_cast<std::size_t>(slot)] = std::exchange(last, nullptr);
    return;
  }
  slots_[static_cast<std::size_t>(slot)] = nullptr;
}

Extent Generator::check(const Prompt& prompt) const {
  check_ids(prompt.ids);
  model_.check(*prompt.voice);
  validate(prompt.options);
  return extent_of(prompt);
}

Extent Generator::extent_of(const Prompt& prompt) const {
  Extent extent;
  extent.prompt = prompt.voice->prefix_length + static_cast<int64_t>(prompt.ids.size());
  const int64_t room = model_.manifest.max_positions - extent.prompt;
  if (room < 1) {
    throw Error(ErrorKind::kInvalidInput, "the text and the voice together take " +
                                              std::to_string(extent.prompt) + " positions, the model has " +
                                              std::to_string(model_.manifest.max_positions) +
                                              "; split the text into sentences");
  }
  extent.limit = std::min<int64_t>(prompt.options.max_new_tokens, room);
  return extent;
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
