// Causal attention over a KV cache that new positions are written into: softmax(q k^T scale) v.
#pragma once

#include <cstddef>

namespace loquor {

// Of a cache's numbers; the values are ONNX's. How they are read and written: cache_numbers.hpp.
enum class CacheType : int { kFloat32 = 1, kInt8 = 3, kFloat16 = 10 };

constexpr CacheType kCacheTypes[] = {CacheType::kFloat32, CacheType::kFloat16, CacheType::kInt8};

constexpr std::size_t bytes_of(CacheType type) {
  return type == CacheType::kFloat32 ? 4 : type == CacheType::kFloat16 ? 2 : 1;
}
// Whether its numbers are steps of a scale.
constexpr bool is_scaled(CacheType type) { return type == CacheType::kInt8; }

constexpr std::size_t kHeadStep = 8;  // head sizes are multiples of it ...
constexpr std::size_t kLargestHead = 256;

// Rows of one sequence: row s of a head begins at data + s * stride.
template <class T>
struct HeadRows {
  T* data;
  std::size_t stride;
};

// One head of keys and values of one sequence, and the heads of queries that read it.
struct AttentionHead {
  CacheType type;
  std::size_t head_dim;
  std::size_t
      group;  // heads of queries, side by side: head g of row s is queries.data + s * stride + g * head_dim
  std::size_t past;   // positions that the cache holds
  std::size_t count;  // new positions, which are written behind them
  std::size_t real;   // of these; what follows is padding, whose context is 0
  HeadRows<const float> queries;
  HeadRows<const float> new_keys;
  HeadRows<const float> new_values;
  HeadRows<float> context;  // like queries
  void* keys;               // [past + count or more, head_dim]
  void* values;
  float scale;      // of the scores
  float key_scale;  // of a scaled cache: the value of one step
  float value_scale;
};

// Writes the new positions, then makes the context of each row from the positions up to its own.
//
// A row's bits depend on its query and on the positions before it only: not on what else is computed with it,
// nor on how a prompt is cut into chunks.
void attend(const AttentionHead& head);

// One row of one head of queries over the positions that it sees.
struct AttentionRow {
  CacheType type;
  std::size_t head_dim;
  std::size_t count;  // positions, the first ones of the cache; at least 1
  const float* query;
  const void* keys;  // [count or more, head_dim]
  float scale;       // of the scores
  float key_scale;   // of a scaled cache: the value of one step
  float* weights;    // [count], made: of sum 1
};

// The weights that attend() gives the positions' values, which it keeps to itself.
void weigh(const AttentionRow& row);

}  // namespace loquor
