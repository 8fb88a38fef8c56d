// Blocks of positions, each with the largest score so far (Milakov and Gimelshein, 2018; Dao et al., 2022).
//
// What a row's bits depend on is fixed by its position: blocks begin at multiples of kBlock, a score adds up
// its lanes in one order, and values are added position by position. How many rows are computed together
// changes nothing of it.
#include "kernels/attention_body.hpp"

#include <algorithm>
#include <limits>

#include "kernels/cache_numbers.hpp"
#include "kernels/exponential.hpp"
#include "kernels/simd.hpp"

#if LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {
namespace {

constexpr std::size_t kBlock = 64;  // positions
constexpr std::size_t kTile = 32;   // rows of queries that share the widening of a block

static_assert(kHeadStep % kLanes == 0 && kBlock % kLanes == 0);

// --- Vectors ---

// The sums of the lanes of four vectors, each in the same order.
LOQUOR_INLINE void sum_lanes(Floats a, Floats b, Floats c, Floats d, float* to) {
#if LOQUOR_USES_AVX2
  const __m256 both = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
  _mm_storeu_ps(to, _mm_add_ps(_mm256_castps256_ps128(both), _mm256_extractf128_ps(both, 1)));
#else
  const Floats given[] = {a, b, c, d};
  for (std::size_t i = 0; i < 4; ++i) to[i] = (given[i][0] + given[i][1]) + (given[i][2] + given[i][3]);
#endif
}

LOQUOR_INLINE float sum_lanes(Floats a) {
  float made[4];
  sum_lanes(a, a, a, a, made);
  return made[0];
}

// --- The cache ---

template <class T>
void write(const AttentionHead& head, const HeadRows<const float>& rows, void* cache, float step) {
  T* const to = static_cast<T*>(cache) + head.past * head.head_dim;
  for (std::size_t i = 0; i < head.count; ++i) {
    narrow(rows.data + i * rows.stride, to + i * head.head_dim, head.head_dim, step);
  }
}

// The same where the cache holds floats, else `count` positions in `wide`.
LOQUOR_INLINE const float* widen_all(const float* from, float*, std::size_t) { return from; }
template <class T>
LOQUOR_INLINE const float* widen_all(const T* from, float* wide, std::size_t count) {
  for (std::size_t i = 0; i < count; i += kLanes) store(wide + i, widen(from + i));
  return wide;
}

// Asks for `size` numbers that are read soon, if `from` is not null. A block of narrow ones is no longer than
// a page, and at each new page the processor would begin to guess anew; of floats it guesses well.
template <class T>
LOQUOR_INLINE void prefetch(const T* from, std::size_t size) {
#if defined(__GNUC__) || defined(__clang__)
  constexpr std::size_t kLine = 64 / sizeof(T);
  if (sizeof(T) == sizeof(float) || from == nullptr) return;
  for (std::size_t i = 0; i < size; i += kLine) __builtin_prefetch(from + i);
#else
  static_cast<void>(from), static_cast<void>(size);
#endif
}

// --- Scores ---

template <class T, std::size_t rows, std::size_t positions>
LOQUOR_INLINE void score(const float* queries, const T* keys, std::size_t dim, float* scores) {
  Floats sums[rows][positions] = {};
  for (std::size_t d = 0; d < dim; d += kLanes) {
    Floats query[rows];
    for (std::size_t r = 0; r < rows; ++r) query[r] = load(queries + r * dim + d);
    for (std::size_t p = 0; p < positions; ++p) {
      const Floats key = widen(keys + p * dim + d);
      for (std::size_t r = 0; r < rows; ++r) sums[r][p] = multiply_add(query[r], key, sums[r][p]);
    }
  }
  for (std::size_t r = 0; r < rows; ++r) {
    if constexpr (positions == 1) {
      scores[r * kBlock] = sum_lanes(sums[r][0]);
    } else {
      for (std::size_t p = 0; p < positions; p += 4) {
        sum_lanes(sums[r][p], sums[r][p + 1], sums[r][p + 2], sums[r][p + 3], scores + r * kBlock + p);
      }
    }
  }
}

// `step` positions at a time as far as they go, then one by one; meanwhile as many of `next` are asked for.
template <class T, std::size_t rows, std::size_t step>
void score_rows(const float* queries, const T* keys, std::size_t count, std::size_t dim, float* scores,
                const T* next = nullptr) {
  std::size_t p = 0;
  for (; p + step <= count; p += step) {
    prefetch(next == nullptr ? next : next + p * dim, step * dim);
    score<T, rows, step>(queries, keys + p * dim, dim, scores + p);
  }
  for (; p < count; ++p) score<T, rows, 1>(queries, keys + p * dim, dim, scores + p);
}

// --- The softmax of a block ---

struct Softmax {
  float max;  // of the scores so far
  float sum;  // of e^(score - max)
};

// Makes weights of `count` scores, and returns by what to multiply what was made of earlier blocks.
float softmax(float* scores, std::size_t count, bool first, Softmax& so_far) {
  const std::size_t filled = (count + kLanes - 1) / kLanes * kLanes;
  for (std::size_t i = count; i < filled; ++i) scores[i] = scores[0];
  Floats max_lanes = load(scores);
  for (std::size_t i = kLanes; i < filled; i += kLanes) max_lanes = max(max_lanes, load(scores + i));
  float largest = first ? max_lanes[0] : so_far.max;
  for (std::size_t i = 0; i < kLanes; ++i) largest = max_lanes[i] > largest ? max_lanes[i] : largest;
  for (std::size_t i = 0; i < filled; i += kLanes) {
    store(scores + i, exponential(load(scores + i) - broadcast(largest)));
  }
  for (std::size_t i = count; i < filled; ++i) scores[i] = 0;
  Floats total = {};
  for (std::size_t i = 0; i < filled; i += kLanes) total = total + load(scores + i);
  const float earlier = first                   ? 0.0f
                        : so_far.max == largest ? 1.0f
                                                : exponential(broadcast(so_far.max - largest))[0];
  so_far.sum = so_far.sum * earlier + sum_lanes(total);
  so_far.max = largest;
  return earlier;
}

void scale_row(const float* row, std::size_t dim, float by, float* to) {
  for (std::size_t d = 0; d < dim; d += kLanes) store(to + d, load(row + d) * broadcast(by));
}

// --- Values ---

template <class T, std::size_t rows, std::size_t vectors>
LOQUOR_INLINE void add_values(const float* weights, const T* values, std::size_t count, std::size_t dim,
                              float* made, std::size_t at, const T* next) {
  Floats sums[rows][vectors];
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < vectors; ++c) sums[r][c] = load(made + r * dim + at + c * kLanes);
  }
  for (std::size_t p = 0; p < count; ++p) {
    prefetch(next == nullptr ? next : next + p * dim + at, vectors * kLanes);
    Floats weight[rows];
    for (std::size_t r = 0; r < rows; ++r) weight[r] = broadcast(weights[r * kBlock + p]);
    for (std::size_t c = 0; c < vectors; ++c) {
      const Floats value = widen(values + p * dim + at + c * kLanes);
      for (std::size_t r = 0; r < rows; ++r) sums[r][c] = multiply_add(weight[r], value, sums[r][c]);
    }
  }
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < vectors; ++c) store(made + r * dim + at + c * kLanes, sums[r][c]);
  }
}

