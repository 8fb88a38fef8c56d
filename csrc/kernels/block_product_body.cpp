#include "kernels/block_product_body.hpp"

#include "kernels/simd.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace loquor::LOQUOR_UNIT {
namespace {

LOQUOR_INLINE float float_at(const std::uint8_t* values, std::size_t index) {
  float value = 0;
  std::memcpy(&value, values + index * sizeof value, sizeof value);
  return value;
}

LOQUOR_INLINE float scale_of(const BlockWeights& weights, std::size_t row, std::size_t block) {
  return float_at(weights.scales, row * weights.blocks + block);
}

LOQUOR_INLINE float zero_of(const BlockWeights& weights, std::size_t row, std::size_t block) {
  if (weights.zeros == nullptr) return weights.bits == 4 ? 8.0f : 128.0f;
  if (weights.bits == 8) return static_cast<float>(weights.zeros[row * weights.blocks + block]);
  const std::uint8_t both = weights.zeros[row * ((weights.blocks + 1) / 2) + block / 2];
  return static_cast<float>(block % 2 == 0 ? both & 15 : both >> 4);
}

struct Scaling {
  float scale, inverse;  // inverse 0: all values become 0
};

// For a block of which `largest` is the largest magnitude.
LOQUOR_INLINE Scaling scaling_of(float largest) {
  constexpr float kSmallest = 1e-36f;  // below, the inverse would not be finite
  if (largest < kSmallest) return {0, 0};
  if (!(largest - largest == 0)) return {largest - largest, 0};  // NaN
  return {largest / 127, 127 / largest};
}

#if defined(__AVX2__)

// Eight rows of weights at a time, a lane each.

constexpr std::size_t kChunk = 8;  // blocks whose scales and zero points are made ready together
constexpr std::size_t kTile = 16;  // activation rows that share weights in registers

LOQUOR_INLINE __m256i broadcast(const std::int8_t* four) {
  std::int32_t bytes = 0;
  std::memcpy(&bytes, four, sizeof bytes);
  return _mm256_set1_epi32(bytes);
}

// 16 bytes of each of eight rows, as four vectors of which lane n has four bytes of row n.
LOQUOR_INLINE void turn(const std::uint8_t* at, std::size_t stride, __m256i* turned) {
  __m256i rows[4];
  for (std::size_t i = 0; i < 4; ++i) {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + i * stride));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + (i + 4) * stride));
    rows[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
  }
  const __m256i a = _mm256_unpacklo_epi32(rows[0], rows[1]), b = _mm256_unpacklo_epi32(rows[2], rows[3]);
  const __m256i c = _mm256_unpackhi_epi32(rows[0], rows[1]), d = _mm256_unpackhi_epi32(rows[2], rows[3]);
  turned[0] = _mm256_unpacklo_epi64(a, b);
  turned[1] = _mm256_unpackhi_epi64(a, b);
  turned[2] = _mm256_unpacklo_epi64(c, d);
  turned[3] = _mm256_unpackhi_epi64(c, d);
}

LOQUOR_INLINE __m256i low_halves(__m256i bytes) { return _mm256_and_si256(bytes, _mm256_set1_epi8(15)); }
LOQUOR_INLINE __m256i high_halves(__m256i bytes) { return low_halves(_mm256_srli_epi16(bytes, 4)); }

// 16 bytes of each of eight rows of weights, as halves of bytes.
struct Halves {
  __m256i low[4], high[4];
};

LOQUOR_INLINE Halves halves_of(const std::uint8_t* at, std::size_t stride) {
  Halves made;
  turn(at, stride, made.low);
  for (std::size_t j = 0; j < 4; ++j) {
    made.high[j] = high_halves(made.low[j]);
    made.low[j] = low_halves(made.low[j]);
  }
  return made;
}

// Sums of products in lanes of 16 bits. Nothing overflows: a pair of halves and activations is within
// 2 * 15 * 127, and a lane has four or eight of them.
LOQUOR_INLINE __m256i dot(const __m256i* halves, const std::int8_t* a) {
  __m256i sum = _mm256_maddubs_epi16(halves[0], broadcast(a));
  for (std::size_t j = 1; j < 4; ++j)
    sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(halves[j], broadcast(a + 4 * j)));
  return sum;
}

// The same in 32 bits, of four bits a weight: the lower halves are the weights at even places.
LOQUOR_INLINE __m256i dot4(const Halves& w, const std::int8_t* a) {
  return _mm256_madd_epi16(_mm256_add_epi16(dot(w.low, a), dot(w.high, a + 16)), _mm256_set1_epi16(1));
}

