// The autoregressive graph: embeddings of new positions in, logits of the last one out, the past kept in the
// KV cache, a slot for each sequence under way.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/span.hpp"
#include "model/float_buffer.hpp"
#include "model/kv_cache.hpp"
#include "model/lm_signature.hpp"
#include "model/probe.hpp"
#include "ort/session.hpp"

namespace loquor {

// What a run gives, for the stages that follow it (combining rows, choosing tokens). It lives until the next
// run.
struct StepOutput {
  int64_t rows = 0;
  // [rows, vocab_size], of each row's last position, to be changed at will; empty where they stay in the
  // graph, for nodes appended to it.
  Span<float> logits;
  // [rows, positions], what each row's last position attends to; empty where the graph does not tell.
  Span<const float> attention = {};

  Span<float> row(std::size_t index) const {
    const std::size_t vocab = logits.size() / static_cast<std::size_t>(rows);
    return {logits.data() + index * vocab, vocab};
  }
  Span<const float> attention_row(std::size_t index) const {
    const std::size_t positions = attention.size() / static_cast<std::size_t>(rows);
    return {attention.data() + index * positions, positions};
  }
};

class LanguageModel {
 public:
  // Checks the contract and probes how the cache may be kept, unless `probe` says what was found before. A
  // sequence takes up to `rows` rows of the batch. Throws kModel.
  LanguageModel(ort::Session session, const ort::Device& device, const std::optional<LmProbe>& probe = {},
                int64_t rows = 1);
  LanguageModel(const LanguageModel&) = delete;
  LanguageModel& operator=(const LanguageModel&) = delete;

  // These do what KvCache's do.
  bool fits(int64_t slots, int64_t capacity) const { return cache_.fits(slots, capacity); }
  void reserve(int64_t slots, int64_t capacity, bool unused = false);
  void begin(int64_t slot, int64_t capacity, int64_t rows = 1);
  void end(int64_t slot) { cache_.end(slot); }
  void move(int64_t from, int64_t to) { cache_.move(from, to); }

  int64_t rows() const { return rows_; }  // of a sequence, at most
  // Slots of a sequence of so many rows: one for each in a pool, else one for all of them.
  int64_t slots_of(int64_t rows) const { return cache_.pooled() ? rows : 1; }
  int64_t cache_bytes() const { return cache_.bytes(); }  // any thread
  // Bytes that so many positions of a row take in the cache.
  std::size_t bytes_of(int64_t positions) const { return signature_.kv.bytes_of(positions); }

  // The beginning of a prompt as a slot's first row holds it, kept as bytes for other rows that begin alike;
  // 0 bytes where that cannot be: the graph takes a prompt in one run only, or its memory is not the host's.
  std::size_t snapshot_bytes(int64_t positions) const {
    return extends() && host_cache_ ? bytes_of(positions) : 0;
  }
  void save(int64_t slot, unsigned char* to) const { cache_.save(slot, to); }
  void load(int64_t slot, int64_t positions, const unsigned char* from) {
    cache_.load(slot, positions, from);
  }

  // Where to write the embeddings of the next run, [positions, hidden_size], a row's together.
  float* embeds(int64_t positions);
  // Runs `count` new positions in each row of these slots, which are of one length, in parts where the device
  // needs that; more slots than one only of a pool, one behind the other. Throws kExecution; the caches are
  // then as they were.
  StepOutput run(Span<const int64_t> slots, int64_t count, const ort::RunOptions& options);
  StepOutput run(int64_t slot, int64_t count, const ort::RunOptions& options) {
    return run({&slot, 1}, count, options);
  }
  // One step of these slots; embeds() and the logits are in their order. Adjacent ones are run together if
  // batched(). Throws as run() does.
  StepOutput step(Span<const int64_t> slots, const ort::RunOptions& options);
  // The same for slots from `first` on together with embeddings that lie in `embeds`, [rows, 1, hidden_size]
  // of the graph's type, on any device.
  StepOutput step_from(const ort::Value& embeds, int64_t first, int64_t slots,
                       const ort::RunOptions& options);

  // Lets the logits stay in the graph from now on, for nodes appended to it: what those nodes take and give
  // is bound to binding() by the caller. Only while no sequence is under way.
  void keep_logits();
  bool keeps_logits() const { return !logits_wanted_; }
  ort::Binding& binding() { return binding_; }

  const LmSignature& signature() const { return signature_; }
  const ort::Session& session() const { return session_; }
  KvMode kv_mode() const { return cache_.mode(); }
  // Whether run() may add several positions to a past.
  bool extends() const { return probe_.extends; }
  // Whether step() takes several slots: rows of different lengths in one run give what each gives alone.
  bool batched() const { return probe_.batched && cache_.pooled(); }

 private:
  void run_part(Span<const int64_t> slots, int64_t count, int64_t done, int64_t part,
                const ort::RunOptions& options);
  ort::Value part_view(int64_t row, int64_t rows, int64_t count, int64_t done, int64_t part);
  // Runs slots whose embeddings are bound; their logits go into logits_ from row `at` on.
  void run_slots(int64_t first, int64_t slots, int64_t count, int64_t at, const ort::RunOptions& options);
  void bind_lengths(int64_t first, int64_t slots, int64_t count);
  void bind_attention(int64_t first, int64_t slots, int64_t count, int64_t at);
  StepOutput output(int64_t rows, int64_t count);
  int64_t positions_of_logits(int64_t count) const { return probe_.logits_of_last_only ? 1 : count; }
  int64_t find_longest_run();

  ort::Session session_;
  LmSignature signature_;
  LmProbe probe_;
  const int64_t rows_;
  int64_t longest_run_;
  ort::Memory host_;
  const bool host_cache_;
  KvCache cache_;
  ort::Binding binding_;
  FloatBuffer embeds_;
  FloatBuffer part_;  // of embeds_, where rows are run together in parts
  FloatBuffer logits_;
  bool logits_wanted_ = true;
  std::vector<float> attention_;        // [rows, attended_], where the graph tells it
  int64_t attended_ = 0;                // positions, of the longest row
  std::vector<int64_t> ones_;           // one sequence's attention mask is its beginning
  std::vector<int64_t> positions_;      // 0, 1, 2, ...: position ids are a window on it
  std::vector<int64_t> row_masks_;      // [rows, longest], padded on the right
  std::vector<int64_t> row_positions_;  // [rows]
};

}  // namespace loquor
