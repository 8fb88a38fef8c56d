#include "model/language_model.hpp"

#include <algorithm>
#include <numeric>

namespace loquor {

LanguageModel::LanguageModel(ort::Session session, const ort::Device& device)
    : session_(std::move(session)),
      signature_(read_lm_signature(session_)),
      probe_(probe_language_model(session_, signature_, device)),
      host_(session_.api_ptr()),
      host_cache_(device.host_memory()),
      cache_(signature_.kv, session_.memory(device), probe_.kv_mode),
      binding_(session_),
      embeds_(session_.api_ptr(), signature_.embeds_type),
      logits_(session_.api_ptr(), signature_.logits_type) {}

void LanguageModel::reserve(int64_t slots, int64_t capacity) {
  cache_.reserve(slots, capacity);
  embeds_.reserve(static_cast<std::size_t>(slots * signature_.hidden_size));
  logits_.reserve(static_cast<std::size_t>(slots * signature_.vocab_size));
  row_positions_.resize(std::max(row_positions_.size(), static_cast<std::size_t>(slots)));
  if (!batched()) return;
  const auto masks = static_cast<std::size_t>(slots * cache_.capacity(0));
  row_masks_.resize(std::max(row_masks_.size(), masks));
}

void LanguageModel::begin(int64_t slot, int64_t capacity) {
  cache_.begin(slot, capacity);
  const auto size = static_cast<std::size_t>(cache_.capacity(slot));
  if (size <= ones_.size()) return;
  ones_.assign(size, 1);
  positions_.resize(size);
  std::iota(positions_.begin(), positions_.end(), 0);
}

float* LanguageModel::embeds(int64_t rows) {
  embeds_.reserve(static_cast<std::size_t>(rows * signature_.hidden_size));
  return embeds_.data();
}

Span<float> LanguageModel::run(int64_t slot, int64_t count, const ort::RunOptions& options) {
  const int64_t past = cache_.length(slot);
  const int64_t rows = probe_.logits_of_last_only ? 1 : count;
  const auto vocab = static_cast<std::size_t>(signature_.vocab_size);
  embeds_.to_graph(static_cast<std::size_t>(count * signature_.hidden_size));
  logits_.reserve(static_cast<std::size_t>(rows) * vocab);

  cache_.bind(binding_, slot, 1, count);
  binding_.input("inputs_embeds", embeds_.view({1, count, signature_.hidden_size}));
  binding_.input("attention_mask", host_.view(ort::ElementType::kInt64, ones_.data(), {1, past + count}));
  if (signature_.position_ids) {
    binding_.input("position_ids",
                   host_.view(ort::ElementType::kInt64, positions_.data() + past, {1, count}));
  }
  binding_.output("logits", logits_.view({1, rows, signature_.vocab_size}));
  binding_.run(options);
  cache_.advance(slot, count);

  const std::size_t last = static_cast<std::size_t>(rows - 1) * vocab;
  logits_.from_graph(last, vocab);
  return {logits_.data() + last, vocab};
}

Span<float> LanguageModel::step(int64_t rows, const ort::RunOptions& options) {
  int64_t longest = 0;
  for (int64_t row = 0; row < rows; ++row) longest = std::max(longest, cache_.length(row) + 1);
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t length = cache_.length(row) + 1;
    int64_t* const mask = row_masks_.data() + row * longest;
    std::fill(std::fill_n(mask, length, 1), mask + longest, 0);
    row_positions_[static_cast<std::size_t>(row)] = length - 1;
  }
  const auto count = static_cast<std::size_t>(rows * signature_.vocab_size);
  embeds_.to_graph(static_cast<std::size_t>(rows * signature_.hidden_size));
  logits_.reserve(count);

  cache_.bind(binding_, 0, rows, 1);
  binding_.input("inputs_embeds", embeds_.view({rows, 1, signature_.hidden_size}));
  binding_.input("attention_mask", host_.view(ort::ElementType::kInt64, row_masks_.data(), {rows, longest}));
  if (signature_.position_ids) {
    binding_.input("position_ids", host_.view(ort::ElementType::kInt64, row_positions_.data(), {rows, 1}));
  }
  binding_.output("logits", logits_.view({rows, 1, signature_.vocab_size}));
  binding_.run(options);
  for (int64_t row = 0; row < rows; ++row) cache_.advance(row, 1);
  logits_.from_graph(0, count);
  return {logits_.data(), count};
}

}  // namespace loquor
