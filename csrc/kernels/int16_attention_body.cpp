// Blocks of positions, each with its own largest score (after Milakov and Gimelshein, 2018; Dao et al.,
// 2022).
#include "kernels/int16_attention_body.hpp"

#include "kernels/int16_tiles.hpp"

#if LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {
namespace {

constexpr std::size_t kQueries = 24;  // that pass a block together
constexpr std::size_t kMostPairs = kLargestInt16Head / 2;
constexpr std::size_t kBlockPairs = kAttentionBlock / 2;
// Weights of a block's values are within 2^kWeight, and a row of 128 of them is shorter than 2^17; values are
// scaled to what that leaves of 2^31.
constexpr float kWeight = 13.5f;  // as a power of two
constexpr float kLongestValues = 16000;
constexpr float kNone = -3e38f;  // a score whose weight is 0

static_assert(kAttentionBlock % kPanelColumns == 0 && kPanelColumns % (2 * kLanes) == 0);

struct alignas(64) Tile {
  Pair queries[kQueries * kMostPairs];
  float scores[kQueries][kAttentionBlock];
  Pair weights[kQueries * kBlockPairs];
  float context[kQueries][kLargestInt16Head];
  float query_steps[kQueries];
  float sums[kQueries], largest[kQueries];  // so far
  float earlier[kQueries], now[kQueries];   // what was so far, and this block, are multiplied by
};

constexpr float kLog2E = 1.44269504f;

// 2^x to 3e-6 of it, for x <= kWeight; below -100 next to nothing.
LOQUOR_INLINE Floats power_of_2(Floats x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number, in the lowest bits
  x = max(x, broadcast(-100.0f));
  const Floats shifted = x + broadcast(kRound);
  const Floats rest = x - (shifted - broadcast(kRound));
  Floats made = multiply_add(rest, broadcast(0.00958285179f), broadcast(0.0559064267f));
  made = multiply_add(rest, made, broadcast(0.240240987f));
  made = multiply_add(rest, made, broadcast(0.693124193f));
  made = multiply_add(rest, made, broadcast(1.0f));
  std::uint32_t power[kLanes], bits[kLanes];
  std::memcpy(power, &shifted, sizeof power);
  std::memcpy(bits, &made, sizeof bits);
  for (std::size_t i = 0; i < kLanes; ++i) bits[i] += power[i] << 23U;
  std::memcpy(&made, bits, sizeof made);
  return made;
}

LOQUOR_INLINE float power_of_2(float x) { return power_of_2(broadcast(x))[0]; }

// Makes weights of a row's scores of `width` positions of a block; those that are not there have kNone.
LOQUOR_INLINE void softmax(Tile& tile, std::size_t row, std::size_t width, bool first) {
  float* const scores = tile.scores[row];
  Floats most = load(scores);
  for (std::size_t p = kLanes; p < width; p += kLanes) most = max(most, load(scores + p));
  float largest = most[0];
  for (std::size_t i = 1; i < kLanes; ++i) largest = most[i] > largest ? most[i] : largest;
  std::int32_t sum = 0;
  Pair* const weights = tile.weights + row * kBlockPairs;
#if LOQUOR_USES_AVX2
  Ints total = {};
  for (std::size_t p = 0; p < width; p += 16) {
    Ints whole[16 / kLanes];
    for (std::size_t part = 0; part < 16 / kLanes; ++part) {
      const Floats score = load(scores + p + part * kLanes);
      whole[part] = to_ints(power_of_2(score - broadcast(largest - kWeight)));
      total += whole[part];
    }
#if LOQUOR_USES_AVX512
    const __m256i packed = _mm512_maskz_cvtepi32_epi16(0xffff, reinterpret_cast<__m512i>(whole[0]));
#else
    const __m256i packed = _mm256_permute4x64_epi64(
        _mm256_packs_epi32(reinterpret_cast<__m256i>(whole[0]), reinterpret_cast<__m256i>(whole[1])), 0xd8);
#endif
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(weights + p / 2), packed);
  }
  for (std::size_t i = 0; i < kLanes; ++i) sum += total[i];
#else
  for (std::size_t p = 0; p < width; p += 2) {
    const std::int32_t one = nearest(power_of_2(scores[p] - (largest - kWeight)));
    const std::int32_t other = nearest(power_of_2(scores[p + 1] - (largest - kWeight)));
    weights[p / 2] = one | other << 16;
    sum += one + other;
  }
#endif
  const float before = tile.largest[row], both = first || largest > before ? largest : before;
  tile.earlier[row] = first ? 0 : power_of_2(before - both);
  tile.now[row] = power_of_2(largest - both);
  tile.largest[row] = both;
  tile.sums[row] = first ? static_cast<float>(sum)
                         : tile.sums[row] * tile.earlier[row] + static_cast<float>(sum) * tile.now[row];
}

}  // namespace

