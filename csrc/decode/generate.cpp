#include "decode/generate.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "decode/device_sampler.hpp"
#include "decode/guidance.hpp"
#include "decode/host_sampler.hpp"

namespace loquor {
namespace {

// Positions of a prompt in one run: what other sequences wait for at most.
constexpr int64_t kPrefillChunk = 64;

// Counts seconds from its making.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::unique_ptr<TokenChooser> make_chooser(Model& model) {
  LanguageModel& lm = model.language_model;
  // The nodes choose from a row of logits, not from two.
  if (!has_device_sampler(lm) || lm.rows() > 1)
    return std::make_unique<HostSampler>(model.manifest, lm.signature().vocab_size);
  lm.keep_logits();
  return std::make_unique<DeviceSampler>(model);
}

std::string listed(const std::vector<int64_t>& ids) {
  std::string list;
  for (const int64_t id : ids) list += (list.empty() ? "" : ", ") + std::to_string(id);
  return list;
}

}  // namespace

Generator::Generator(Model& model, std::size_t prefix_bytes)
    : model_(model),
      chooser_(make_chooser(model)),
      runner_(model),
      batched_(model.language_model.batched()),
      prefixes_(prefix_bytes) {}

// The prompt is the voice's prefix, then text and START START (the table turns the two end-of-text ids into
// those).
bool Generator::prefill(Sequence& sequence, const Prompt& prompt, const ort::RunOptions& run) {
  const Stopwatch watch;
  if (sequence.slot_ < 0) begin(sequence, prompt);
  const int64_t count = chunk_size(sequence, prompt);
  embed_chunk(sequence, prompt, count, run);
  const Span<Choice> choices = choices_of(sequence.slot_, 1);
  chooser_->expect(sequence.slot_, choices);
  const StepOutput output = model_.language_model.run(sequence.slot_, count, run);
  sequence.filled_ += count;
  if (sequence.filled_ == prompt.voice->prefix_length) keep_prefix(sequence, prompt);
  const bool last = sequence.filled_ == sequence.tokens_.prompt_length;
  if (last) {
    chooser_->choose(sequence.slot_, combine(output, sequence.slot_, 1), choices);
    join(sequence);
    accept(sequence, choices[0]);
    if (sequence.error_) std::rethrow_exception(sequence.error_);
  }
  sequence.tokens_.prefill_seconds += watch.seconds();
  return last;
}

void Generator::begin(Sequence& sequence, const Prompt& prompt) {
  const TokenBudget budget = budget_of(prompt);
  occupy(sequence, budget.positions());
  chooser_->begin(sequence.slot_, prompt.options);
  sequence.guidance_ = prompt.guidance;
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

// Prefix and text are each cut into the fewest chunks of at most kPrefillChunk, as equal as may be.
int64_t Generator::chunk_size(const Sequence& sequence, const Prompt& prompt) const {
  const int64_t prefix = prompt.voice->prefix_length;
  const int64_t total = sequence.tokens_.prompt_length;
  if (!model_.language_model.extends()) return total;
  const bool in_prefix = sequence.filled_ < prefix;
  const int64_t length = in_prefix ? prefix : total - prefix;
  const int64_t left = (in_prefix ? prefix : total) - sequence.filled_;
  const int64_t chunks = (length + kPrefillChunk - 1) / kPrefillChunk;
  return std::min(left, (length + chunks - 1) / chunks);
}

void Generator::embed_chunk(Sequence& sequence, const Prompt& prompt, int64_t count,
                            const ort::RunOptions& run) {
  const int64_t hidden = model_.language_model.signature().hidden_size;
  const int64_t rows = model_.language_model.rows();
  const int64_t prefix = prompt.voice->prefix_length;
  const int64_t from = sequence.filled_;
  const int64_t end = from + count;
  const auto text = static_cast<int64_t>(prompt.ids.size()) * hidden;  // of a row
  float* to = model_.language_model.embeds(rows * count);
  if (from <= prefix && end > prefix) {  // the table wants the whole text in one call
    sequence.text_.resize(static_cast<std::size_t>(rows * text));
    model_.embed_tokens.embed(prompt.ids, sequence.text_.data(), run);
    if (rows > 1) model_.embed_tokens.embed(prompt.unconditioned_ids, sequence.text_.data() + text, run);
  }
  for (int64_t row = 0; row < rows; ++row) {
    if (from < prefix) {
      const float* const features = prompt.voice->audio_features.data();
      to = std::copy(features + from * hidden, features + std::min(end, prefix) * hidden, to);
    }
    if (end <= prefix) continue;
    const float* const own = sequence.text_.data() + row * text;
    to = std::copy(own + std::max<int64_t>(0, from - prefix) * hidden, own + (end - prefix) * hidden, to);
  }
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
  step_slots(sequence.slot_, 1, run);
  if (sequence.error_) std::rethrow_exception(sequence.error_);
}

void Generator::step_all(const ort::RunOptions& run) { step_slots(0, running_, run); }

// Run, combine, choose.
void Generator::step_slots(int64_t first, int64_t count, const ort::RunOptions& run) {
  const Stopwatch watch;
  const Span<Choice> choices = choices_of(first, count);
  chooser_->expect(first, choices);
  const StepOutput output = runner_.run(first, {tokens_.data(), choices.size()}, *chooser_, run);
  chooser_->choose(first, combine(output, first, count), choices);
  for (std::size_t i = 0; i < choices.size(); ++i) {
    Sequence& sequence = *slots_[static_cast<std::size_t>(first) + i];
    accept(sequence, choices[i]);
    sequence.tokens_.steps_seconds += watch.seconds();
  }
}

// A row of logits for each sequence.
StepOutput Generator::combine(const StepOutput& output, int64_t first, int64_t count) {
  if (model_.language_model.rows() == 1) return output;
  for (int64_t i = 0; i < count; ++i) {
    guidance_[static_cast<std::size_t>(i)] = slots_[static_cast<std::size_t>(first + i)]->guidance_;
  }
  return combine_rows(output, {guidance_.data(), static_cast<std::size_t>(count)});
}

// The choices that a run of these slots is for; their last tokens go to tokens_.
Span<Choice> Generator::choices_of(int64_t first, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const std::vector<int64_t>& ids = slots_[static_cast<std::size_t>(first + i)]->tokens_.ids;
    choices_[static_cast<std::size_t>(i)] = {ids.size(), kNoToken, nullptr};
    tokens_[static_cast<std::size_t>(i)] = ids.empty() ? kNoToken : ids.back();
  }
  return {choices_.data(), static_cast<std::size_t>(count)};
}

