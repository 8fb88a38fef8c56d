#include "decode/generate.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <string>
#include <utility>

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
      stride_(model.language_model.slots_of(model.language_model.rows())),
      chooser_(make_chooser(model)),
      runner_(model),
      batched_(model.language_model.batched()),
      prefixes_(prefix_bytes) {}

// The prompt is the voice's prefix, then what the tokenizer writes: text and START START (which some tables
// make of two end-of-text ids).
bool Generator::prefill(Sequence& sequence, const Prompt& prompt, const ort::RunOptions& run) {
  const Stopwatch stopwatch;
  if (!sequence.holds_slot()) begin(sequence, prompt);
  const int64_t count = chunk_size(sequence, prompt);
  embed_chunk(sequence, prompt, count, run);
  const Span<const int64_t> slots = slots_of(sequence);
  collect_rows(slots);
  chooser_->expect(slots[0], choices_);
  const StepOutput output = model_.language_model.run(slots, count, run);
  sequence.filled_ += count;
  if (sequence.filled_ == prompt.voice->prefix_length) keep_prefix(sequence, prompt);
  const bool last = sequence.filled_ == sequence.tokens_.prompt_length;
  if (last) {
    combine(output);
    chooser_->choose(slots[0], output, choices_);
    join(sequence);
    accept(sequence, choices_[0], output, 0);
    if (sequence.error_) std::rethrow_exception(sequence.error_);
  }
  sequence.tokens_.prefill_seconds += stopwatch.seconds();
  return last;
}

void Generator::begin(Sequence& sequence, const Prompt& prompt) {
  const TokenBudget budget = budget_of(prompt);
  const bool guided = model_.language_model.rows() > 1 && prompt.options.cfg_weight != 0;
  sequence.rows_ = guided ? 2 : 1;
  sequence.guidance_ = prompt.options.cfg_weight;
  occupy(sequence, budget.positions());
  chooser_->begin(sequence.slots_[0], prompt.options);
  sequence.limit_ = static_cast<std::size_t>(budget.limit);
  sequence.filled_ = 0;
  sequence.tokens_.ids.reserve(sequence.limit_);
  sequence.tokens_.prompt_length = static_cast<int32_t>(budget.prompt);
  const int64_t prefix = prompt.voice->prefix_length;
  sequence.text_begin_ = prefix + static_cast<int64_t>(model_.manifest.prompt_opening.size());
  sequence.text_end_ = budget.prompt - static_cast<int64_t>(model_.prompt_closing().size());
  if (model_.language_model.snapshot_bytes(prefix) == 0) return;
  const PrefixPtr kept = prefixes_.find(*prompt.voice);
  if (kept == nullptr) return;
  for (const int64_t slot : slots_of(sequence)) model_.language_model.load(slot, prefix, kept->kv.get());
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
  const int64_t rows = sequence.rows_;
  const int64_t prefix = prompt.voice->prefix_length;
  const int64_t from = sequence.filled_;
  const int64_t end = from + count;
  const auto text = static_cast<int64_t>(prompt.ids.size()) * hidden;  // of a row
  float* to = model_.language_model.embeds(rows * count);
  if (from <= prefix && end > prefix) {  // the table wants the whole text in one call
    sequence.text_.resize(static_cast<std::size_t>(rows * text));
    for (int64_t row = 0; row < rows; ++row) {
      model_.embed_tokens.embed_prompt(prompt.ids, prompt.options.exaggeration, row == 0,
                                       sequence.text_.data() + row * text, run);
    }
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
  model_.language_model.save(sequence.slots_[0], prefix->kv.get());
  prefixes_.put(prefix);
  if (prompt.wants_prefix) sequence.tokens_.prefix = prefix;
}

void Generator::step(Sequence& sequence, const ort::RunOptions& run) {
  if (!sequence.error_) step_slots(slots_of(sequence), run);
  if (sequence.error_) std::rethrow_exception(sequence.error_);
}

void Generator::step_all(const ort::RunOptions& run) {
  step_slots({all_slots_.data(), static_cast<std::size_t>(stepping_slots_)}, run);
}

// Run, combine, choose.
void Generator::step_slots(Span<const int64_t> slots, const ort::RunOptions& run) {
  const Stopwatch stopwatch;
  collect_rows(slots);
  chooser_->expect(slots[0], choices_);
  const StepOutput output = runner_.run(slots, tokens_, choices_, *chooser_, run);
  combine(output);
  chooser_->choose(slots[0], output, choices_);
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    if (choices_[row].unconditioned) continue;
    accept(*rows_[row], choices_[row], output, row);
    rows_[row]->tokens_.steps_seconds += stopwatch.seconds();
  }
}

