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
  // Prefill or decode step: runs `count` new positions, in parts where the device needs that. The logits of
  // the last one, [vocab_size], are the caller's to change and live until the next call. Throws kExecution.
  Span<float> run(int64_t count, const ort::RunOptions& options);

  // From the next sequence on, the logits stay in the graph, for nodes appended to it: run() returns none,
  // and what those nodes take and give is bound to binding() by the caller.
  void keep_logits();
  ort::Binding& binding() { return binding_; }
  // A decode step whose embeddings lie in `embeds`, [1, 1, hidden_size] of the graph's type, on any device.
  void run_from(const ort::Value& embeds, const ort::RunOptions& options);

  const LmSignature& signature() const { return signature_; }
  const ort::Session& session() const { return session_; }
  KvMode kv_mode() const { return cache_.mode(); }
  // Positions that one run of the graph takes at most.
  int64_t longest_run() const { return longest_run_; }

 private:
  // Runs `count` of the positions written to embeds(), from `first` on, and leaves their logits in logits_.
  void run_part(int64_t first, int64_t count, const ort::RunOptions& options);
  void run_bound(int64_t count, const ort::RunOptions& options);
  int64_t find_longest_run();

  ort::Session session_;
  LmSignature signature_;
  LmProbe probe_;
  int64_t longest_run_;
  ort::Memory host_;
  KvCache cache_;
  ort::Binding binding_;
  FloatBuffer embeds_;
  FloatBuffer logits_;
  bool logits_wanted_ = true;
  std::vector<int64_t> ones_;       // the attention mask is its beginning
  std::vector<int64_t> positions_;  // 0, 1, 2, ...: position ids are a window on it
};

}  // namespace loquor
