#include "model/kv_cache.hpp"

#include <algorithm>

namespace loquor {
namespace {

// Capacities come in steps, so that requests of similar length reuse the buffers.
constexpr int64_t kCapacityStep = 256;

}  // namespace

KvCache::KvCache(KvLayout layout, ort::Memory memory, KvMode mode)
    : layout_(std::move(layout)),
      memory_(std::move(memory)),
      mode_(mode),
      buffers_(static_cast<std::size_t>(2 * layout_.layers)) {}

void KvCache::begin(int64_t capacity) {
  length_ = 0;
  current_ = 0;
  bound_ = false;
  if (capacity <= capacity_) return;
  const int64_t rounded = (capacity + kCapacityStep - 1) / kCapacityStep * kCapacityStep;
  const std::size_t bytes = static_cast<std::size_t>(rounded) * layout_.position_bytes();
  const std::size_t sides = mode_ == KvMode::kInPlace ? 1 : 2;
  capacity_ = 0;  // until all of them are there
  for (auto& pair : buffers_) {
    pair = {};  // give the old one back before taking the larger
    for (std::size_t side = 0; side < sides; ++side) pair[side] = memory_.allocate(bytes);
  }
  capacity_ = rounded;
}

void KvCache::bind(ort::Binding& binding, int64_t count) {
  if (length_ + count > capacity_) {
    throw Error(ErrorKind::kInternal, "the KV cache holds " + std::to_string(capacity_) + " positions, " +
                                          std::to_string(length_ + count) + " were asked for");
  }
  if (mode_ == KvMode::kInPlace && bound_) return;
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    const int64_t past = mode_ == KvMode::kInPlace ? capacity_ : length_;
    const int64_t present = mode_ == KvMode::kInPlace ? capacity_ : length_ + count;
    void* const from = buffers_[i][current_].get();
    void* const to = mode_ == KvMode::kInPlace ? from : buffers_[i][1 - current_].get();
    binding.input(layout_.past_names[i].c_str(),
                  memory_.view(layout_.type, from, {1, layout_.heads, past, layout_.head_dim}));
    binding.output(layout_.present_names[i].c_str(),
                   memory_.view(layout_.type, to, {1, layout_.heads, present, layout_.head_dim}));
  }
  bound_ = true;
}

void KvCache::advance(int64_t count) {
  length_ += count;
  if (mode_ == KvMode::kPingPong) current_ = 1 - current_;
}

}  // namespace loquor
