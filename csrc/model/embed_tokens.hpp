// The embedding graph: ids, and what else a family's graph takes, to rows of the language model's input.
#pragma once

#include <optional>
#include <vector>

#include "base/span.hpp"
#include "model/embed_tables.hpp"
#include "model/float_buffer.hpp"
#include "ort/session.hpp"

namespace loquor {

// How a graph reads ids that counts positions itself; absent, the last two ids of a call are looked up as
// speech, all before them as text.
struct EmbedRules {
  int64_t first_special = 0;  // ids of a prompt from this one on stand at 0, the text from 0 on
  int64_t text_end = 0;       // the id that ends the text: up to its first place ids are text
  int64_t feeling = 0;        // the id whose row is a feeling's
};

class EmbedTokens {
 public:
  // Checks the contract; refuses a graph that wants more than the rules say. With rules, its tables are
  // looked for in `file`. Throws kModel.
  explicit EmbedTokens(ort::Session session, const std::optional<EmbedRules>& rules = {},
                       const std::string& file = {});
  EmbedTokens(const EmbedTokens&) = delete;
  EmbedTokens& operator=(const EmbedTokens&) = delete;

  // Writes [ids.size(), hidden_size] to `out`. Text comes with its two end-of-text ids in one call; speech
  // ids one by one. Without rules.
  void embed(Span<const int64_t> ids, float* out, const ort::RunOptions& options);
  // The same between tensors that lie anywhere: `ids` [1, n] to `out` [1, n, hidden_size] of the graph's
  // type.
  void embed(const ort::Value& ids, const ort::Value& out, const ort::RunOptions& options);

  // A whole prompt, [ids.size(), hidden_size], for any family. `with_text` off leaves the text's positions
  // alone, as the row of guidance without text has it: only if removes_text().
  void embed_prompt(Span<const int64_t> ids, float exaggeration, bool with_text, float* out,
                    const ort::RunOptions& options);
  // One speech token, which is the `number`th that was chosen, counted from 1: [hidden_size].
  void embed_token(int64_t id, int64_t number, float* out, const ort::RunOptions& options);
  bool removes_text() const { return takes_conditioning_ || tables_; }

  int64_t hidden_size() const { return hidden_size_; }
  ort::ElementType type() const { return type_; }  // of the embeddings, in the graph
  const ort::Session& session() const { return session_; }

 private:
  void run(Span<const int64_t> ids, float* out, const ort::RunOptions& options);
  void embed_at(Span<const int64_t> ids, Span<const int64_t> positions, float exaggeration,
                float conditioning, float* out, const ort::RunOptions& options);

  ort::Session session_;
  const std::optional<EmbedRules> rules_;
  const bool takes_conditioning_;
  ort::ElementType type_{};
  int64_t hidden_size_ = 0;
  ort::Memory host_;
  ort::Binding binding_;
  FloatBuffer half_;  // between the graph and `out` when the graph speaks float16
  std::optional<EmbedTables> tables_;
  std::vector<int64_t> positions_;
  std::vector<float> pair_;  // [2, hidden_size]
};

}  // namespace loquor
