#include "decode/generate.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "decode/device_sampler.hpp"
#include "decode/host_sampler.hpp"

namespace loquor {
namespace {

// Positions of a prompt in one run: what other sequences wait for at most.
constexpr int64_t kPiece = 64;

// Adds the seconds of its lifetime to a figure.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::string listed(const std::vector<int64_t>& ids) {
  std::string list;
  for (const int64_t id : ids) list += (list.empty() ? "" : ", ") + std::to_string(id);
  return list;
}

}  // namespace

Generator::Generator(Model& model, std::size_t prefix_bytes) : model_(model), prefixes_(prefix_bytes) {
  if (has_device_sampler(model.language_model)) model.language_model.keep_logits();
  batched_ = model.language_model.batched();
}

// The prompt is the voice's prefix, then text and START START (the table turns the two end-of-text ids into
// those).
bool Generator::prefill(Sequence& sequence, const Prompt& prompt, const ort::RunOptions& run) {
  const Stopwatch watch;
  if (sequence.slot_ < 0) begin(sequence, prompt);
  const int64_t count = piece_size(sequence, prompt);
  embed_piece(sequence, prompt, count, run);
  sequence.chooser_->expect(0);
  const Span<float> logits = model_.language_model.run(sequence.slot_, count, run);
  sequence.filled_ += count;
  if (sequence.filled_ == prompt.voice->prefix_length) keep_prefix(sequence, prompt);
  const bool last = sequence.filled_ == sequence.tokens_.prompt_length;
  if (last) {
    join(sequence);
    accept(sequence, logits);
  }
  sequence.tokens_.prefill_seconds += watch.seconds();
  return last;
}

void Generator::begin(Sequence& sequence, const Prompt& prompt) {
  const TokenBudget budget = budget_of(prompt);
  occupy(sequence, budget.positions());
  sequence.chooser_->reset(prompt.options);
  sequence.limit_ = static_cast<std::size_t>(budget.limit);
  sequence.filled_ = 0;
  sequence.tokens_.ids.reserve(sequence.limit_);
  sequence.tokens_.prompt_length = static_cast<int32_t>(budget.prompt);
  const int64_t prefix = prompt.voice->prefix_length;
  if (model_.language_model.snapshot_bytes(prefix) == 0) return;
  const PrefixPtr kept = prefixes_.find(*prompt.voice);
  if (kept == nullptr) return;
  model_.language_model.load(sequence.slot_, prefix, kept->kv.get());
  sequence.filled_ = prefix;
  sequence.tokens_.cached_positions = static_cast<int32_t>(prefix);
  if (prompt.wants_prefix) sequence.tokens_.prefix = kept;
}

// Prefix and text are each cut into the fewest pieces of at most kPiece, as equal as may be.
int64_t Generator::piece_size(const Sequence& sequence, const Prompt& prompt) const {
  const int64_t prefix = prompt.voice->prefix_length;
  const int64_t total = sequence.tokens_.prompt_length;
  if (!model_.language_model.extends()) return total;
  const bool in_prefix = sequence.filled_ < prefix;
  const int64_t length = in_prefix ? prefix : total - prefix;
  const int64_t left = (in_prefix ? prefix : total) - sequence.filled_;
  const int64_t pieces = (length + kPiece - 1) / kPiece;
  return std::min(left, (length + pieces - 1) / pieces);
}

void Generator::embed_piece(Sequence& sequence, const Prompt& prompt, int64_t count,
                            const ort::RunOptions& run) {
  const int64_t hidden = model_.language_model.signature().hidden_size;
  const int64_t prefix = prompt.voice->prefix_length;
  const int64_t from = sequence.filled_;
  const int64_t end = from + count;
  float* to = model_.language_model.embeds(count);
  if (from < prefix) {
    const float* const features = prompt.voice->audio_features.data();
    to = std::copy(features + from * hidden, features + std::min(end, prefix) * hidden, to);
  }
  if (end <= prefix) return;
  if (from <= prefix) {  // the table wants the whole text in one call
    sequence.text_.resize(prompt.ids.size() * static_cast<std::size_t>(hidden));
    model_.embed_tokens.embed(prompt.ids, sequence.text_.data(), run);
  }
  const float* const text = sequence.text_.data();
  std::copy(text + std::max<int64_t>(0, from - prefix) * hidden, text + (end - prefix) * hidden, to);
}

