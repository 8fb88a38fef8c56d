#include "kernels/block_product_body.hpp"

#include "kernels/simd.hpp"

#if LOQUOR_USES_AVX2
#include "kernels/block_lanes.hpp"
#else
#include "base/half.hpp"
#endif

#if LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {
namespace {

LOQUOR_INLINE float float_at(const std::uint8_t* values, std::size_t index) {
  float value = 0;
  std::memcpy(&value, values + index * sizeof value, sizeof value);
  return value;
}

LOQUOR_INLINE float half_at(const std::uint8_t* values, std::size_t index) {
  std::uint16_t half = 0;
  std::memcpy(&half, values + index * sizeof half, sizeof half);
#if LOQUOR_USES_AVX2
  return _cvtsh_ss(half);
#else
  return half_to_float(half);
#endif
}

LOQUOR_INLINE float scale_of(const BlockWeights& weights, std::size_t row, std::size_t block) {
  const std::size_t at = row * weights.blocks + block;
  return weights.float16 ? half_at(weights.scales, at) : float_at(weights.scales, at);
}

LOQUOR_INLINE float zero_of(const BlockWeights& weights, std::size_t row, std::size_t block) {
  if (weights.zeros == nullptr) return weights.bits == 4 ? 8.0f : 128.0f;
  const std::size_t at = row * weights.blocks + block;
  if (weights.zeros_like_scales)
    return weights.float16 ? half_at(weights.zeros, at) : float_at(weights.zeros, at);
  if (weights.bits == 8) return static_cast<float>(weights.zeros[at]);
  const std::uint8_t both = weights.zeros[row * ((weights.blocks + 1) / 2) + block / 2];
  return static_cast<float>(block % 2 == 0 ? both & 15 : both >> 4);
}

struct Scaling {
  float scale, inverse;  // inverse 0: all values become 0
};

// The scaling of a group whose largest magnitude is `largest`.
LOQUOR_INLINE Scaling scaling_of(float largest) {
  constexpr float kSmallest = 1e-36f;  // below, the inverse would not be finite
  if (largest < kSmallest) return {0, 0};
  if (!(largest - largest == 0)) return {largest - largest, 0};  // NaN
  return {largest / 127, 127 / largest};
}

#if LOQUOR_USES_AVX2

// kLanes rows of weights at a time, a lane each.

constexpr std::size_t kChunk = 8;  // blocks whose scales and zero points are made ready together
constexpr std::size_t kTile = 64;  // activation rows that share weights in registers

// Scales and zero points of some blocks: lane n is row n's.
struct Chunk {
  Floats scales[kChunk], zeros[kChunk];
};

LOQUOR_INLINE void transpose_floats(const std::uint8_t* at, std::size_t stride, bool float16,
                                    Floats* transposed) {
  Words parts[kChunk];
  transpose(at, stride, parts);
  if (float16) {
    for (std::size_t b = 0; b < kChunk; b += 2) {
      transposed[b] = widen(parts[b / 2] & 0xffffu);
      transposed[b + 1] = widen(parts[b / 2] >> 16);
    }
  } else {
    transpose(at + 16, stride, parts + 4);
    for (std::size_t b = 0; b < kChunk; ++b) transposed[b] = reinterpret_cast<Floats>(parts[b]);
  }
}

template <int bits>
LOQUOR_INLINE void transpose_zeros(const std::uint8_t* at, std::size_t stride, Floats* transposed) {
  constexpr std::size_t kHeld = 32 / bits;  // in four bytes
  for (std::size_t b = 0; b < kChunk; b += kHeld, at += 4) {
    Words held = {};
    for (std::size_t i = 0; i < kLanes; ++i) {
      std::uint32_t four = 0;
      std::memcpy(&four, at + i * stride, sizeof four);
      held[i] = four;
    }
    for (std::size_t i = 0; i < kHeld; ++i, held >>= bits)
      transposed[b + i] = __builtin_convertvector(reinterpret_cast<Ints>(held & ((1u << bits) - 1)), Floats);
  }
}

// A chunk of fewer blocks, at a row's end.
void read_short(const BlockWeights& weights, std::size_t row, std::size_t block, Chunk& chunk) {
  for (std::size_t b = 0; block + b < weights.blocks; ++b)
    for (std::size_t i = 0; i < kLanes; ++i) {
      chunk.scales[b][i] = scale_of(weights, row + i, block + b);
      chunk.zeros[b][i] = zero_of(weights, row + i, block + b);
    }
}

// Asks for `count` bytes from `at`, which may lie behind the end.
LOQUOR_INLINE void prefetch(std::uintptr_t at, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 64)
    _mm_prefetch(reinterpret_cast<const char*>(at + i), _MM_HINT_T1);
}