// And of bytes, of which these are the sums of the lower and of the upper halves.
LOQUOR_INLINE __m256i joined(__m256i low, __m256i high) {
  return _mm256_add_epi32(_mm256_madd_epi16(low, _mm256_set1_epi16(1)),
                          _mm256_madd_epi16(high, _mm256_set1_epi16(16)));
}

// Scales and zero points of some blocks: lane n is row n's.
struct Chunk {
  __m256 scales[kChunk], zeros[kChunk];
};

LOQUOR_INLINE void turn_scales(const std::uint8_t* at, std::size_t stride, __m256* turned) {
  __m256i parts[kChunk];
  turn(at, stride, parts);
  turn(at + 16, stride, parts + 4);
  for (std::size_t b = 0; b < kChunk; ++b) turned[b] = _mm256_castsi256_ps(parts[b]);
}

template <int bits>
LOQUOR_INLINE void turn_zeros(const std::uint8_t* at, std::size_t stride, __m256* turned) {
  constexpr std::size_t kHeld = 32 / bits;  // in four bytes
  const __m256i mask = _mm256_set1_epi32((1 << bits) - 1);
  for (std::size_t b = 0; b < kChunk; b += kHeld, at += 4) {
    std::int32_t four[8];
    for (std::size_t i = 0; i < 8; ++i) std::memcpy(four + i, at + i * stride, sizeof *four);
    __m256i held = _mm256_setr_epi32(four[0], four[1], four[2], four[3], four[4], four[5], four[6], four[7]);
    for (std::size_t i = 0; i < kHeld; ++i, held = _mm256_srli_epi32(held, bits))
      turned[b + i] = _mm256_cvtepi32_ps(_mm256_and_si256(held, mask));
  }
}

// A chunk of fewer blocks, at a row's end.
void read_short(const BlockWeights& weights, std::size_t row, std::size_t block, Chunk& chunk) {
  for (std::size_t b = 0; block + b < weights.blocks; ++b) {
    float scales[kProductRows], zeros[kProductRows];
    for (std::size_t i = 0; i < kProductRows; ++i) {
      scales[i] = scale_of(weights, row + i, block + b);
      zeros[i] = zero_of(weights, row + i, block + b);
    }
    chunk.scales[b] = _mm256_loadu_ps(scales);
    chunk.zeros[b] = _mm256_loadu_ps(zeros);
  }
}

// Asks for `count` bytes from `at`, which may lie behind the end.
LOQUOR_INLINE void prefetch(std::uintptr_t at, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 64)
    _mm_prefetch(reinterpret_cast<const char*>(at + i), _MM_HINT_T1);
}

// Where eight rows of weights begin. They lie in one piece, and so do the next eight behind them, which are
// asked for meanwhile: the processor by itself does not foresee eight streams that end every few hundred
// bytes.
template <int bits>
struct Rows {
  static constexpr std::size_t kBytes = kProductBlock / 8 * bits;  // of a block
  const std::uint8_t *values, *scales, *zeros;
  std::size_t value_stride, scale_stride, zero_stride;

  LOQUOR_INLINE Rows(const BlockWeights& weights, std::size_t row)
      : value_stride(weights.blocks * kBytes),
        scale_stride(weights.blocks * sizeof(float)),
        zero_stride(bits == 4 ? (weights.blocks + 1) / 2 : weights.blocks) {
    values = weights.values + row * value_stride;
    scales = weights.scales + row * scale_stride;
    zeros = weights.zeros == nullptr ? nullptr : weights.zeros + row * zero_stride;
  }
  LOQUOR_INLINE void read_chunk(std::size_t block, Chunk& chunk) const {
    turn_scales(scales + block * sizeof(float), scale_stride, chunk.scales);
    if (zeros != nullptr) turn_zeros<bits>(zeros + block / 8 * bits, zero_stride, chunk.zeros);
  }
  LOQUOR_INLINE void prefetch_chunk(std::size_t block) const {
    const std::size_t lanes = block * kProductRows;
    prefetch(reinterpret_cast<std::uintptr_t>(scales) + 8 * scale_stride + lanes * sizeof(float), 256);
    if (zeros != nullptr)
      prefetch(reinterpret_cast<std::uintptr_t>(zeros) + 8 * zero_stride + lanes / 8 * bits, 64);
  }
  LOQUOR_INLINE void prefetch_block(std::size_t block) const {
    constexpr std::size_t kAll = kProductRows * kBytes;
    prefetch(reinterpret_cast<std::uintptr_t>(values) + 8 * value_stride + block * kAll, kAll);
  }
};

// A block's part of a sum, by one scheme for any number of activation rows.
LOQUOR_INLINE __m256 added(__m256 sum, __m256i dots, const RoundedBlock& a, __m256 scales, __m256 zeros) {
  const __m256 whole = _mm256_fnmadd_ps(zeros, _mm256_set1_ps(a.sum), _mm256_cvtepi32_ps(dots));
  return _mm256_fmadd_ps(whole, _mm256_mul_ps(scales, _mm256_set1_ps(a.scale)), sum);
}

