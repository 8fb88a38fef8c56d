// The autoregressive graph: embeddings of new positions in, logits of the last one out, the past kept in the
// KV cache.
#pragma once

#include <cstdint>
#include <vector>

#include "base/span.hpp"
#include "model/float_buffer.hpp"
#include "model/kv_cache.hpp"
#include "model/lm_signature.hpp"
#include "model/probe.hpp"
#include "ort/session.hpp"

namespace loquor {

class LanguageModel {
 public:
  // Checks the contract and probes how the cache may be kept. Throws kModel.
  LanguageModel(ort::Session session, const ort::Device& device);
  LanguageModel(const LanguageModel&) = delete;
  LanguageModel& operator=(const LanguageModel&) = delete;

  // A new sequence of at most `capacity` positions.
  void begin(int64_t capacity);
  // Where to write the embeddings of the next `count` positions, [count, hidden_size], before run().
  float* embeds(int64_t count);
  // Prefill or decode step: runs `count` new positions. The logits of the last one, [vocab_size], are the
  // caller's to change and live until the next call. Throws kExecution.
  Span<float> run(int64_t count, const ort::RunOptions& options);

  const LmSignature& signature() const { return signature_; }
  const ort::Session& session() const { return session_; }
  KvMode kv_mode() const { return cache_.mode(); }

 private:
  ort::Session session_;
  LmSignature signature_;
  LmProbe probe_;
  ort::Memory host_;
  KvCache cache_;
  ort::Binding binding_;
  FloatBuffer embeds_;
  FloatBuffer logits_;
  std::vector<int64_t> ones_;       // the attention mask is its beginning
  std::vector<int64_t> positions_;  // 0, 1, 2, ...: position ids are a window on it
};

}  // namespace loquor
