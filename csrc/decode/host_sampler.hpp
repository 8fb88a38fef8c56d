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
        sampler_(model.manifest.family->logits_stages, model.language_model.signature().vocab_size,
                 model.manifest.start_token) {}

  void reset(const GenerationOptions& options) override { sampler_.reset(options); }
  void expect(uint64_t) override {}
  Span<float> run(int64_t token, int64_t slot, const ort::RunOptions& options) override {
    model_.embed_tokens.embed({&token, 1}, model_.language_model.embeds(1), options);
    return model_.language_model.run(slot, 1, options);
  }
  int64_t choose(Span<float> logits, uint64_t step) override { return sampler_.next(logits, step); }

 private:
  Model& model_;
  Sampler sampler_;
};

}  // namespace loquor