// Adds a block's part to the sums of `count` activation rows; `a` is that block of the first.
template <int bits, std::size_t most>
LOQUOR_INLINE void add_block(const std::uint8_t* at, std::size_t stride, __m256 scales, __m256 zeros,
                             const RoundedBlock* a, std::size_t blocks, std::size_t count, __m256* sums) {
  const Halves first = halves_of(at, stride);
  if constexpr (bits == 4) {
    for (std::size_t m = 0; m < count; ++m, a += blocks)
      sums[m] = added(sums[m], dot4(first, a->values), *a, scales, zeros);
  } else if constexpr (most == 1) {
    const Halves second = halves_of(at + 16, stride);
    const __m256i low = _mm256_add_epi16(dot(first.low, a->values), dot(second.low, a->values + 16));
    const __m256i high = _mm256_add_epi16(dot(first.high, a->values), dot(second.high, a->values + 16));
    sums[0] = added(sums[0], joined(low, high), *a, scales, zeros);
  } else {  // there are not registers for a whole block
    __m256i dots[most];
    for (std::size_t m = 0; m < count; ++m) {
      const std::int8_t* const values = a[m * blocks].values;
      dots[m] = joined(dot(first.low, values), dot(first.high, values));
    }
    const Halves second = halves_of(at + 16, stride);
    for (std::size_t m = 0; m < count; ++m, a += blocks) {
      const __m256i rest = joined(dot(second.low, a->values + 16), dot(second.high, a->values + 16));
      sums[m] = added(sums[m], _mm256_add_epi32(dots[m], rest), *a, scales, zeros);
    }
  }
}

// Eight rows of weights from `row` with `given` activation rows, at most `most`; the first `skipped` results
// of each are not stored.
template <int bits, std::size_t most>
void products(const BlockWeights& weights, const RoundedBlock* rounded, std::size_t given, float* y,
              std::size_t row, std::size_t skipped) {
  const std::size_t blocks = weights.blocks, count = most == 1 ? 1 : given;
  const Rows<bits> rows(weights, row);
  __m256 sums[most];
  for (std::size_t m = 0; m < count; ++m) sums[m] = _mm256_setzero_ps();
  Chunk chunk;
  for (__m256& zero : chunk.zeros) zero = _mm256_set1_ps(bits == 4 ? 8.0f : 128.0f);
  for (std::size_t block = 0; block < blocks; block += kChunk) {
    const std::size_t held = blocks - block < kChunk ? blocks - block : kChunk;
    if (held == kChunk)
      rows.read_chunk(block, chunk);
    else
      read_short(weights, row, block, chunk);
    rows.prefetch_chunk(block);
    for (std::size_t b = 0; b < held; ++b) {
      rows.prefetch_block(block + b);
      add_block<bits, most>(rows.values + (block + b) * rows.kBytes, rows.value_stride, chunk.scales[b],
                            chunk.zeros[b], rounded + block + b, blocks, count, sums);
    }
  }
  for (std::size_t m = 0; m < count; ++m) {
    if (weights.bias != nullptr) {
      __m256 bias;
      std::memcpy(&bias, weights.bias + row * sizeof(float), sizeof bias);
      sums[m] = _mm256_add_ps(sums[m], bias);
    }
    float made[kProductRows];
    _mm256_storeu_ps(made, sums[m]);
    for (std::size_t n = skipped; n < kProductRows; ++n) y[m * weights.rows + n] = made[n];
  }
}

template <int bits>
void all_products(const BlockWeights& weights, const RoundedBlock* rounded, std::size_t count, float* y,
                  std::size_t first, std::size_t last) {
  for (std::size_t n = first; n < last; n += kProductRows) {
    // Where fewer than eight are left, some before them are computed again.
    const std::size_t row = n + kProductRows <= weights.rows ? n : weights.rows - kProductRows;
    for (std::size_t i = 0; i < count; i += kTile) {
      const std::size_t tile = count - i < kTile ? count - i : kTile;
      const RoundedBlock* const from = rounded + i * weights.blocks;
      float* const to = y + i * weights.rows + row;
      if (tile == 1)
        products<bits, 1>(weights, from, tile, to, row, n - row);
      else
        products<bits, kTile>(weights, from, tile, to, row, n - row);
    }
  }
}

LOQUOR_INLINE __m128i fold(__m128i a, __m128i b, bool largest) {
  return largest ? _mm_max_epi32(a, b) : _mm_add_epi32(a, b);
}

