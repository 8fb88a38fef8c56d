// Chooses the next speech token from the logits, on the host.
//
// What each stage computes, so that another implementation can agree token for token:
//   temperature         logits / temperature in float32
//   top_k               keeps every logit not below the k-th largest (ties stay)
//   top_p               softmax in double; walks the tokens from the least likely (equal logits: lower id
//                       first) and drops them while the cumulative probability is at most 1 - top_p; keeps
//                       at least one
//   min_p               drops tokens less likely than min_p times the likeliest
//   repetition_penalty  once per distinct token of the history: v < 0 ? v * penalty : v / penalty in float32
// then softmax in double and the inverse CDF over ascending token ids: the first whose cumulative weight
// exceeds u times the total, u = CounterRng(seed).uniform(step). The stages are those of the Hugging Face
// logits processors.
//
// The history while sampling is {start token} for the first token and the generated tokens after that, as in
// upstream's PyTorch loop. Greedy (temperature 0) is the model card's rule: the penalty over {start token}
// and the generated tokens, then the largest logit, lowest id first; no other stage could change that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/span.hpp"
#include "decode/token_chooser.hpp"
#include "model/generation_options.hpp"

namespace loquor {

class Sampler {
 public:
  // `order`: the stages a family applies, in its order; `start_counts`: whether the penalty meets the start
  // token at every step, not at the first alone. Throws kModel if the start token is no token of the
  // vocabulary. All memory is taken here.
  Sampler(std::vector<SamplerStage> order, int64_t vocab_size, int64_t start_token,
          bool start_counts = false);

  // Starts a new sequence. Throws kInvalidInput as validate() does.
  void reset(const GenerationOptions& options);

  // Processes `logits` [vocab_size] in place and returns the chosen token, which joins the history; kNoToken
  // when every logit is -inf. Throws kExecution on NaN, or on a wrong length. Allocates nothing.
  int64_t next(Span<float> logits, uint64_t step);

 private:
  struct Candidate {
    uint32_t key;  // orders like the logit
    int32_t token;
  };

  int64_t greedy(Span<float> logits);
  int64_t sample(Span<float> logits, uint64_t step);
  void apply(SamplerStage stage, Span<float> logits);
  void apply_temperature(Span<float> logits) const;
  void apply_top_k(Span<float> logits);
  void apply_top_p(Span<float> logits);
  void apply_min_p(Span<float> logits) const;
  void apply_repetition_penalty(Span<float> logits, bool start_counts) const;
  void penalize(float& logit) const;
  std::size_t gather_candidates(Span<float> logits);
  void sort_candidates(std::size_t count);
  void remember(int64_t token);

  std::vector<SamplerStage> order_;
  std::size_t vocab_size_;
  std::size_t start_token_;
  bool start_counts_;
  GenerationOptions options_;
  std::vector<int32_t> history_;          // distinct generated tokens, in order of appearance
  std::vector<unsigned char> generated_;  // by token: is it in history_?
  std::vector<Candidate> candidates_;
  std::vector<Candidate> sorted_;  // the sort's other buffer
  std::vector<uint32_t> band_;     // top_k's scratch: the keys near the k-th
  std::vector<double> weights_;    // exp(logit - largest), or their running sum
};

}  // namespace loquor