// A row of logits for each sequence, over its conditioned ones.
void Generator::combine(const StepOutput& output) {
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    if (!choices_[row].unconditioned) continue;
    std::size_t conditioned = 0;
    while (rows_[conditioned] != rows_[row] || choices_[conditioned].unconditioned) ++conditioned;
    guide(output.row(conditioned), output.row(row), rows_[row]->guidance_);
  }
}

// The rows of a run of these slots: whose they are, the choice that each is for, and its last token.
void Generator::collect_rows(Span<const int64_t> slots) {
  rows_.clear();
  choices_.clear();
  tokens_.clear();
  for (const int64_t slot : slots) {
    Sequence* const sequence = slots_[static_cast<std::size_t>(slot)];
    const std::vector<int64_t>& ids = sequence->tokens_.ids;
    const auto add = [&](bool unconditioned) {
      rows_.push_back(sequence);
      choices_.push_back({ids.size(), kNoToken, nullptr, unconditioned});
      tokens_.push_back(ids.empty() ? kNoToken : ids.back());
    };
    add(slot != sequence->slots_[0]);
    if (sequence->rows_ > 1 && stride_ == 1) add(true);  // both in the slot
  }
}

Span<const int64_t> Generator::slots_of(const Sequence& sequence) const {
  return {sequence.slots_.data(), sequence.slots_[1] < 0 ? std::size_t{1} : std::size_t{2}};
}

