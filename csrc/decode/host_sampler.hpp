// The logits come to the host and a Sampler for each sequence chooses there.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "decode/sampler.hpp"
#include "decode/token_chooser.hpp"
#include "model/manifest.hpp"

namespace loquor {

class HostSampler final : public TokenChooser {
 public:
  HostSampler(const Manifest& manifest, int64_t vocab_size)
      : family_(*manifest.family), start_token_(manifest.start_token), vocab_size_(vocab_size) {}

  void reserve(int64_t slots) override {
    if (static_cast<std::size_t>(slots) > samplers_.size()) samplers_.resize(static_cast<std::size_t>(slots));
  }
  void begin(int64_t slot, const GenerationOptions& options) override {
    auto& sampler = at(slot);
    if (sampler == nullptr) {
      sampler =
          std::make_unique<Sampler>(family_.logits_stages, vocab_size_, start_token_, family_.start_counts);
    }
    sampler->reset(options);
  }
  void move(int64_t from, int64_t to) override { std::swap(at(from), at(to)); }
  void expect(int64_t, Span<const Choice>) override {}
  void choose(int64_t first, const StepOutput& output, Span<Choice> choices) override {
    for (std::size_t i = 0; i < choices.size(); ++i) {
      Choice& choice = choices[i];
      if (choice.unconditioned) continue;
      try {
        choice.token = at(first + static_cast<int64_t>(i))->next(output.row(i), choice.step);
      } catch (const Error&) {  // its own logits: the others' are good
        choice.error = std::current_exception();
      }
    }
  }
  const ort::Value* token_on_device(int64_t) const override { return nullptr; }

 private:
  std::unique_ptr<Sampler>& at(int64_t slot) { return samplers_.at(static_cast<std::size_t>(slot)); }

  const Family& family_;
  int64_t start_token_;
  int64_t vocab_size_;
  std::vector<std::unique_ptr<Sampler>> samplers_;  // by slot; null until a sequence was there
};

}  // namespace loquor
