// Products with weights in blocks of 32 along each row, of 4 or 8 bits, as MatMulNBits stores them:
//   y[i, n] = bias[n] + sum over blocks b of
//             scale(i, b) scales[n, b] (sum of rounded(i, b) values(n, b) - zero(n, b) sum of rounded(i, b))
// where a block of an activation row is rounded to whole numbers, 127 for its largest magnitude. What stands
// in brackets is exact, and blocks are added in their order: a row's results are the same bits beside any
// other rows, and however the rows of weights are parted.
#pragma once

#include <cstddef>
#include <cstdint>

namespace loquor {

constexpr std::size_t kProductBlock = 32;  // weights with one scale
constexpr std::size_t kProductRows = 16;   // parts begin at multiples of it: so many are computed together

// Weights as stored, at any address. Of two values in one byte the first is in the lower half.
struct BlockWeights {
  int bits = 4;                          // or 8
  std::size_t rows = 0;                  // N
  std::size_t blocks = 0;                // of a row
  const std::uint8_t* values = nullptr;  // [rows, blocks, 4 * bits]
  const std::uint8_t* scales = nullptr;  // float32 [rows, blocks]
  const std::uint8_t* zeros = nullptr;   // [rows, zero_bytes()], packed as the values are; null: 8 or 128
  const std::uint8_t* bias = nullptr;    // float32 [rows], or null
};

// Bytes of one row's zero points.
constexpr std::size_t zero_bytes(int bits, std::size_t blocks) {
  return bits == 4 ? (blocks + 1) / 2 : blocks;
}

// One block of an activation row, rounded.
struct RoundedBlock {
  std::int8_t values[kProductBlock];  // for 4 bits those at even places, then the others
  float scale;                        // NaN, and the values 0, where one of them was not finite
  float sum;                          // of the values
};

// Rounds one row of `blocks` blocks for weights of `bits` bits.
void round_activations(const float* x, std::size_t blocks, int bits, RoundedBlock* rounded);

// y[i, first] to y[i, last - 1] of each activation row i; y has weights.rows columns. `first` is a multiple
// of kProductRows, and so is `last` unless it is weights.rows.
void block_products(const BlockWeights& weights, const RoundedBlock* rounded, std::size_t count, float* y,
                    std::size_t first, std::size_t last);

}  // namespace loquor
