#include "model/kv_cache.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace loquor {
namespace {

// Copies so many bytes of each head; strides are in bytes.
void copy_heads(const void* from, std::size_t from_stride, void* to, std::size_t to_stride, int64_t heads,
                std::size_t bytes) {
  const auto* read = static_cast<const unsigned char*>(from);
  auto* write = static_cast<unsigned char*>(to);
  for (int64_t head = 0; head < heads; ++head, read += from_stride, write += to_stride) {
    std::memcpy(write, read, bytes);
  }
}

// Capacities come in steps, so that requests of similar length reuse the buffers.
constexpr int64_t kCapacityStep = 256;

int64_t rounded(int64_t capacity) { return (capacity + kCapacityStep - 1) / kCapacityStep * kCapacityStep; }

}  // namespace

KvCache::KvCache(KvLayout layout, ort::Memory memory, KvMode mode)
    : layout_(std::move(layout)),
      memory_(std::move(memory)),
      mode_(mode),
      pooled_(mode == KvMode::kInPlace && can_pool(memory_)) {}

bool can_pool(const ort::Memory& memory) {
  return memory.host() || (memory.addressable() && ort::can_copy(memory));
}

bool KvCache::fits(int64_t slots, int64_t capacity) const {
  if (slots > static_cast<int64_t>(slots_.size())) return false;
  return !pooled() || (!slots_.empty() && capacity <= slots_.front().capacity);
}

int64_t KvCache::granted(int64_t capacity) const {
  return rounded(slots_.empty() ? capacity : std::max(capacity, slots_.front().capacity));
}

void KvCache::reserve(int64_t slots, int64_t capacity, bool unused) {
  if (fits(slots, capacity)) return;
  if (pooled()) return reserve_pool(slots, granted(capacity), unused);
  slots_.resize(static_cast<std::size_t>(slots));
}

void KvCache::reserve_pool(int64_t slots, int64_t capacity, bool unused) {
  slots = std::max(slots, static_cast<int64_t>(slots_.size()));
  const std::size_t slot_bytes = static_cast<std::size_t>(capacity) * layout_.position_bytes();
  bound_first_ = -1;
  if (unused) {  // the old blocks go before the larger come
    slots_.clear();
    count_bytes();
  }
  std::vector<Slot> made(static_cast<std::size_t>(slots));
  for (std::size_t tensor = 0; tensor < layout_.past_names.size(); ++tensor) {
    const std::shared_ptr<void> block = memory_.allocate(slot_bytes * made.size());
    for (std::size_t i = 0; i < made.size(); ++i) {
      void* const start = static_cast<unsigned char*>(block.get()) + i * slot_bytes;
      made[i].buffers.push_back({std::shared_ptr<void>(block, start), nullptr});
    }
  }
  for (Slot& slot : made) slot.capacity = capacity;
  for (std::size_t i = 0; i < slots_.size(); ++i) copy_slot(slots_[i], made[i]);
  slots_ = std::move(made);
  count_bytes();
}

// Pooled only; the capacities may differ.
void KvCache::copy_slot(const Slot& from, Slot& to) const {
  const std::size_t from_stride = static_cast<std::size_t>(from.capacity) * head_bytes();
  const std::size_t to_stride = static_cast<std::size_t>(to.capacity) * head_bytes();
  const std::size_t filled = static_cast<std::size_t>(from.length) * head_bytes();
  for (std::size_t i = 0; from.length > 0 && i < from.buffers.size(); ++i) {
    const auto read = static_cast<unsigned char*>(from.buffers[i][0].get());
    const auto write = static_cast<unsigned char*>(to.buffers[i][0].get());
    if (memory_.host()) {
      copy_heads(read, from_stride, write, to_stride, layout_.heads, filled);
      continue;
    }
    const auto copy = [&](void* source, void* target, int64_t copied_heads, int64_t positions) {
      const ort::Shape shape = {1, copied_heads, positions, layout_.head_dim};
      ort::copy(memory_.api(), memory_.view(layout_.type, source, shape),
                memory_.view(layout_.type, target, shape));
    };
    if (from_stride == to_stride) {  // few calls are worth more than few bytes
      copy(read, write, layout_.heads, from.capacity);
      continue;
    }
    for (std::size_t head = 0; head < static_cast<std::size_t>(layout_.heads); ++head) {
      copy(read + head * from_stride, write + head * to_stride, 1, from.length);
    }
  }
  to.length = from.length;
}