void round_int16_block_body(const Int16Head& head, const float* keys, std::size_t key_stride,
                            const float* values, std::size_t value_stride, std::size_t block) {
  const std::size_t pairs = pairs_of(head.size), start = block * kAttentionBlock;
  const std::size_t count = least(kAttentionBlock, head.positions - start);
  Pair* const to = head.keys + block * Int16Head::block_key_pairs(head.size);
  float* const steps = head.key_steps + start;
  float poison = 0;  // NaN where a key is no number, which makes all weights of a row such
  for (std::size_t p = 0; p < kAttentionBlock; ++p) {
    Pair row[kMostPairs];
    Pair* const column = to + p / kPanelColumns * kPanelColumns * pairs + p % kPanelColumns;
    if (p < count) {
      steps[p] = round_row(keys + (start + p) * key_stride, head.size, row);
      if (!(steps[p] == steps[p])) {
        poison = steps[p];
        steps[p] = 0;
      }
    } else {
      steps[p] = 0;
      std::memset(row, 0, sizeof row);
    }
    for (std::size_t k = 0; k < pairs; ++k) column[k * kPanelColumns] = row[k];
  }
  for (std::size_t panel = 0; panel < panels_of(head.size); ++panel) {
    const std::size_t column = panel * kPanelColumns;
    Pair* const made = head.values + block * Int16Head::block_value_pairs(head.size) + column * kBlockPairs;
    float* const value_steps = head.value_steps + block * panels_of(head.size) * kPanelColumns + column;
    round_columns(values + start * value_stride + column, count, value_stride,
                  least(kPanelColumns, head.size - column), kBlockPairs, kLongestValues, kLongestValues, made,
                  value_steps);
    std::memset(made + pairs_of(count) * kPanelColumns, 0,
                (kBlockPairs - pairs_of(count)) * kPanelColumns * sizeof(Pair));
    for (std::size_t i = 0; i < kPanelColumns; ++i) value_steps[i] += poison;
  }
}

void attend_int16_body(const Int16Head& head, const float* queries, std::size_t stride, std::size_t count,
                       float scale, float* context, std::size_t context_stride) {
  const std::size_t pairs = pairs_of(head.size), blocks = head.blocks(), panels = panels_of(head.size);
  Tile tile;
  for (std::size_t start = 0; start < count; start += kQueries) {
    const std::size_t rows = least(kQueries, count - start);
    float poison[kQueries];  // NaN of queries that are no numbers
    for (std::size_t i = 0; i < rows; ++i) {
      const float step = round_row(queries + (start + i) * stride, head.size, tile.queries + i * pairs);
      poison[i] = step - step;
      tile.query_steps[i] = step == step ? kLog2E * scale * step : 0;
    }
    std::memset(tile.context, 0, sizeof tile.context);
    for (std::size_t block = 0; block < blocks; ++block) {
      const std::size_t position = block * kAttentionBlock;
      const std::size_t held = least(kAttentionBlock, head.positions - position);
      const std::size_t width = panels_of(held) * kPanelColumns;
      for (std::size_t panel = 0; panel < panels_of(held); ++panel) {
        const std::size_t first = panel * kPanelColumns;
        const Pair* const keys = head.keys + block * Int16Head::block_key_pairs(head.size) + first * pairs;
        const float* const steps = head.key_steps + position + first;
        Multiplier::tiles(tile.queries, pairs, rows, keys, pairs, kSegment,
                          [&](std::size_t i, std::size_t at, Floats sums) {
                            store(tile.scores[i] + first + at,
                                  sums * (broadcast(tile.query_steps[i]) * load(steps + at)));
                          });
      }
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t p = held; p < width; ++p) tile.scores[i][p] = kNone;
        softmax(tile, i, width, block == 0);
      }
      for (std::size_t panel = 0; panel < panels; ++panel) {
        const std::size_t first = panel * kPanelColumns;
        const Pair* const values =
            head.values + block * Int16Head::block_value_pairs(head.size) + first * kBlockPairs;
        const float* const steps = head.value_steps + block * panels * kPanelColumns + first;
        Multiplier::tiles(tile.weights, kBlockPairs, rows, values, pairs_of(held), kBlockPairs,
                          [&](std::size_t i, std::size_t at, Floats sums) {
                            float* const to = tile.context[i] + first + at;
                            const Floats so_far = load(to) * broadcast(tile.earlier[i]);
                            store(to, multiply_add(sums, broadcast(tile.now[i]) * load(steps + at), so_far));
                          });
      }
    }
    for (std::size_t i = 0; i < rows; ++i) {
      const float inverse = 1 / tile.sums[i] + poison[i];
      for (std::size_t k = 0; k < head.size; ++k)
        context[(start + i) * context_stride + k] = tile.context[i][k] * inverse;
    }
  }
}

}  // namespace loquor::LOQUOR_UNIT

#endif
