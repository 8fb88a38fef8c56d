// The loop: prefill in chunks, then steps (embed the last token, run, choose) until STOP or the limit. Any
// number of sequences may be under way, each in a slot of the KV cache; a step serves one of them, or all
// together where the graph allows it.
#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <vector>

#include "base/span.hpp"
#include "decode/prefix_cache.hpp"
#include "decode/step_runner.hpp"
#include "decode/token_chooser.hpp"
#include "model/model.hpp"

namespace loquor {

enum class FinishReason { kStop, kLength, kGuard };

struct Prompt {
  std::vector<int64_t> ids;  // text with the bundle's trailing end-of-text ids
  std::shared_ptr<const Voice> voice;
  GenerationOptions options;
  int64_t characters = 0;     // spoken_characters() of the text; 0: not known, and the guard of length rests
  bool wants_prefix = false;  // with the tokens, even when others take its place meanwhile
};

struct Tokens {
  std::vector<int64_t> ids;  // as sampled, STOP left out
  FinishReason finish_reason = FinishReason::kStop;
  int32_t prompt_length = 0;
  double prefill_seconds = 0;
  double steps_seconds = 0;      // of all steps it took part in
  int32_t cached_positions = 0;  // of the prompt, copied in instead of computed
  PrefixPtr prefix = {};         // where the prompt wants it and there is one
  // What steps said of each token beside its id, [ids, values]; empty where they say nothing.
  std::vector<float> annotations = {};

  // Keeps the first `count`.
  void truncate(std::size_t count) {
    if (!ids.empty()) annotations.resize(annotations.size() / ids.size() * count);
    ids.resize(count);
  }
};

// Positions that a prompt takes in each row, and the tokens that may follow.
struct TokenBudget {
  int64_t prompt = 0;
  int64_t limit = 0;
  int64_t positions() const { return prompt + limit; }
};

// One prompt's way through the language model. Reused: its memory only grows.
class Sequence {
 public:
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;

  const Tokens& tokens() const { return tokens_; }
  Tokens take_tokens() { return std::move(tokens_); }
  bool finished() const { return finished_; }
  // Whether its prompt has begun.
  bool holds_slot() const { return slots_[0] >= 0; }
  // What went wrong with this sequence alone in a step, or when another's release moved it: no step runs it
  // any more. Null if nothing did.
  const std::exception_ptr& error() const { return error_; }
  // What the step that chose the last token attended to, over the ids of the prompt's text; empty where the
  // model does not tell. Until the next step of any sequence.
  Span<const float> text_attention() const { return text_attention_; }

 private:
  friend class Generator;
  Sequence() = default;

  Tokens tokens_;
  std::size_t limit_ = 0;
  // Of the KV cache, in the order of its rows: -1 for none. In a pool a row with guidance's second row has
  // two slots, which need not be adjacent; else one slot has both rows.
  std::array<int64_t, 2> slots_ = {-1, -1};
  int64_t rows_ = 1;
  int64_t filled_ = 0;       // positions of the prompt that are done
  std::vector<float> text_;  // embeddings of the prompt behind the prefix, row by row
  float guidance_ = 0;
  int64_t text_begin_ = 0;  // positions of the ids that are the text
  int64_t text_end_ = 0;
  Span<const float> text_attention_;
  bool stepping_ = false;  // behind its prefill
  bool finished_ = false;
  std::exception_ptr error_;
};

class Generator {
 public:
  // Keeps the KV of voices' prefixes up to `prefix_bytes`, 0: none.
  explicit Generator(Model& model, std::size_t prefix_bytes = 0);

  // Throws kInvalidInput for ids, options or a voice that do not fit the model.
  TokenBudget check(const Prompt& prompt) const;

  // Whether a step serves all sequences together.
  bool batched() const { return batched_; }
  // Off makes steps serve one sequence at a time even where the graph could do more.
  void set_batched(bool wanted) { batched_ = wanted && model_.language_model.batched(); }

  // Room for so many sequences of `positions` each; those under way go on in it. `unused`: there is none that
  // is under way or was promised room. Throws where memory runs out, and nothing has changed for those.
  bool fits(int64_t sequences, int64_t positions) const {
    return model_.language_model.fits(sequences * stride_, positions);
  }
  void reserve(int64_t sequences, int64_t positions, bool unused = false);

  // Whether tokens are chosen by nodes of the language model.
  bool samples_on_device() const { return model_.language_model.keeps_logits(); }

  std::unique_ptr<Sequence> make_sequence() const;
  // Runs the next chunk of a checked prompt, the same at each call; true when that was the last, which
  // samples the first token. The first takes a slot. Batched, one prompt has to be done before the next
  // begins. Throws kExecution; release() is then due as at the end of every sequence.
  //
  // Where chunks begin depends on the prompt alone, and none lies across the end of the voice's prefix: who
  // finds that kept runs the same kernels on the same shapes for the rest as who does not.
  bool prefill(Sequence& sequence, const Prompt& prompt, const ort::RunOptions& run);
  // The next token of one sequence. Throws kExecution.
  void step(Sequence& sequence, const ort::RunOptions& run);
  // The next token of all sequences behind their prefill. Throws kExecution when the step failed for all:
  // they are then as before it. In steady state a step allocates nothing of ours.
  void step_all(const ort::RunOptions& run);
  // Gives the slots back. Batched, others may be moved into them; a sequence that the device does not copy
  // has an error() then and no slot, and the rest go on.
  void release(Sequence& sequence) noexcept;
  // Sequences behind their prefill that have a slot.
  int64_t running() const { return running_; }

  // Bytes of the KV cache. Any thread.
  int64_t cache_bytes() const { return model_.language_model.cache_bytes(); }
  PrefixCache& prefixes() { return prefixes_; }
  const PrefixCache& prefixes() const { return prefixes_; }

 private:
  void check_ids(Span<const int64_t> ids) const;
  TokenBudget budget_of(const Prompt& prompt) const;
  void begin(Sequence& sequence, const Prompt& prompt);
  void occupy(Sequence& sequence, int64_t positions);
  void hold(Sequence& sequence, std::size_t row, int64_t slot, int64_t positions);
  int64_t chunk_size(const Sequence& sequence, const Prompt& prompt) const;
  void embed_chunk(Sequence& sequence, const Prompt& prompt, int64_t count, const ort::RunOptions& run);
  void keep_prefix(Sequence& sequence, const Prompt& prompt);
  void join(Sequence& sequence);
  void leave(Sequence& sequence) noexcept;
  int64_t last_stepping() const;
  void move(int64_t from, int64_t to);
  void step_slots(Span<const int64_t> slots, const ort::RunOptions& run);
  void combine(const StepOutput& output);
  void collect_rows(Span<const int64_t> slots);
  Span<const int64_t> slots_of(const Sequence& sequence) const;
  void accept(Sequence& sequence, const Choice& choice, const StepOutput& output, std::size_t row) const;

  Model& model_;
  const int64_t stride_;  // slots that a sequence takes at most
  std::unique_ptr<TokenChooser> chooser_;
  StepRunner runner_;
  bool batched_;
  PrefixCache prefixes_;
  // Batched: the first stepping_slots_ step, those of one sequence behind them may be in its prefill.
  std::vector<Sequence*> slots_;
  int64_t running_ = 0;
  int64_t stepping_slots_ = 0;
  std::vector<int64_t> all_slots_;  // 0, 1, 2, ...
  // Of the run under way, row by row.
  std::vector<Sequence*> rows_;
  std::vector<Choice> choices_;
  std::vector<int64_t> tokens_;  // that they go on from
};

}  // namespace loquor
