// The KV caches of the sequences that are under way: buffers of fixed capacity on the device, bound to the
// graph, never copied by us but when a slot moves, the pool grows, or a prompt's beginning is kept.
//
// Pooled (in place, in memory that can be addressed at an offset): one block a tensor, [slots, heads,
// capacity, head_dim], so that any adjacent slots are a contiguous view and one run can step the first n. A
// slot is one row of the graph's batch, and a sequence of two rows (classifier-free guidance) has two of
// them. Otherwise each slot has buffers of its own for all rows of a sequence, which are run together.
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

// Whether slots may lie in one block: a sequence that takes another's place is then copied there.
bool can_pool(const ort::Memory& memory);

class KvCache {
 public:
  KvCache(KvLayout layout, ort::Memory memory, KvMode mode);

  KvMode mode() const { return mode_; }
  bool pooled() const { return pooled_; }
  // Bytes of all buffers; untouched pages of them cost nothing. Any thread.
  int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // Whether begin() with these arguments finds room without a reserve().
  bool fits(int64_t slots, int64_t capacity) const;
  // Makes room; what the slots hold stays, copied where a pool has to grow. `unused`: nobody counts on the
  // room there is, so that it is given back first. Throws where memory runs out: all is then as before, or
  // without a buffer if it was unused.
  void reserve(int64_t slots, int64_t capacity, bool unused = false);
  // The capacity that a pool has behind a reserve() that grows it.
  int64_t granted(int64_t capacity) const;

  // Empties a slot for a sequence of at most `capacity` positions, in `rows` rows if it is not pooled.
  // Buffers only ever grow.
  void begin(int64_t slot, int64_t capacity, int64_t rows = 1);
  // The slot's sequence is over: nothing of it needs to be kept.
  void end(int64_t slot) { at(slot).length = 0; }
  int64_t length(int64_t slot) const { return at(slot).length; }
  int64_t capacity(int64_t slot) const { return at(slot).capacity; }
  int64_t rows(int64_t slot) const { return at(slot).rows; }

  // Binds past and present for a run of `count` new positions in each row, which must fit the capacity: of
  // `slots` slots from `first` on, more than one only if pooled.
  void bind(ort::Binding& binding, int64_t first, int64_t slots, int64_t count);
  // After that run.
  void advance(int64_t slot, int64_t count);
  // Pooled only: the sequence in `from` goes on in `to`.
  void move(int64_t from, int64_t to);

  // Host memory only: what the first row of a slot holds, as bytes [tensors, heads, positions, head_dim], and
  // back again into all rows of a slot that begins.
  void save(int64_t slot, unsigned char* to) const;
  void load(int64_t slot, int64_t positions, const unsigned char* from);

 private:
  using Sides = std::array<std::shared_ptr<void>, 2>;  // the second only in ping-pong
  struct Slot {
    int64_t capacity = 0;
    int64_t length = 0;
    int64_t rows = 1;
    std::size_t current = 0;     // which of two buffers holds the past
    std::vector<Sides> buffers;  // by tensor
  };

  const Slot& at(int64_t slot) const { return slots_.at(static_cast<std::size_t>(slot)); }
  Slot& at(int64_t slot) { return slots_.at(static_cast<std::size_t>(slot)); }
  void reserve_pool(int64_t slots, int64_t capacity, bool unused);
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
  bool pooled_;
  std::vector<Slot> slots_;
  std::atomic<int64_t> bytes_{0};
  int64_t bound_first_ = -1;  // in place, the same views serve every step of the same slots
  int64_t bound_slots_ = 0;
};

}  // namespace loquor