// The largest, or the sum, of eight whole numbers.
LOQUOR_INLINE __m128i fold_all(__m256i lanes, bool largest) {
  __m128i all = fold(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1), largest);
  all = fold(all, _mm_shuffle_epi32(all, 0x4e), largest);
  return fold(all, _mm_shuffle_epi32(all, 0xb1), largest);
}

#else

int dot(const BlockWeights& weights, const std::uint8_t* values, const std::int8_t* a) {
  int sum = 0;
  if (weights.bits == 8) {
    for (std::size_t k = 0; k < kProductBlock; ++k) sum += values[k] * a[k];
  } else {
    for (std::size_t k = 0; k < kProductBlock / 2; ++k)
      sum += (values[k] & 15) * a[k] + (values[k] >> 4) * a[kProductBlock / 2 + k];
  }
  return sum;
}

float product(const BlockWeights& weights, std::size_t row, const RoundedBlock* rounded) {
  const std::size_t bytes = weights.bits == 4 ? kProductBlock / 2 : kProductBlock;
  float sum = 0;
  for (std::size_t b = 0; b < weights.blocks; ++b) {
    const RoundedBlock& a = rounded[b];
    const std::uint8_t* const values = weights.values + (row * weights.blocks + b) * bytes;
    const float whole = static_cast<float>(dot(weights, values, a.values)) - zero_of(weights, row, b) * a.sum;
    sum += whole * (scale_of(weights, row, b) * a.scale);
  }
  return weights.bias == nullptr ? sum : sum + float_at(weights.bias, row);
}

#endif

}  // namespace

#if defined(__AVX2__)

void round_activations_body(const float* x, std::size_t blocks, int bits, RoundedBlock* rounded) {
  for (std::size_t b = 0; b < blocks; ++b, x += kProductBlock) {
    __m256i largest = _mm256_setzero_si256();  // as bits, in whose order what is not finite comes last
    for (std::size_t i = 0; i < 4; ++i) {
      const __m256i size =
          _mm256_and_si256(_mm256_castps_si256(_mm256_loadu_ps(x + 8 * i)), _mm256_set1_epi32(0x7fffffff));
      largest = _mm256_max_epi32(largest, size);
    }
    const Scaling scaling = scaling_of(_mm_cvtss_f32(_mm_castsi128_ps(fold_all(largest, true))));
    rounded[b].scale = scaling.scale;
    __m256i whole[4];
    for (std::size_t i = 0; i < 4; ++i) {
      const __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), _mm256_set1_ps(scaling.inverse));
      whole[i] = scaling.inverse == 0 ? _mm256_setzero_si256() : _mm256_cvtps_epi32(scaled);
    }
    // Packing works within halves, and so leaves groups of four in another order.
    __m256i bytes =
        _mm256_packs_epi16(_mm256_packs_epi32(whole[0], whole[1]), _mm256_packs_epi32(whole[2], whole[3]));
    bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes);
    const __m128i sum = fold_all(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)), false);
    rounded[b].sum = static_cast<float>(_mm_cvtsi128_si32(sum));
    if (bits == 4) {
      const __m128i apart = _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
      bytes = _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(apart));
      bytes = _mm256_permute4x64_epi64(bytes, 0xd8);
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(rounded[b].values), bytes);
  }
}

void block_products_body(const BlockWeights& weights, const RoundedBlock* rounded, std::size_t count,
                         float* y, std::size_t first, std::size_t last) {
  if (weights.bits == 4)
    all_products<4>(weights, rounded, count, y, first, last);
  else
    all_products<8>(weights, rounded, count, y, first, last);
}

#else

void round_activations_body(const float* x, std::size_t blocks, int bits, RoundedBlock* rounded) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  for (std::size_t b = 0; b < blocks; ++b, x += kProductBlock) {
    float largest = 0;
    for (std::size_t k = 0; k < kProductBlock; ++k) {
      const float size = x[k] < 0 ? -x[k] : x[k];
      if (size > largest || size != size) largest = size;  // NaN stays
    }
    const Scaling scaling = scaling_of(largest);
    float sum = 0;
    for (std::size_t k = 0; k < kProductBlock; ++k) {
      const float whole = scaling.inverse == 0 ? 0 : (x[k] * scaling.inverse + kRound) - kRound;
      const std::size_t place = bits == 4 ? k % 2 * (kProductBlock / 2) + k / 2 : k;
      rounded[b].values[place] = static_cast<std::int8_t>(whole);
      sum += whole;
    }
    rounded[b].scale = scaling.scale;
    rounded[b].sum = sum;
  }
}

void block_products_body(const BlockWeights& weights, const RoundedBlock* rounded, std::size_t count,
                         float* y, std::size_t first, std::size_t last) {
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t n = first; n < last; ++n)
      y[i * weights.rows + n] = product(weights, n, rounded + i * weights.blocks);
}

#endif

}  // namespace loquor::LOQUOR_UNIT