// Meanwhile as many of `next` are asked for.
template <class T, std::size_t rows, std::size_t vectors>
void add_rows(const float* weights, const T* values, std::size_t count, std::size_t dim, float* made,
              const T* next = nullptr) {
  std::size_t d = 0;
  for (; d + vectors * kLanes <= dim; d += vectors * kLanes) {
    add_values<T, rows, vectors>(weights, values, count, dim, made, d, next);
  }
  for (; d < dim; d += kLanes) add_values<T, rows, 1>(weights, values, count, dim, made, d, next);
}

// --- Rows of queries ---

// Up to kTile of them, of one sequence and of the heads that share the cache; each row sees at least as far
// as the one before.
template <class T>
class Tile {
 public:
  Tile(const AttentionHead& head, std::size_t first, std::size_t rows) : head_(head), rows_(rows) {
    const std::size_t dim = head.head_dim;
    const float scale = head.scale * (sizeof(T) == 1 ? head.key_scale : 1.0f);
    for (std::size_t r = 0; r < rows; ++r) {
      const std::size_t row = (first + r) / head.group, offset = (first + r) % head.group * dim;
      const float* const query = head.queries.data + row * head.queries.stride + offset;
      for (std::size_t d = 0; d < dim; d += kLanes)
        store(queries_ + r * dim + d, load(query + d) * broadcast(scale));
      contexts_[r] = head.context.data + row * head.context.stride + offset;
      lengths_[r] = head.past + row + 1;
    }
  }

  void run() {
    const std::size_t dim = head_.head_dim;
    for (std::size_t start = 0; start < lengths_[rows_ - 1]; start += kBlock) {
      std::size_t from = 0;
      while (lengths_[from] <= start) ++from;
      const std::size_t count = seen(rows_ - 1, start);
      const T* const keys = static_cast<const T*>(head_.keys) + start * dim;
      const T* const values = static_cast<const T*>(head_.values) + start * dim;
      if (rows_ - from == 1) {  // widening in place is faster than twice through memory
        score_rows<T, 1, 8>(queries_ + from * dim, keys, count, dim, scores_ + from * kBlock, values);
        softmax_rows(from, start);
        const bool more = start + 2 * kBlock <= lengths_[from];
        add_rows<T, 1, 8>(scores_ + from * kBlock, values, count, dim, made_ + from * dim,
                          more ? keys + kBlock * dim : nullptr);
      } else {
        score_all(widen_all(keys, wide_, count * dim), from, start);
        softmax_rows(from, start);
        add_all(widen_all(values, wide_, count * dim), from, start);
      }
    }
    const float scale = sizeof(T) == 1 ? head_.value_scale : 1.0f;
    for (std::size_t r = 0; r < rows_; ++r)
      scale_row(made_ + r * dim, dim, scale / softmax_[r].sum, contexts_[r]);
  }

