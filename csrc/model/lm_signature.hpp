// What a language_model graph declares, read from its session and checked against the contract.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ort/session.hpp"

namespace loquor {

// The KV cache that the graph keeps.
struct KvLayout {
  int64_t layers = 0;
  int64_t heads = 0;  // of keys and values
  int64_t head_dim = 0;
  ort::ElementType type = ort::ElementType::kFloat32;
  // Names by layer, key then value: present_names[i] continues past_names[i].
  std::vector<std::string> past_names;
  std::vector<std::string> present_names;

  // Bytes of one position in one key or value tensor.
  std::size_t position_bytes() const {
    return static_cast<std::size_t>(heads * head_dim) * ort::element_size(type);
  }
  // Bytes of so many positions in all tensors.
  std::size_t bytes_of(int64_t positions) const {
    return static_cast<std::size_t>(positions) * position_bytes() * past_names.size();
  }
};

extern const char* const kAttentionWeights;  // an output's name

struct LmSignature {
  KvLayout kv;
  ort::ElementType embeds_type = ort::ElementType::kFloat32;
  ort::ElementType logits_type = ort::ElementType::kFloat32;
  int64_t hidden_size = 0;
  int64_t vocab_size = 0;
  bool position_ids = false;
  // Whether it tells what the last position of each row attends to: a prepared graph's output
  // attention_weights, float32 [rows, positions].
  bool attention_weights = false;
};

// Throws kModel naming the tensor, what was expected and what was found.
LmSignature read_lm_signature(const ort::Session& session);

}  // namespace loquor
