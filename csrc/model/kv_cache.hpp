// The KV caches of the sequences that are under way, one a slot: buffers of fixed capacity on the device,
// bound to the graph, never copied by us but when a slot moves, the pool grows, or a prompt's beginning is
// kept.
//
// Pooled (in place, in host memory): one block a tensor, [slots, heads, capacity, head_dim], so that a slot
// is a contiguous view and one run can step the first n slots. Otherwise each slot has buffers of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/lm_signature.hpp"
#include "ort/session.hpp"

namespace loquor {

enum class KvMode {
  kPingPong,  // the graph returns past and new positions together: two buffers take turns
  kInPlace,   // the graph writes new positions into the past's own buffer
};

class KvCache {
 public:
  KvCache(KvLayout layout, ort::Memory memory, KvMode mode);

  KvMode mode() const { return mode_; }
  bool pooled() const { return mode_ == KvMode::kInPlace && memory_.host(); }
  // Of all buffers; untouched pages of them cost nothing. Any thread.
  int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // Whether begin() with these arguments finds room without a reserve().
  bool fits(int64_t slots, int64_t capacity) const;
  // Makes room; what the slots hold stays, copied where a pool has to grow. Throws where memory runs out: all
  // is then as before, or without a buffer where every slot was empty.
  void reserve(int64_t slots, int64_t capacity);

  // Empties a slot for a sequence of at most `capacity` positions. Buffers only ever grow.
  void begin(int64_t slot, int64_t capacity);
  // The slot's sequence is over: nothing of it needs to be kept.
  void end(int64_t slot) { at(slot).length = 0; }
  int64_t length(int64_t slot) const { return at(slot).length; }
  int64_t capacity(int64_t slot) const { return at(slot).capacity; }

  // Binds past and present of `rows` slots from `first` on for a run of `count` new positions in each, which
  // must fit the capacity. More than one row only if pooled.
  void bind(ort::Binding& binding, int64_t first, int64_t rows, int64_t count);
  // After that run.
  void advance(int64_t slot, int64_t count);
  // Pooled only: the sequence in `from` goes on in `to`.
  void move(int64_t from, int64_t to);

  // Host memory only: what a slot holds, as bytes [tensors, heads, positions, head_dim], and back again into
  // a slot that begins.
  std::size_t bytes_of(int64_t positions) const { return layout_.bytes_of(positions); }
  void save(int64_t slot, unsigned char* to) const;
  void load(int64_t slot, int64_t positions, const unsigned char* from);

 private:
  using Sides = std::array<std::shared_ptr<void>, 2>;  // the second only in ping-pong
  struct Slot {
    int64_t capacity = 0;
    int64_t length = 0;
    std::size_t current = 0;     // which of two buffers holds the past
    std::vector<Sides> buffers;  // by tensor
  };

  const Slot& at(int64_t slot) const { return slots_.at(static_cast<std::size_t>(slot)); }
  Slot& at(int64_t slot) { return slots_.at(static_cast<std::size_t>(slot)); }
  void reserve_pool(int64_t slots, int64_t capacity);
  void copy_slot(const Slot& from, Slot& to) const;
  void count_bytes();
  // Positions from one head to the next.
  int64_t stride(const Slot& slot) const { return mode_ == KvMode::kInPlace ? slot.capacity : slot.length; }
  std::size_t head_bytes() const {  // of one position
    return static_cast<std::size_t>(layout_.head_dim) * ort::element_size(layout_.type);
  }

  KvLayout layout_;
  ort::Memory memory_;
  KvMode mode_;
  std::vector<Slot> slots_;
  std::atomic<int64_t> bytes_{0};
  int64_t bound_first_ = -1;  // in place, the same views serve every step of the same slots
  int64_t bound_rows_ = 0;
};

}  // namespace loquor
