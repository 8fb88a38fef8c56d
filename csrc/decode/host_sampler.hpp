// The logits come to the host and the Sampler chooses there.
#pragma once

#include "decode/sampler.hpp"
#include "decode/token_chooser.hpp"
#include "model/model.hpp"

namespace loquor {

class HostSampler final : public TokenChooser {
 public:
  explicit HostSampler(Model& model)
      : model_(model),
        sampler_(model.manifest.sampler_order, model.language_model.signature().vocab_size,
                 model.manifest.start_token) {}

  void reset(const GenerationOptions& options) override { sampler_.reset(options); }
  int64_t after_prompt(int64_t count, const ort::RunOptions& run) override {
    return sampler_.next(model_.language_model.run(count, run), 0);
  }
  int64_t after_token(int64_t token, uint64_t step, const ort::RunOptions& run) override {
    model_.embed_tokens.embed({&token, 1}, model_.language_model.embeds(1), run);
    return sampler_.next(model_.language_model.run(1, run), step);
  }
  const char* name() const override { return "host"; }

 private:
  Model& model_;
  Sampler sampler_;
};

}  // namespace loquor
