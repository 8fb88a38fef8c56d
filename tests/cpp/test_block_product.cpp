// Products with weights in blocks against the formula in double precision, and their promise of the same
// bits.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/half.hpp"
#include "kernels/block_product.hpp"
#include "kernels/block_product_body.hpp"
#include "kernels/cpu.hpp"

using namespace loquor;

namespace {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint32_t next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>(state_ >> 33);
  }
  float between(float low, float high) {
    return low + (high - low) * static_cast<float>(next()) / 2147483648.0f;
  }

 private:
  std::uint64_t state_;
};

// What is not 4 or 8 bits in blocks of 32 with scales in float32 and whole zero points.
struct Form {
  std::size_t groups = 1;
  bool float16 = false, zeros_like_scales = false;
};

// Weights one byte behind an address that anything would be aligned to, as in a file.
struct Case {
  int bits;
  std::size_t rows, blocks, count;
  bool zeros = true, bias = false;
  Form form;
  std::vector<std::uint8_t> value_bytes, scale_bytes, zero_points, bias_bytes;
  std::vector<float> scales, real_zeros, offsets, x;
  std::vector<RoundedGroup> rounded;

  Case(int bits_, std::size_t rows_, std::size_t blocks_, std::size_t count_, bool zeros_, bool bias_,
       Form form_ = {})
      : bits(bits_), rows(rows_), blocks(blocks_), count(count_), zeros(zeros_), bias(bias_), form(form_) {
    Random random(rows * 131 + blocks * 17 + static_cast<std::size_t>(bits));
    value_bytes.resize(1 + rows * width() * 4 * static_cast<std::size_t>(bits));
    for (auto& byte : value_bytes) byte = static_cast<std::uint8_t>(random.next());
    zero_points.resize(rows * zero_bytes(bits, blocks));
    for (auto& byte : zero_points) byte = static_cast<std::uint8_t>(random.next());
    for (std::size_t i = 0; i < rows * blocks; ++i) {
      scales.push_back(stored(random.between(-0.02f, 0.05f)));
      real_zeros.push_back(stored(random.between(-1, bits == 4 ? 16 : 256)));
    }
    for (std::size_t i = 0; i < rows; ++i) offsets.push_back(random.between(-1, 1));
    for (std::size_t i = 0; i < count * width() * kProductGroup; ++i) x.push_back(random.between(-3, 2));
    copy_floats();
    round();
  }
  std::size_t width() const { return blocks * form.groups; }
  float stored(float value) const { return form.float16 ? half_to_float(float_to_half(value)) : value; }
  void append(std::vector<std::uint8_t>& bytes, float value) const {
    const std::uint16_t half = float_to_half(value);
    const auto* const from = form.float16 ? reinterpret_cast<const std::uint8_t*>(&half)
                                          : reinterpret_cast<const std::uint8_t*>(&value);
    bytes.insert(bytes.end(), from, from + (form.float16 ? sizeof half : sizeof value));
  }
  void copy_floats() {
    scale_bytes.assign(1, 0);
    for (const float scale : scales) append(scale_bytes, scale);
    if (form.zeros_like_scales) {
      zero_points.assign(1, 0);
      for (const float zero : real_zeros) append(zero_points, zero);
    }
    bias_bytes.resize(1 + offsets.size() * sizeof(float));
    std::memcpy(&bias_bytes[1], offsets.data(), offsets.size() * sizeof(float));
  }
  void round() {
    rounded.resize(count * width());
    for (std::size_t i = 0; i < count; ++i)
      round_activations(&x[i * width() * kProductGroup], width(), bits, &rounded[i * width()]);
  }
  BlockWeights weights() const {
    BlockWeights made;
    made.bits = bits;
    made.rows = rows;
    made.blocks = blocks;
    made.groups = form.groups;
    made.float16 = form.float16;
    made.zeros_like_scales = zeros && form.zeros_like_scales;
    made.values = &value_bytes[1];
    made.scales = &scale_bytes[1];
    made.zeros = zeros ? zero_points.data() + (form.zeros_like_scales ? 1 : 0) : nullptr;
    made.bias = bias ? &bias_bytes[1] : nullptr;
    return made;
  }
  std::vector<float> products() const {
    std::vector<float> y(count * rows, -7.0f);
    block_products(weights(), rounded.data(), count, y.data(), 0, rows);
    return y;
  }
  int value(std::size_t row, std::size_t column) const {
    const std::size_t at = row * width() * kProductGroup + column;
    if (bits == 8) return value_bytes[1 + at];
    return value_bytes[1 + at / 2] >> (at % 2 * 4) & 15;
  }
  double zero(std::size_t row, std::size_t block) const {
    if (!zeros) return bits == 4 ? 8 : 128;
    if (form.zeros_like_scales) return static_cast<double>(real_zeros[row * blocks + block]);
    const std::uint8_t* const of_row = &zero_points[row * zero_bytes(bits, blocks)];
    return bits == 8 ? of_row[block] : of_row[block / 2] >> (block % 2 * 4) & 15;
  }
  // The value of activation row i, and with it the sum of the magnitudes of what was added.
  double expected(std::size_t i, std::size_t row, double& size) const {
    double sum = bias ? static_cast<double>(offsets[row]) : 0;
    size = std::fabs(sum);
    for (std::size_t g = 0; g < width(); ++g) {
      const RoundedGroup& a = rounded[i * width() + g];
      const std::size_t b = g / form.groups;
      double whole = 0;
      for (std::size_t k = 0; k < kProductGroup; ++k) {
        const std::size_t place = bits == 4 ? k % 2 * 16 + k / 2 : k;
        whole += a.values[place] * (value(row, g * kProductGroup + k) - zero(row, b));
      }
      const double part =
          whole * static_cast<double>(a.scale) * static_cast<double>(scales[row * blocks + b]);
      sum += part;
      size += std::fabs(part);
    }
    return sum;
  }
  // The largest difference, in units of float's precision of what was added; above 1e9 for what is no number.
  double worst() const {
    const std::vector<float> y = products();
    double most = 0;
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t n = 0; n < rows; ++n) {
        double size = 0;
        const double difference = std::fabs(expected(i, n, size) - static_cast<double>(y[i * rows + n]));
        most = std::max(most, difference <= 1e300 ? difference / (size * 6e-8 + 1e-30) : 1e10);
      }
    return most;
  }
};

