#include "model/language_model.hpp"

#include <numeric>

namespace loquor {

LanguageModel::LanguageModel(ort::Session session, const ort::Device& device)
    : session_(std::move(session)),
      signature_(read_lm_signature(session_)),
      probe_(probe_language_model(session_, signature_, device)),
      host_(session_.api_ptr()),
      cache_(signature_.kv, session_.memory(device), probe_.kv_mode),
      binding_(session_),
      embeds_(session_.api_ptr(), signature_.embeds_type),
      logits_(session_.api_ptr(), signature_.logits_type) {}

void LanguageModel::begin(int64_t capacity) {
  cache_.begin(capacity);
  const auto size = static_cast<std::size_t>(cache_.capacity());
  if (size <= ones_.size()) return;
  ones_.assign(size, 1);
  positions_.resize(size);
  std::iota(positions_.begin(), positions_.end(), 0);
}

float* LanguageModel::embeds(int64_t count) {
  embeds_.reserve(static_cast<std::size_t>(count * signature_.hidden_size));
  return embeds_.data();
}

Span<float> LanguageModel::run(int64_t count, const ort::RunOptions& options) {
  const int64_t past = cache_.length();
  const int64_t rows = probe_.logits_of_last_only ? 1 : count;
  const auto vocab = static_cast<std::size_t>(signature_.vocab_size);
  embeds_.to_graph(static_cast<std::size_t>(count * signature_.hidden_size));
  logits_.reserve(static_cast<std::size_t>(rows) * vocab);

  cache_.bind(binding_, count);
  binding_.input("inputs_embeds", embeds_.view({1, count, signature_.hidden_size}));
  binding_.input("attention_mask", host_.view(ort::ElementType::kInt64, ones_.data(), {1, past + count}));
  if (signature_.position_ids) {
    binding_.input("position_ids",
                   host_.view(ort::ElementType::kInt64, positions_.data() + past, {1, count}));
  }
  binding_.output("logits", logits_.view({1, rows, signature_.vocab_size}));
  binding_.run(options);
  cache_.advance(count);

  const std::size_t last = static_cast<std::size_t>(rows - 1) * vocab;
  logits_.from_graph(last, vocab);
  return {logits_.data() + last, vocab};
}

}  // namespace loquor
