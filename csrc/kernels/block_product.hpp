// Products with weights in blocks along each row, of 4 or 8 bits, as MatMulNBits stores them:
//   y[i, n] = bias[n] + sum over groups g of 32 of
//             scale(i, g) scales[n, b] (sum of rounded(i, g) values(n, g) - zero[n, b] sum of rounded(i, g))
// where b is the block that g lies in, and a group of an activation row is rounded to whole numbers, 127 for
// its largest magnitude. Both sums are exact, and groups are added in their order: a row's results are the
// same bits beside any other rows, and however the rows of weights are parted.
#pragma once

#include <cstddef>
#include <cstdint>

namespace loquor {

constexpr std::size_t kProductGroup = 32;  // activations with one scale; weights may share theirs with more
constexpr std::size_t kProductRows = 16;   // parts begin at multiples of it: so many are computed together

// Weights as stored, at any address. Of two values in one byte the first is in the low nibble.
struct BlockWeights {
  int bits = 4;                          // or 8
  std::size_t rows = 0;                  // N
  std::size_t blocks = 0;                // of a row: weights with one scale and zero point
  std::size_t groups = 1;                // of a block
  bool float16 = false;                  // scales, and zero points like them; else float32
  bool zeros_like_scales = false;        // [rows, blocks], as HQQ quantisers write them
  const std::uint8_t* values = nullptr;  // [rows, blocks, groups * 4 * bits]
  const std::uint8_t* scales = nullptr;  // [rows, blocks]
  const std::uint8_t* zeros = nullptr;   // else [rows, zero_bytes()], packed as the values; null: 8 or 128
  const std::uint8_t* bias = nullptr;    // float32 [rows], or null

  std::size_t width() const { return blocks * groups; }  // groups of a row
};

// Bytes of one row's packed zero points.
constexpr std::size_t zero_bytes(int bits, std::size_t blocks) {
  return bits == 4 ? (blocks + 1) / 2 : blocks;
}

// One group of an activation row, rounded.
struct RoundedGroup {
  std::int8_t values[kProductGroup];  // for 4 bits those at even places, then the others
  float scale;                        // NaN, and the values 0, where one of them was not finite
  float sum;                          // of the values
};

// Rounds one row of `groups` groups for weights of `bits` bits.
void round_activations(const float* x, std::size_t groups, int bits, RoundedGroup* rounded);

// y[i, first] to y[i, last - 1] of each activation row i; y has weights.rows columns. `first` is a multiple
// of kProductRows, and so is `last` unless it is weights.rows.
void block_products(const BlockWeights& weights, const RoundedGroup* rounded, std::size_t count, float* y,
                    std::size_t first, std::size_t last);

}  // namespace loquor