// Where kLanes rows of weights begin. They lie in one piece, and so do the next ones behind them, which are
// asked for meanwhile: the processor by itself does not foresee so many streams that end every few hundred
// bytes.
template <int bits>
struct Rows {
  static constexpr std::size_t kBytes = kProductGroup / 8 * bits;  // of a group
  const std::uint8_t *values, *scales, *zeros;
  const bool float16, zeros_like_scales;
  const std::size_t scale_bytes, zero_bytes;  // of a row's chunk
  const std::size_t value_stride, scale_stride, zero_stride;

  LOQUOR_INLINE Rows(const BlockWeights& weights, std::size_t row)
      : float16(weights.float16),
        zeros_like_scales(weights.zeros_like_scales),
        scale_bytes(kChunk * (float16 ? 2 : 4)),
        zero_bytes(zeros_like_scales ? scale_bytes : kChunk / 8 * bits),
        value_stride(weights.width() * kBytes),
        scale_stride(weights.blocks * (float16 ? 2 : 4)),
        zero_stride(zeros_like_scales ? scale_stride
                    : bits == 4       ? (weights.blocks + 1) / 2
                                      : weights.blocks) {
    values = weights.values + row * value_stride;
    scales = weights.scales + row * scale_stride;
    zeros = weights.zeros == nullptr ? nullptr : weights.zeros + row * zero_stride;
  }
  LOQUOR_INLINE void read_chunk(std::size_t chunk, Chunk& read) const {
    transpose_floats(scales + chunk * scale_bytes, scale_stride, float16, read.scales);
    if (zeros_like_scales)
      transpose_floats(zeros + chunk * zero_bytes, zero_stride, float16, read.zeros);
    else if (zeros != nullptr)
      transpose_zeros<bits>(zeros + chunk * zero_bytes, zero_stride, read.zeros);
  }
  LOQUOR_INLINE void prefetch_chunk(std::size_t chunk) const {
    prefetch(reinterpret_cast<std::uintptr_t>(scales) + kLanes * (scale_stride + chunk * scale_bytes),
             kLanes * scale_bytes);
    if (zeros != nullptr)
      prefetch(reinterpret_cast<std::uintptr_t>(zeros) + kLanes * (zero_stride + chunk * zero_bytes),
               kLanes * zero_bytes);
  }
  LOQUOR_INLINE void prefetch_group(std::size_t group) const {
    prefetch(reinterpret_cast<std::uintptr_t>(values) + kLanes * (value_stride + group * kBytes),
             kLanes * kBytes);
  }
};

// A group's part of a sum, by one scheme for any number of activation rows.
LOQUOR_INLINE Floats accumulate(Floats sum, Ints dots, const RoundedGroup& a, Floats scales, Floats zeros) {
  const Floats whole = __builtin_convertvector(dots, Floats) - zeros * broadcast(a.sum);
  return whole * (scales * broadcast(a.scale)) + sum;
}

#if !LOQUOR_USES_VNNI

// add_group() for eight bits. Their sums of products would not fit into 16 bits, those of their nibbles do.
template <std::size_t most>
LOQUOR_INLINE void add_bytes(const std::uint8_t* at, std::size_t stride, Floats scales, Floats zeros,
                             const RoundedGroup* a, std::size_t width, std::size_t count, Floats* sums) {
  Words low[4], high[4], next_low[4], next_high[4];
  transpose_nibbles(at, stride, low, high);
  if constexpr (most == 1) {
    transpose_nibbles(at + 16, stride, next_low, next_high);
    const Raw lows =
        LOQUOR_WIDE(add_epi16)(madd_nibbles(low, a->values), madd_nibbles(next_low, a->values + 16));
    const Raw highs =
        LOQUOR_WIDE(add_epi16)(madd_nibbles(high, a->values), madd_nibbles(next_high, a->values + 16));
    sums[0] = accumulate(sums[0], madd_bytes(lows, highs), *a, scales, zeros);
  } else {  // there are not registers for a whole group
    Ints dots[most];
    for (std::size_t m = 0; m < count; ++m) {
      const std::int8_t* const values = a[m * width].values;
      dots[m] = madd_bytes(madd_nibbles(low, values), madd_nibbles(high, values));
    }
    transpose_nibbles(at + 16, stride, next_low, next_high);
    for (std::size_t m = 0; m < count; ++m, a += width) {
      const std::int8_t* const values = a->values + 16;
      sums[m] = accumulate(
          sums[m], dots[m] + madd_bytes(madd_nibbles(next_low, values), madd_nibbles(next_high, values)), *a,
          scales, zeros);
    }
  }
}