void Generator::keep_prefix(Sequence& sequence, const Prompt& prompt) {
  const std::size_t size = model_.language_model.snapshot_bytes(prompt.voice->prefix_length);
  const std::shared_ptr<Prefix> prefix = prefixes_.make_computed(prompt.voice, size);
  if (prefix == nullptr) return;
  model_.language_model.save(sequence.slot_, prefix->kv.get());
  prefixes_.put(prefix);
  if (prompt.wants_prefix) sequence.tokens_.prefix = prefix;
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
  const auto taken =
      std::count_if(slots_.begin(), slots_.end(), [](const Sequence* s) { return s != nullptr; });
  if (batched_ && taken > running_) {
    throw Error(ErrorKind::kInternal, "a prompt began before the one before it was done");
  }
  const auto free = std::find(slots_.begin(), slots_.end(), nullptr);
  if (free == slots_.end()) throw Error(ErrorKind::kInternal, "every slot of the KV cache is taken");
  *free = &sequence;
  sequence.slot_ = free - slots_.begin();
  sequence.tokens_ = {};
  sequence.finished_ = false;
  sequence.stepping_ = false;
  sequence.error_ = nullptr;
  model_.language_model.begin(sequence.slot_, positions);
}

// From now on it steps: batched, in the first slot behind those that do, if others left during its prefill.
void Generator::join(Sequence& sequence) {
  sequence.stepping_ = true;
  if (batched_ && sequence.slot_ != running_) move(sequence, running_);
  ++running_;
}

void Generator::release(Sequence& sequence) {
  if (sequence.slot_ < 0) return;
  const int64_t slot = std::exchange(sequence.slot_, -1);
  slots_[static_cast<std::size_t>(slot)] = nullptr;
  model_.language_model.end(slot);
  if (!sequence.stepping_) return;
  --running_;
  if (batched_ && slot != running_) move(*slots_[static_cast<std::size_t>(running_)], slot);  // into the hole
}

void Generator::move(Sequence& sequence, int64_t slot) {
  model_.language_model.move(sequence.slot_, slot);
  slots_[static_cast<std::size_t>(sequence.slot_)] = nullptr;
  slots_[static_cast<std::size_t>(slot)] = &sequence;
  sequence.slot_ = slot;
}

TokenBudget Generator::check(const Prompt& prompt) const {
  check_ids(prompt.ids);
  model_.check(*prompt.voice);
  validate(prompt.options);
  return budget_of(prompt);
}

TokenBudget Generator::budget_of(const Prompt& prompt) const {
  TokenBudget budget;
  budget.prompt = prompt.voice->prefix_length + static_cast<int64_t>(prompt.ids.size());
  const int64_t room = model_.manifest.max_positions - budget.prompt;
  if (room < 1) {
    throw Error(ErrorKind::kInvalidInput, "the text and the voice together take " +
                                              std::to_string(budget.prompt) + " positions, the model has " +
                                              std::to_string(model_.manifest.max_positions) +
                                              "; split the text into sentences");
  }
  budget.limit = std::min<int64_t>(prompt.options.max_new_tokens, room);
  return budget;
}

void Generator::check_ids(Span<const int64_t> ids) const {
  const Manifest& manifest = model_.manifest;
  const std::vector<int64_t>& opening = manifest.prompt_opening;
  const std::vector<int64_t>& closing = manifest.prompt_closing;
  const bool framed = ids.size() >= opening.size() + closing.size() &&
                      std::equal(opening.begin(), opening.end(), ids.begin()) &&
                      std::equal(closing.begin(), closing.end(), ids.end() - closing.size());
  if (!framed) {
    throw Error(ErrorKind::kInvalidInput,
                "input_ids must " + (opening.empty() ? "" : "begin with " + listed(opening) + " and ") +
                    "end with " + listed(closing) +
                    " (end-of-text ids), as the bundle's own tokenizer writes them");
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
