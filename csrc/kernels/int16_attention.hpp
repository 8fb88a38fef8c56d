// Attention of queries to all positions, softmax(q k^T scale) v, with both products in 16 bits
// (docs/adr/0130-int16-products.md). Queries and keys are rounded a row each, values a column of a block of
// positions each, and softmax's weights relative to the largest of a row and a block, so that what is far
// below it elsewhere is not lost. Sums are exact (kernels/int16.hpp), and blocks are added in their order: a
// row's bits depend on its query and on the keys and values, not on other rows, and are those of AVX2 and
// AVX-512.
#pragma once

#include <cstddef>

#include "kernels/int16.hpp"

namespace loquor {

constexpr std::size_t kAttentionBlock = 128;  // positions
constexpr std::size_t kLargestInt16Head = 256;

// One head's keys and values, rounded.
struct Int16Head {
  std::size_t size = 0;          // of a query, a key, a value
  std::size_t positions = 0;     // of keys and values
  Pair* keys = nullptr;          // [blocks, kAttentionBlock / 32 panels, pairs_of(size), 32]
  float* key_steps = nullptr;    // [blocks, kAttentionBlock]
  Pair* values = nullptr;        // [blocks, panels_of(size), kAttentionBlock / 2, 32]
  float* value_steps = nullptr;  // [blocks, panels_of(size) * 32]

  std::size_t blocks() const { return (positions + kAttentionBlock - 1) / kAttentionBlock; }
  static constexpr std::size_t block_key_pairs(std::size_t size) { return kAttentionBlock * pairs_of(size); }
  static constexpr std::size_t block_value_pairs(std::size_t size) {
    return panels_of(size) * kPanelColumns * kAttentionBlock / 2;
  }
};

// Rounds one block of a head; position p is keys + p * key_stride, values + p * value_stride.
void round_int16_block(const Int16Head& head, const float* keys, std::size_t key_stride, const float* values,
                       std::size_t value_stride, std::size_t block);

// `count` queries, `stride` apart, and their context.
void attend_int16(const Int16Head& head, const float* queries, std::size_t stride, std::size_t count,
                  float scale, float* context, std::size_t context_stride);

}  // namespace loquor
