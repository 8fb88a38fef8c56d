#include "model/lm_signature.hpp"

#include "model/contract.hpp"
#include "model/kv_dtype.hpp"

namespace loquor {

const char* const kAttentionWeights = "attention_weights";

namespace {

constexpr int64_t kFree = Contract::kFree;

std::vector<ort::ElementType> cache_types() {
  std::vector<ort::ElementType> types;
  for (const KvDtype& dtype : kKvDtypes) types.push_back(dtype.type);
  return types;
}

// Counts layers by name and pairs each past with its present by layer and kind: the order in which a graph
// lists them is not to be trusted.
KvLayout read_kv_layout(const Contract& contract, std::vector<std::string>& known) {
  const auto past_name = [](int64_t layer, const std::string& kind) {
    return "past_key_values." + std::to_string(layer) + "." + kind;
  };
  KvLayout kv;
  while (contract.has_input(past_name(kv.layers, "key"))) ++kv.layers;
  if (kv.layers == 0)
    contract.fail("input 'past_key_values.0.key' is missing, so there is no KV cache to keep");
  for (int64_t layer = 0; layer < kv.layers; ++layer) {
    for (const char* kind : {"key", "value"}) {
      const bool first = kv.past_names.empty();
      const auto types = first ? cache_types() : std::vector<ort::ElementType>{kv.type};
      const auto& past =
          contract.input(past_name(layer, kind), types,
                         {kFree, first ? kFree : kv.heads, kFree, first ? kFree : kv.head_dim});
      if (first) {
        kv.type = static_cast<ort::ElementType>(past.type);
        kv.heads = contract.fixed(past, 1, "number of heads");
        kv.head_dim = contract.fixed(past, 3, "head size");
      }
      const auto& present = contract.output("present." + std::to_string(layer) + "." + kind, {kv.type},
                                            {kFree, kv.heads, kFree, kv.head_dim});
      kv.past_names.push_back(past.name);
      kv.present_names.push_back(present.name);
      known.push_back(past.name);
    }
  }
  return kv;
}

}  // namespace

LmSignature read_lm_signature(const ort::Session& session) {
  const Contract contract(session);
  LmSignature signature;
  std::vector<std::string> known = {"inputs_embeds", "attention_mask", "position_ids"};
  const auto& embeds = contract.input("inputs_embeds", float_types(), {kFree, kFree, kFree});
  signature.embeds_type = static_cast<ort::ElementType>(embeds.type);
  signature.hidden_size = contract.fixed(embeds, 2, "hidden size");
  contract.input("attention_mask", {ort::ElementType::kInt64}, {kFree, kFree});
  signature.position_ids = contract.has_input("position_ids");
  if (signature.position_ids) contract.input("position_ids", {ort::ElementType::kInt64}, {kFree, kFree});
  const auto& logits = contract.output("logits", float_types(), {kFree, kFree, kFree});
  signature.logits_type = static_cast<ort::ElementType>(logits.type);
  signature.vocab_size = contract.fixed(logits, 2, "vocabulary size");
  signature.kv = read_kv_layout(contract, known);
  signature.attention_weights = contract.has_output(kAttentionWeights);
  if (signature.attention_weights)
    contract.output(kAttentionWeights, {ort::ElementType::kFloat32}, {kFree, kFree});
  contract.no_other_inputs(known);
  return signature;
}

}  // namespace loquor