void Generator::accept(Sequence& sequence, const Choice& choice, const StepOutput& output,
                       std::size_t row) const {
  Tokens& tokens = sequence.tokens_;
  sequence.text_attention_ = {};
  if (!output.attention.empty()) {
    const Span<const float> attention = output.attention_row(row);
    sequence.text_attention_ = {attention.data() + sequence.text_begin_,
                                static_cast<std::size_t>(sequence.text_end_ - sequence.text_begin_)};
  }
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
void Generator::reserve(int64_t sequences, int64_t positions, bool unused) {
  const int64_t slots = sequences * stride_;
  chooser_->reserve(slots);
  runner_.reserve(slots);
  const auto count = std::max(slots_.size(), static_cast<std::size_t>(slots));
  const std::size_t rows = std::max<std::size_t>(count, 2);
  rows_.reserve(rows);
  choices_.reserve(rows);
  tokens_.reserve(rows);
  slots_.resize(count, nullptr);
  all_slots_.resize(count);
  std::iota(all_slots_.begin(), all_slots_.end(), int64_t{0});
  model_.language_model.reserve(slots, positions, unused);
}

std::unique_ptr<Sequence> Generator::make_sequence() const {
  return std::unique_ptr<Sequence>(new Sequence());
}

void Generator::occupy(Sequence& sequence, int64_t positions) {
  const auto taken =
      std::count_if(slots_.begin(), slots_.end(), [](const Sequence* s) { return s != nullptr; });
  if (batched_ && taken > stepping_slots_) {
    throw Error(ErrorKind::kInternal, "a prompt began before the one before it was done");
  }
  sequence.tokens_ = {};
  sequence.finished_ = false;
  sequence.stepping_ = false;
  sequence.error_ = nullptr;
  // Those that step together lie without gaps; others stay where they are, each beside its second row.
  const auto step = static_cast<std::size_t>(batched_ ? 1 : stride_);
  std::size_t free = 0;
  while (free < slots_.size() && slots_[free] != nullptr) free += step;
  const int64_t wanted = model_.language_model.slots_of(sequence.rows_);
  if (free + static_cast<std::size_t>(wanted) > slots_.size())
    throw Error(ErrorKind::kInternal, "every slot of the KV cache is taken");
  for (int64_t row = 0; row < wanted; ++row) {
    hold(sequence, static_cast<std::size_t>(row), static_cast<int64_t>(free) + row, positions);
  }
}

void Generator::hold(Sequence& sequence, std::size_t row, int64_t slot, int64_t positions) {
  const int64_t rows = stride_ == 1 ? sequence.rows_ : 1;
  model_.language_model.begin(slot, positions, rows);  // where memory may run out
  slots_[static_cast<std::size_t>(slot)] = &sequence;
  sequence.slots_[row] = slot;
}

// The sequence steps from now on: batched, in the first slots behind those that do, if others left during its
// prefill.
void Generator::join(Sequence& sequence) {
  int64_t next = stepping_slots_;
  for (const int64_t slot : sequence.slots_) {
    if (slot < 0) continue;
    if (batched_ && slot != next) move(slot, next);
    ++next;
  }
  sequence.stepping_ = true;
  stepping_slots_ = next;
  ++running_;
}

// Batched, the last slots that step go into the holes. One that is not copied fails its sequence, which then
// leaves holes, too.
void Generator::release(Sequence& sequence) noexcept {
  leave(sequence);
  if (!batched_) return;
  int64_t hole = 0;
  while (hole < stepping_slots_) {
    if (slots_[static_cast<std::size_t>(hole)] != nullptr) {
      ++hole;
      continue;
    }
    const int64_t from = last_stepping();
    Sequence& last = *slots_[static_cast<std::size_t>(from)];
    try {
      move(from, hole);
    } catch (...) {
      if (!last.finished_) last.error_ = std::current_exception();
      leave(last);
      hole = 0;  // its other row may have gone into an earlier one
    }
  }
}

void Generator::leave(Sequence& sequence) noexcept {
  for (int64_t& held : sequence.slots_) {
    const int64_t slot = std::exchange(held, -1);
    if (slot < 0) continue;
    slots_[static_cast<std::size_t>(slot)] = nullptr;
    model_.language_model.end(slot);
    if (sequence.stepping_) --stepping_slots_;
  }
  if (std::exchange(sequence.stepping_, false)) --running_;
}

// The last slot of a sequence behind its prefill; there is one behind every hole.
int64_t Generator::last_stepping() const {
  auto slot = static_cast<int64_t>(slots_.size()) - 1;
  const auto steps = [&] {
    const Sequence* const sequence = slots_[static_cast<std::size_t>(slot)];
    return sequence != nullptr && sequence->stepping_;
  };
  while (!steps()) --slot;
  return slot;
}

// Throws where a device does not copy; the sequence is then where it was.
void Generator::move(int64_t from, int64_t to) {
  Sequence& sequence = *slots_[static_cast<std::size_t>(from)];
  model_.language_model.move(from, to);
  if (sequence.slots_[0] == from) chooser_->move(from, to);
  slots_[static_cast<std::size_t>(to)] = std::exchange(slots_[static_cast<std::size_t>(from)], nullptr);
  *std::find(sequence.slots_.begin(), sequence.slots_.end(), from) = to;
}

TokenBudget Generator::check(const Prompt& prompt) const {
  check_ids(prompt.ids);
  model_.check(*prompt.voice);
  validate(prompt.options);
  if (model_.language_model.rows() > 1 && prompt.options.cfg_weight != 0 &&
      !model_.embed_tokens.removes_text()) {
    throw Error(
        ErrorKind::kInvalidInput,
        "cfg_weight must be 0 with this bundle, whose embed_tokens gives no row without text (its tables "
        "are in no form that is known here): set cfg_weight to 0, or take another export");
  }
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
  const Manifest& manifest = model_.manifest;
  budget.limit = std::min<int64_t>(prompt.options.max_new_tokens, room);
  if (manifest.speech_positions > 0)  // START stands at the first
    budget.limit = std::min(budget.limit, manifest.speech_positions - 1);
  const auto framed = static_cast<int64_t>(prompt.ids.size());  // by the feeling, and START twice
  if (manifest.text_positions > 0 && framed - 3 > manifest.text_positions) {
    throw Error(ErrorKind::kInvalidInput,
                "the text takes " + std::to_string(framed - 3) + " positions, the model has " +
                    std::to_string(manifest.text_positions) + " for text; split it into sentences");
  }
  return budget;
}

void Generator::check_ids(Span<const int64_t> ids) const {
  const Manifest& manifest = model_.manifest;
  const std::vector<int64_t>& opening = manifest.prompt_opening;
  const std::vector<int64_t>& closing = model_.prompt_closing();
  const bool framed = ids.size() >= opening.size() + closing.size() &&
                      std::equal(opening.begin(), opening.end(), ids.begin()) &&
                      std::equal(closing.begin(), closing.end(), ids.end() - closing.size());
  if (!framed) {
    throw Error(ErrorKind::kInvalidInput,
                "input_ids must " + (opening.empty() ? "" : "begin with " + listed(opening) + " and ") +
                    "end with " + listed(closing) +
                    " (end-of-text ids), as the bundle's own tokenizer writes them");
  }
  const bool counts_positions = manifest.family->positions == PositionRule::kEmbedTokens;
  const Span<const int64_t> text = {ids.data() + opening.size(),
                                    ids.size() - opening.size() - closing.size()};
  for (const int64_t id : counts_positions ? text : ids) {
    if (id < 0 || id >= manifest.text_vocab_size) {
      throw Error(ErrorKind::kInvalidInput, "input_ids holds " + std::to_string(id) +
                                                ", outside the text vocabulary [0, " +
                                                std::to_string(manifest.text_vocab_size) + ")");
    }
    if (counts_positions && id == manifest.end_of_text_token) {
      throw Error(ErrorKind::kInvalidInput,
                  "input_ids holds " + std::to_string(id) +
                      " within the text, which ends it: what follows would be read as "
                      "speech; leave it out");
    }
  }
}

}  // namespace loquor