#endif

// Adds a group's part to the sums of `count` activation rows; `a` is that group of the first.
template <int bits, std::size_t most>
LOQUOR_INLINE void add_group(const std::uint8_t* at, std::size_t stride, Floats scales, Floats zeros,
                             const RoundedGroup* a, std::size_t width, std::size_t count, Floats* sums) {
  Words weights[8];
  if constexpr (bits == 4) {
    transpose_nibbles(at, stride, weights, weights + 4);
  } else {
#if LOQUOR_USES_VNNI
    transpose(at, stride, weights);
    transpose(at + 16, stride, weights + 4);
#else
    return add_bytes<most>(at, stride, scales, zeros, a, width, count, sums);
#endif
  }
  for (std::size_t m = 0; m < count; ++m, a += width)
    sums[m] = accumulate(sums[m], dot(weights, a->values), *a, scales, zeros);
}

// kLanes rows of weights from `row` with `given` activation rows, at most `most`; the first `skipped` results
// of each are not stored.
template <int bits, std::size_t most>
void products(const BlockWeights& weights, const RoundedGroup* rounded, std::size_t given, float* y,
              std::size_t row, std::size_t skipped) {
  const std::size_t blocks = weights.blocks, groups = weights.groups, count = most == 1 ? 1 : given;
  const Rows<bits> rows(weights, row);
  Floats sums[most];
  for (std::size_t m = 0; m < count; ++m) sums[m] = Floats{};
  Chunk chunk;
  for (Floats& zero : chunk.zeros) zero = broadcast(bits == 4 ? 8.0f : 128.0f);
  for (std::size_t block = 0; block < blocks; block += kChunk) {
    const std::size_t held = blocks - block < kChunk ? blocks - block : kChunk;
    if (held == kChunk)
      rows.read_chunk(block / kChunk, chunk);
    else
      read_short(weights, row, block, chunk);
    rows.prefetch_chunk(block / kChunk);
    for (std::size_t b = 0, group = block * groups; b < held; ++b)
      for (const std::size_t end = group + groups; group < end; ++group) {
        rows.prefetch_group(group);
        add_group<bits, most>(rows.values + group * rows.kBytes, rows.value_stride, chunk.scales[b],
                              chunk.zeros[b], rounded + group, blocks * groups, count, sums);
      }
  }
  Floats bias = {};
  if (weights.bias != nullptr) std::memcpy(&bias, weights.bias + row * sizeof(float), sizeof bias);
  for (std::size_t m = 0; m < count; ++m) {
    if (weights.bias != nullptr) sums[m] += bias;
    for (std::size_t n = skipped; n < kLanes; ++n) y[m * weights.rows + n] = sums[m][n];
  }
}

template <int bits>
void all_products(const BlockWeights& weights, const RoundedGroup* rounded, std::size_t count, float* y,
                  std::size_t first, std::size_t last) {
  for (std::size_t n = first; n < last; n += kLanes) {
    // Where fewer rows than lanes are left, some before them are computed again.
    const std::size_t row = n + kLanes <= weights.rows ? n : weights.rows - kLanes;
    for (std::size_t i = 0; i < count; i += kTile) {
      const std::size_t tile = count - i < kTile ? count - i : kTile;
      const RoundedGroup* const from = rounded + i * weights.width();
      float* const to = y + i * weights.rows + row;
      if (tile == 1)
        products<bits, 1>(weights, from, tile, to, row, n - row);
      else
        products<bits, kTile>(weights, from, tile, to, row, n - row);
    }
  }
}

LOQUOR_INLINE __m128i reduce(__m128i a, __m128i b, bool largest) {
  return largest ? _mm_max_epi32(a, b) : _mm_add_epi32(a, b);
}

// The largest, or the sum, of eight whole numbers.
LOQUOR_INLINE __m128i reduce(__m256i lanes, bool largest) {
  __m128i four = reduce(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1), largest);
  four = reduce(four, _mm_shuffle_epi32(four, 0x4e), largest);
  return reduce(four, _mm_shuffle_epi32(four, 0xb1), largest);
}

#else