 private:
  // Positions of the block that a row sees.
  std::size_t seen(std::size_t row, std::size_t start) const {
    const std::size_t left = lengths_[row] - start;
    return left < kBlock ? left : kBlock;
  }

  void score_all(const float* keys, std::size_t from, std::size_t start) {
    const std::size_t dim = head_.head_dim;
    std::size_t r = from;
    for (; r + 3 <= rows_; r += 3) {
      score_rows<float, 3, 4>(queries_ + r * dim, keys, seen(r + 2, start), dim, scores_ + r * kBlock);
    }
    for (; r < rows_; ++r)
      score_rows<float, 1, 4>(queries_ + r * dim, keys, seen(r, start), dim, scores_ + r * kBlock);
  }

  void softmax_rows(std::size_t from, std::size_t start) {
    for (std::size_t r = from; r < rows_; ++r) {
      const float earlier = softmax(scores_ + r * kBlock, seen(r, start), start == 0, softmax_[r]);
      if (start == 0) {
        std::memset(made_ + r * head_.head_dim, 0, head_.head_dim * sizeof(float));
      } else if (earlier != 1.0f) {
        scale_row(made_ + r * head_.head_dim, head_.head_dim, earlier, made_ + r * head_.head_dim);
      }
    }
  }

  void add_all(const float* values, std::size_t from, std::size_t start) {
    std::size_t r = from;
    for (; r + 3 <= rows_; r += 3) add_some<3>(values, r, start);
    for (; r < rows_; ++r) add_some<1>(values, r, start);
  }

  // What all see together, then what the later ones see besides.
  template <std::size_t rows>
  void add_some(const float* values, std::size_t row, std::size_t start) {
    const std::size_t dim = head_.head_dim, shared = seen(row, start);
    add_rows<float, rows, 4>(scores_ + row * kBlock, values, shared, dim, made_ + row * dim);
    for (std::size_t r = row + 1; r < row + rows; ++r) {
      add_rows<float, 1, 8>(scores_ + r * kBlock + shared, values + shared * dim, seen(r, start) - shared,
                            dim, made_ + r * dim);
    }
  }

  const AttentionHead& head_;
  std::size_t rows_;
  std::size_t lengths_[kTile] = {};  // of what a row sees
  float* contexts_[kTile];
  Softmax softmax_[kTile] = {};
  alignas(32) float scores_[kTile * kBlock];
  alignas(32) float queries_[kTile * kLargestHead];
  alignas(32) float made_[kTile * kLargestHead];  // of the context, before the weights' sum is divided out
  alignas(32) float wide_[kBlock * kLargestHead];
};

template <class T>
void attend_as(const AttentionHead& head) {
  write<T>(head, head.new_keys, head.keys, head.key_scale);
  write<T>(head, head.new_values, head.values, head.value_scale);
  const std::size_t rows = head.real * head.group;
  for (std::size_t first = 0; first < rows; first += kTile) {
    Tile<T>(head, first, rows - first < kTile ? rows - first : kTile).run();
  }
  for (std::size_t row = head.real; row < head.count; ++row) {
    std::memset(head.context.data + row * head.context.stride, 0, head.group * head.head_dim * sizeof(float));
  }
}

template <class T>
void weigh_as(const AttentionRow& row) {
  alignas(32) float query[kLargestHead];
  alignas(32) float block[kBlock];
  scale_row(row.query, row.head_dim, row.scale * (sizeof(T) == 1 ? row.key_scale : 1.0f), query);
  const T* const keys = static_cast<const T*>(row.keys);
  float largest = -std::numeric_limits<float>::infinity();
  for (std::size_t start = 0; start < row.count; start += kBlock) {
    const std::size_t count = row.count - start < kBlock ? row.count - start : kBlock;
    score_rows<T, 1, 8>(query, keys + start * row.head_dim, count, row.head_dim, row.weights + start);
    for (std::size_t i = start; i < start + count; ++i)
      largest = row.weights[i] > largest ? row.weights[i] : largest;
  }
  float sum = 0;
  for (std::size_t start = 0; start < row.count; start += kBlock) {
    const std::size_t count = row.count - start < kBlock ? row.count - start : kBlock;
    std::memcpy(block, row.weights + start, count * sizeof(float));
    std::fill(block + count, block + kBlock, largest);
    for (std::size_t i = 0; i < count; i += kLanes)
      store(block + i, exponential(load(block + i) - broadcast(largest)));
    for (std::size_t i = 0; i < count; ++i) sum += block[i];
    std::memcpy(row.weights + start, block, count * sizeof(float));
  }
  for (std::size_t i = 0; i < row.count; ++i) row.weights[i] /= sum;
}

}  // namespace

void weigh_body(const AttentionRow& row) {
  with_number_of(row.type, [&](auto number) { weigh_as<decltype(number)>(row); });
}

void attend_body(const AttentionHead& head) {
  with_number_of(head.type, [&](auto number) { attend_as<decltype(number)>(head); });
}

}  // namespace loquor::LOQUOR_UNIT

#endif
