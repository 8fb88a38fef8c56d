// The KV cache of one sequence: buffers of fixed capacity on the device, bound to the graph, never copied by
// us.
#pragma once

#include <array>
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

  // Empties the cache and makes room for `capacity` positions. Buffers only ever grow.
  void begin(int64_t capacity);
  int64_t length() const { return length_; }
  int64_t capacity() const { return capacity_; }
  KvMode mode() const { return mode_; }

  // Binds past and present for a run of `count` new positions, which must fit the capacity.
  void bind(ort::Binding& binding, int64_t count);
  // After that run.
  void advance(int64_t count);

 private:
  KvLayout layout_;
  ort::Memory memory_;
  KvMode mode_;
  int64_t capacity_ = 0;
  int64_t length_ = 0;
  std::size_t current_ = 0;                                    // which of two buffers holds the past
  bool bound_ = false;                                         // in place, the same views serve every step
  std::vector<std::array<std::shared_ptr<void>, 2>> buffers_;  // by tensor; the second only in ping-pong
};

}  // namespace loquor