void KvCache::count_bytes() {
  int64_t positions = 0;
  for (const Slot& slot : slots_) positions += slot.capacity * slot.rows;
  const int64_t sides = mode_ == KvMode::kInPlace ? 1 : 2;
  bytes_.store(static_cast<int64_t>(layout_.bytes_of(positions)) * sides, std::memory_order_relaxed);
}

void KvCache::begin(int64_t index, int64_t capacity, int64_t rows) {
  Slot& slot = at(index);
  slot.length = 0;
  slot.current = 0;
  bound_first_ = -1;  // the binding may be another than the last sequence's
  if (capacity <= slot.capacity && rows == slot.rows) return;
  if (pooled()) {
    throw Error(ErrorKind::kInternal, "the KV pool holds " + std::to_string(slot.capacity) +
                                          " positions a slot, " + std::to_string(capacity) +
                                          " were asked for");
  }
  capacity = std::max(rounded(capacity), slot.capacity);
  const std::size_t bytes = static_cast<std::size_t>(capacity * rows) * layout_.position_bytes();
  const std::size_t sides = mode_ == KvMode::kInPlace ? 1 : 2;
  slot.capacity = 0;  // until all of them are there
  slot.buffers.resize(layout_.past_names.size());
  for (Sides& pair : slot.buffers) {
    pair = {};  // give the old one back before taking the larger
    for (std::size_t side = 0; side < sides; ++side) pair[side] = memory_.allocate(bytes);
  }
  slot.capacity = capacity;
  slot.rows = rows;
  count_bytes();
}

void KvCache::bind(ort::Binding& binding, int64_t first, int64_t slots, int64_t count) {
  for (int64_t index = first; index < first + slots; ++index) {
    if (at(index).length + count <= at(index).capacity) continue;
    throw Error(ErrorKind::kInternal, "the KV cache holds " + std::to_string(at(index).capacity) +
                                          " positions, " + std::to_string(at(index).length + count) +
                                          " were asked for");
  }
  const bool in_place = mode_ == KvMode::kInPlace;
  if (in_place && bound_first_ == first && bound_slots_ == slots) return;
  bound_first_ = -1;  // until all are bound
  const Slot& slot = at(first);
  const int64_t rows = slots * slot.rows;
  const int64_t past = in_place ? slot.capacity : slot.length;
  const int64_t present = in_place ? slot.capacity : slot.length + count;
  for (std::size_t i = 0; i < slot.buffers.size(); ++i) {
    void* const from = slot.buffers[i][slot.current].get();
    void* const to = in_place ? from : slot.buffers[i][1 - slot.current].get();
    binding.input(layout_.past_names[i].c_str(),
                  memory_.view(layout_.type, from, {rows, layout_.heads, past, layout_.head_dim}));
    binding.output(layout_.present_names[i].c_str(),
                   memory_.view(layout_.type, to, {rows, layout_.heads, present, layout_.head_dim}));
  }
  bound_first_ = first;
  bound_slots_ = slots;
}

void KvCache::advance(int64_t index, int64_t count) {
  Slot& slot = at(index);
  slot.length += count;
  if (mode_ == KvMode::kPingPong) slot.current = 1 - slot.current;
}

void KvCache::move(int64_t from, int64_t to) {
  copy_slot(at(from), at(to));
  end(from);
}

void KvCache::save(int64_t index, unsigned char* to) const {
  const Slot& slot = at(index);
  const std::size_t filled = static_cast<std::size_t>(slot.length) * head_bytes();
  for (const Sides& pair : slot.buffers) {
    copy_heads(pair[slot.current].get(), static_cast<std::size_t>(stride(slot)) * head_bytes(), to, filled,
               layout_.heads, filled);
    to += filled * static_cast<std::size_t>(layout_.heads);
  }
}

void KvCache::load(int64_t index, int64_t positions, const unsigned char* from) {
  Slot& slot = at(index);
  slot.length = positions;
  const std::size_t filled = static_cast<std::size_t>(positions) * head_bytes();
  const std::size_t to_stride = static_cast<std::size_t>(stride(slot)) * head_bytes();
  for (const Sides& pair : slot.buffers) {
    auto* to = static_cast<unsigned char*>(pair[slot.current].get());
    for (int64_t row = 0; row < slot.rows; ++row, to += to_stride * static_cast<std::size_t>(layout_.heads)) {
      copy_heads(from, filled, to, to_stride, layout_.heads, filled);
    }
    from += filled * static_cast<std::size_t>(layout_.heads);
  }
}

}  // namespace loquor