int dot(const BlockWeights& weights, const std::uint8_t* values, const std::int8_t* a) {
  int sum = 0;
  if (weights.bits == 8) {
    for (std::size_t k = 0; k < kProductGroup; ++k) sum += values[k] * a[k];
  } else {
    for (std::size_t k = 0; k < kProductGroup / 2; ++k)
      sum += (values[k] & 15) * a[k] + (values[k] >> 4) * a[kProductGroup / 2 + k];
  }
  return sum;
}

float product(const BlockWeights& weights, std::size_t row, const RoundedGroup* rounded) {
  const std::size_t bytes = kProductGroup / 8 * static_cast<std::size_t>(weights.bits);
  const std::uint8_t* values = weights.values + row * weights.width() * bytes;
  float sum = 0;
  for (std::size_t b = 0; b < weights.blocks; ++b) {
    const float scale = scale_of(weights, row, b), zero = zero_of(weights, row, b);
    for (std::size_t g = 0; g < weights.groups; ++g, ++rounded, values += bytes) {
      const float whole = static_cast<float>(dot(weights, values, rounded->values)) - zero * rounded->sum;
      sum += whole * (scale * rounded->scale);
    }
  }
  return weights.bias == nullptr ? sum : sum + float_at(weights.bias, row);
}

#endif

}  // namespace

#if LOQUOR_USES_AVX2

void round_activations_body(const float* x, std::size_t groups, int bits, RoundedGroup* rounded) {
  for (std::size_t g = 0; g < groups; ++g, x += kProductGroup) {
    __m256i largest = _mm256_setzero_si256();  // as bits, in whose order what is not finite comes last
    for (std::size_t i = 0; i < 4; ++i) {
      const __m256i size =
          _mm256_and_si256(_mm256_castps_si256(_mm256_loadu_ps(x + 8 * i)), _mm256_set1_epi32(0x7fffffff));
      largest = _mm256_max_epi32(largest, size);
    }
    const Scaling scaling = scaling_of(_mm_cvtss_f32(_mm_castsi128_ps(reduce(largest, true))));
    rounded[g].scale = scaling.scale;
    __m256i whole[4];
    for (std::size_t i = 0; i < 4; ++i) {
      const __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), _mm256_set1_ps(scaling.inverse));
      whole[i] = scaling.inverse == 0 ? _mm256_setzero_si256() : _mm256_cvtps_epi32(scaled);
    }
    // Packing works within halves of a vector, and so leaves groups of four in another order.
    __m256i bytes =
        _mm256_packs_epi16(_mm256_packs_epi32(whole[0], whole[1]), _mm256_packs_epi32(whole[2], whole[3]));
    bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes);
    const __m128i sum = reduce(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)), false);
    rounded[g].sum = static_cast<float>(_mm_cvtsi128_si32(sum));
    if (bits == 4) {
      const __m128i apart = _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
      bytes = _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(apart));
      bytes = _mm256_permute4x64_epi64(bytes, 0xd8);
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(rounded[g].values), bytes);
  }
}

void block_products_body(const BlockWeights& weights, const RoundedGroup* rounded, std::size_t count,
                         float* y, std::size_t first, std::size_t last) {
  if (weights.bits == 4)
    all_products<4>(weights, rounded, count, y, first, last);
  else
    all_products<8>(weights, rounded, count, y, first, last);
}

#else

void round_activations_body(const float* x, std::size_t groups, int bits, RoundedGroup* rounded) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  for (std::size_t g = 0; g < groups; ++g, x += kProductGroup) {
    float largest = 0;
    for (std::size_t k = 0; k < kProductGroup; ++k) {
      const float size = x[k] < 0 ? -x[k] : x[k];
      if (size > largest || size != size) largest = size;  // NaN stays
    }
    const Scaling scaling = scaling_of(largest);
    float sum = 0;
    for (std::size_t k = 0; k < kProductGroup; ++k) {
      const float whole = scaling.inverse == 0 ? 0 : (x[k] * scaling.inverse + kRound) - kRound;
      const std::size_t place = bits == 4 ? k % 2 * (kProductGroup / 2) + k / 2 : k;
      rounded[g].values[place] = static_cast<std::int8_t>(whole);
      sum += whole;
    }
    rounded[g].scale = scaling.scale;
    rounded[g].sum = sum;
  }
}

void block_products_body(const BlockWeights& weights, const RoundedGroup* rounded, std::size_t count,
                         float* y, std::size_t first, std::size_t last) {
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t n = first; n < last; ++n)
      y[i * weights.rows + n] = product(weights, n, rounded + i * weights.width());
}

#endif

}  // namespace loquor::LOQUOR_UNIT

#endif