void Generator::accept(Sequence& sequence, const Choice& choice) const {
  Tokens& tokens = sequence.tokens_;
  sequence.error_ = choice.error;
  if (choice.error) return;
  if (choice.token == model_.manifest.stop_token || choice.token == kNoToken) {
    sequence.finished_ = true;
    return;
  }
  tokens.ids.push_back(choice.token);
  if (tokens.ids.size() < sequence.limit_) return;
  tokens.finish_reason = FinishReason::kLength;
  sequence.finished_ = true;
}

// The cache last: whoever finds room in it finds the rest.
void Generator::reserve(int64_t slots, int64_t positions, bool unused) {
  chooser_->reserve(slots);
  runner_.reserve(slots);
  const auto count = std::max(slots_.size(), static_cast<std::size_t>(slots));
  choices_.resize(count);
  tokens_.resize(count);
  guidance_.resize(count);
  slots_.resize(count, nullptr);
  model_.language_model.reserve(slots, positions, unused);
}

std::unique_ptr<Sequence> Generator::make_sequence() const {
  return std::unique_ptr<Sequence>(new Sequence());
}

void Generator::occupy(Sequence& sequence, int64_t positions) {
  const auto taken =
      std::count_if(slots_.begin(), slots_.end(), [](const Sequence* s) { return s != nullptr; });
  if (batched_ && taken > running_) {
    throw Error(ErrorKind::kInternal, "a prompt began before the one before it was done");
  }
  const auto free = std::find(slots_.begin(), slots_.end(), nullptr);
  if (free == slots_.end()) throw Error(ErrorKind::kInternal, "every slot of the KV cache is taken");
  model_.language_model.begin(free - slots_.begin(), positions);  // where memory may run out
  *free = &sequence;
  sequence.slot_ = free - slots_.begin();
  sequence.tokens_ = {};
  sequence.finished_ = false;
  sequence.stepping_ = false;
  sequence.error_ = nullptr;
}

// The sequence steps from now on: batched, in the first slot behind those that do, if others left during its
// prefill.
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
  chooser_->move(sequence.slot_, slot);
  slots_[static_cast<std::size_t>(sequence.slot_)] = nullptr;
  slots_[static_cast<std::size_t>(slot)] = &sequence;
  sequence.slot_ = slot;
}

TokenBudget Generator::check(const Prompt& prompt) const {
  check_ids(prompt.ids);
  if (model_.language_model.rows() > 1) {
    check_ids(prompt.unconditioned_ids);
    if (prompt.unconditioned_ids.size() != prompt.ids.size()) {
      throw Error(ErrorKind::kInvalidInput,
                  "the unconditioned row has " + std::to_string(prompt.unconditioned_ids.size()) +
                      " ids, the conditioned one " + std::to_string(prompt.ids.size()) +
                      ": give both the same number");
    }
  }
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