bool same(const float* a, const float* b, std::size_t count) {
  return std::memcmp(a, b, count * sizeof(float)) == 0;
}

constexpr int kBits[] = {4, 8};
constexpr std::uint8_t kEnds[] = {0, 255};
constexpr Form kForms[] = {{}, {2, false, false}, {1, true, false}, {3, false, true}, {4, true, true}};

}  // namespace

TEST_CASE("block products are the formula's, whatever the sizes") {
  for (const int bits : kBits)
    for (const std::size_t blocks : {1, 3, 8, 11, 32, 128})
      for (const std::size_t rows : {1, 7, 8, 9, 16, 35})
        for (const std::size_t count : {1, 2, 3, 4, 5, 6, 7, 8, 9, 64}) {
          if (count > 9 && blocks > 32) continue;  // a second and more without optimisation
          const Case random(bits, rows, blocks, count, blocks % 2 == 0 || rows % 2 == 0, rows % 2 == 1);
          CAPTURE(bits);
          CAPTURE(blocks);
          CAPTURE(rows);
          CAPTURE(count);
          // A rounding for each block's sum, two for its scales.
          CHECK(random.worst() < static_cast<double>(blocks) / 4 + 4);
        }
}

TEST_CASE("block products of larger blocks, float16 scales and zero points that are no whole numbers") {
  for (const int bits : kBits)
    for (const Form& form : kForms)
      for (const std::size_t blocks : {1, 8, 11})
        for (const std::size_t count : {1, 5}) {
          const Case random(bits, 35, blocks, count, true, false, form);
          CAPTURE(bits);
          CAPTURE(blocks);
          CAPTURE(form.groups);
          // A zero point times a sum is rounded too where it is no whole number.
          CHECK(random.worst() < static_cast<double>(random.width()) / 4 + 40);
        }
}

