// The loop: prefill once, then sample, embed and step until STOP, the limit or a cancel.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/cancel.hpp"
#include "base/span.hpp"
#include "decode/token_chooser.hpp"
#include "model/model.hpp"

namespace loquor {

enum class FinishReason { kStop, kLength };

struct GenerationRequest {
  Span<const int64_t> input_ids;  // with the bundle's trailing end-of-text ids
  const Voice& voice;
  GenerationOptions options;
  std::function<void(int32_t)> progress;  // tokens so far, after each; may be empty
};

struct Tokens {
  std::vector<int64_t> ids;  // as sampled, STOP left out
  FinishReason finish_reason = FinishReason::kStop;
  int32_t prompt_length = 0;
  double prefill_seconds = 0;
  double decode_seconds = 0;
};

class Generator {
 public:
  explicit Generator(Model& model);

  const TokenChooser& chooser() const { return *chooser_; }

  // Throws kInvalidInput for ids, options or a voice that do not fit, kCancelled within one step of a cancel,
  // kExecution. A request gives the same tokens whatever ran before it. In steady state a step allocates
  // nothing of ours.
  Tokens generate(const GenerationRequest& request, const ort::RunOptions& run, const CancelToken* cancel);

 private:
  void check_ids(Span<const int64_t> ids) const;
  void write_prompt(const GenerationRequest& request, int64_t prompt_length, const ort::RunOptions& run);

  Model& model_;
  std::unique_ptr<TokenChooser> chooser_;
};

}  // namespace loquor
