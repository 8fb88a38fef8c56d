// The hybrid embedding table: the last two ids of a call are looked up as speech, all before them as text.
#pragma once

#include "base/span.hpp"
#include "model/float_buffer.hpp"
#include "ort/session.hpp"

namespace loquor {

class EmbedTokens {
 public:
  // Checks the contract; refuses a table that wants more than ids. Throws kModel.
  explicit EmbedTokens(ort::Session session);
  EmbedTokens(const EmbedTokens&) = delete;
  EmbedTokens& operator=(const EmbedTokens&) = delete;

  // Writes [ids.size(), hidden_size] to `out`. Text comes with its two end-of-text ids in one call; speech
  // ids one by one.
  void embed(Span<const int64_t> ids, float* out, const ort::RunOptions& options);
  // The same between tensors that lie anywhere: `ids` [1, n] to `out` [1, n, hidden_size] of the graph's
  // type.
  void embed(const ort::Value& ids, const ort::Value& out, const ort::RunOptions& options);

  int64_t hidden_size() const { return hidden_size_; }
  ort::ElementType type() const { return type_; }  // of the embeddings, in the graph
  const ort::Session& session() const { return session_; }

 private:
  ort::Session session_;
  ort::ElementType type_{};
  int64_t hidden_size_ = 0;
  ort::Memory host_;
  ort::Binding binding_;
  FloatBuffer half_;  // between the graph and `out` when the graph speaks float16
};

}  // namespace loquor