TEST_CASE("a block of groups is as many blocks with the same scale") {
  for (const int bits : kBits)
    for (const bool zeros : {false, true}) {
      const Case whole(bits, 43, 9, 5, zeros, true, {4, false, false});
      Case parted(bits, 43, 36, 5, zeros, true);
      parted.value_bytes = whole.value_bytes;
      parted.offsets = whole.offsets;
      parted.x = whole.x;
      for (std::size_t i = 0; i < parted.scales.size(); ++i) {
        const std::size_t row = i / 36, b = i % 36 / 4, at = row * zero_bytes(bits, 36);
        parted.scales[i] = whole.scales[row * 9 + b];
        if (!zeros) continue;
        const auto zero = static_cast<std::uint8_t>(whole.zero(row, b));
        if (bits == 8)
          parted.zero_points[at + i % 36] = zero;
        else
          parted.zero_points[at + i % 36 / 2] = static_cast<std::uint8_t>(zero | zero << 4);
      }
      parted.copy_floats();
      parted.round();
      CHECK(same(whole.products().data(), parted.products().data(), 5 * 43));
    }
}

TEST_CASE("the plain variant is the formula's too") {
  for (const int bits : kBits)
    for (const bool zeros : {false, true})
      for (const Form& form : kForms) {
        Case random(bits, 13, 5, 3, zeros, zeros, form);
        const std::size_t width = random.width();
        for (std::size_t i = 0; i < random.count; ++i)
          plain::round_activations_body(&random.x[i * width * kProductGroup], width, bits,
                                        &random.rounded[i * width]);
        std::vector<float> y(3 * 13);
        plain::block_products_body(random.weights(), random.rounded.data(), 3, y.data(), 0, 13);
        const std::vector<float> best = random.products();
        for (std::size_t i = 0; i < 3; ++i)
          for (std::size_t n = 0; n < 13; ++n) {
            double size = 0;
            const double expected = random.expected(i, n, size);
            CHECK(y[i * 13 + n] == doctest::Approx(expected).epsilon(1e-5));
            CHECK(y[i * 13 + n] == doctest::Approx(best[i * 13 + n]).epsilon(1e-5));
          }
      }
}

#if LOQUOR_HAS_AVX2
TEST_CASE("the bits are the same with AVX2 and with AVX-512") {
  if (vector_unit() != VectorUnit::kAvx512) {
    MESSAGE("skipped: no AVX-512 with VNNI here (scripts/emulated-avx512 runs it)");
    return;
  }
  for (const int bits : kBits)
    for (const bool zeros : {false, true}) {
      for (const Form& form : kForms) {
        const Case random(bits, 35, 19, 9, zeros, zeros, form);
        std::vector<float> y(9 * 35);
        avx2::block_products_body(random.weights(), random.rounded.data(), 9, y.data(), 0, 35);
        CHECK(same(y.data(), random.products().data(), y.size()));
      }
    }
}
#endif

TEST_CASE("nothing saturates: the largest weights with the largest activations") {
  for (const int bits : kBits)
    for (const std::uint8_t weight : kEnds)
      for (const std::uint8_t zero : kEnds) {
        Case extreme(bits, 17, 9, 5, true, false);
        std::fill(extreme.value_bytes.begin(), extreme.value_bytes.end(), weight);
        std::fill(extreme.zero_points.begin(), extreme.zero_points.end(), zero);
        std::fill(extreme.scales.begin(), extreme.scales.end(), 1.0f);
        for (std::size_t i = 0; i < extreme.x.size(); ++i) {
          const std::size_t row = i / (9 * kProductGroup);  // all 127, all -127, and by turns
          extreme.x[i] = row == 0 ? 127.0f : row == 1 ? -127.0f : i % (row + 1) == 0 ? 127.0f : -127.0f;
        }
        extreme.copy_floats();
        extreme.round();
        const int most = bits == 4 ? 15 : 255;
        const float expected =
            static_cast<float>(9 * 32 * 127 * ((weight == 0 ? 0 : most) - (zero == 0 ? 0 : most)));
        const std::vector<float> y = extreme.products();
        for (std::size_t n = 0; n < 17; ++n) {
          CHECK(y[n] == expected);
          CHECK(y[17 + n] == -expected);
        }
        CHECK(extreme.worst() < 1);
      }
}

TEST_CASE("a row's bits are the same beside others and in any parts") {
  for (const int bits : kBits)
    for (const bool zeros : {false, true})
      for (const Form& form : kForms) {
        const Case whole(bits, 43, 19, 9, zeros, true, form);
        const std::size_t width = whole.width();
        const std::vector<float> expected = whole.products();
        for (std::size_t start = 0; start < 9; ++start)
          for (std::size_t count = 1; start + count <= 9; ++count) {
            std::vector<float> y(count * 43, -7.0f);
            const RoundedGroup* const rounded = &whole.rounded[start * width];
            for (std::size_t first = 0, part = kProductRows * count; first < 43; first += part)
              block_products(whole.weights(), rounded, count, y.data(), first,
                             std::min<std::size_t>(43, first + part));
            CHECK(same(y.data(), &expected[start * 43], y.size()));
          }
      }
}

TEST_CASE("a row's bits are the same among more rows than pass weights together") {
  for (const int bits : kBits) {
    const Case whole(bits, 35, 3, 131, true, true);
    const std::vector<float> expected = whole.products();
    for (std::size_t i = 0; i < 131; ++i) {
      std::vector<float> y(35);
      block_products(whole.weights(), &whole.rounded[i * 3], 1, y.data(), 0, 35);
      CHECK(same(y.data(), &expected[i * 35], 35));
    }
  }
}

TEST_CASE("a part writes nothing outside") {
  for (const int bits : kBits) {
    const Case whole(bits, 35, 2, 5, true, false);
    std::vector<float> y(5 * 35, -7.0f);
    block_products(whole.weights(), whole.rounded.data(), 5, y.data(), 0, 16);
    block_products(whole.weights(), whole.rounded.data(), 5, y.data(), 32, 35);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t n = i % 35;
      CHECK((y[i] == -7.0f) == (n >= 16 && n < 32));
    }
  }
}

TEST_CASE("activations are rounded to the nearest of 127 steps") {
  for (const int bits : kBits) {
    const Case random(bits, 1, 40, 1, false, false);
    for (std::size_t b = 0; b < 40; ++b) {
      const RoundedGroup& block = random.rounded[b];
      float largest = 0, sum = 0;
      int most = 0;
      for (std::size_t k = 0; k < kProductGroup; ++k) {
        const float x = random.x[b * kProductGroup + k];
        const int rounded = block.values[bits == 4 ? k % 2 * 16 + k / 2 : k];
        largest = std::max(largest, std::fabs(x));
        most = std::max(most, std::abs(rounded));
        sum += static_cast<float>(rounded);
        CHECK(std::fabs(x - static_cast<float>(rounded) * block.scale) <= block.scale * 0.5001f);
      }
      CHECK(block.scale == largest / 127);
      CHECK(most == 127);
      CHECK(block.sum == sum);
    }
  }
}

TEST_CASE("nothing gives nothing, and what is no number stays none, in its row alone") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (const int bits : kBits)
    for (const bool plainly : {false, true}) {
      Case odd(bits, 9, 3, 6, true, true);
      const std::size_t width = 3 * kProductGroup;
      for (std::size_t k = 0; k < width; ++k) {
        odd.x[k] = 0;
        odd.x[width + k] = 1e-40f;
        odd.x[2 * width + k] = k == 40 ? -inf : 1.0f;
        odd.x[3 * width + k] = k == 0 ? nan : 1.0f;
        odd.x[4 * width + k] = k % 2 == 0 ? 3.4e38f : -3.4e38f;
      }
      std::fill(odd.scales.begin(), odd.scales.end(), 1e-6f);
      odd.copy_floats();
      odd.round();
      if (plainly)
        for (std::size_t i = 0; i < 6; ++i)
          plain::round_activations_body(&odd.x[i * width], 3, bits, &odd.rounded[i * 3]);
      const std::vector<float> y = odd.products();
      for (std::size_t n = 0; n < 9; ++n) {
        CHECK(y[n] == odd.offsets[n]);
        CHECK(y[9 + n] == odd.offsets[n]);
        CHECK(std::isnan(y[18 + n]));
        CHECK(std::isnan(y[27 + n]));
        CHECK(std::isfinite(y[36 + n]));
        CHECK(std::isfinite(y[45 + n]));
      }
    }
}
