// Products in 16 bits against the formula in double precision, and their promise of the same bits.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/cpu.hpp"
#include "kernels/int16_product_body.hpp"

using namespace loquor;

namespace {

struct Bodies {
  decltype(&plain::round_int16_row_body) row = round_int16_row;
  decltype(&plain::round_int16_panel_body) panel = round_int16_panel;
  decltype(&plain::int16_products_body) products = int16_products;
};

const Bodies kPlain = {plain::round_int16_row_body, plain::round_int16_panel_body,
                       plain::int16_products_body};

std::vector<float> noise(std::size_t count, std::uint64_t seed) {
  std::uint64_t state = seed * 0x9E3779B97F4A7C15U + 1;
  std::vector<float> values(count);
  for (float& value : values) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    value = static_cast<float>(static_cast<std::int64_t>(state >> 33) - (std::int64_t{1} << 30)) * 0x1p-29f;
  }
  return values;
}

struct Case {
  std::size_t rows, depth, columns;
  bool bias, residual, gelu;
  std::vector<float> x, w, offsets, others;

  Case(std::size_t given_rows, std::size_t given_depth, std::size_t given_columns, bool with_bias = false,
       bool with_residual = false, bool with_gelu = false)
      : rows(given_rows),
        depth(given_depth),
        columns(given_columns),
        bias(with_bias),
        residual(with_residual),
        gelu(with_gelu),
        x(noise(rows * depth, 1)),
        w(noise(depth * columns, 2)),
        offsets(noise(columns, 3)),
        others(noise(rows * columns, 4)) {}

  // Rows `first` to `last` - 1, computed in parts of `part` rows; others are -7.
  std::vector<float> products(const Bodies& bodies, std::size_t first, std::size_t last,
                              std::size_t part) const {
    const std::size_t pairs = row_room_for(depth), padded = panels_of(columns) * kPanelColumns;
    std::vector<Pair> rounded(rows * pairs, 77), panels(padded * room_for(depth), 77);
    std::vector<float> row_steps(rows), steps(padded), y(rows * columns, -7.0f);
    for (std::size_t i = 0; i < rows; ++i)
      bodies.row(&x[i * depth], depth, &rounded[i * pairs], &row_steps[i]);
    for (std::size_t p = 0; p < panels_of(columns); ++p)
      bodies.panel(w.data(), depth, columns, p, panels.data(), steps.data());
    Int16Product product;
    product.depth = depth;
    product.columns = columns;
    product.rows = rounded.data();
    product.row_steps = row_steps.data();
    product.panels = panels.data();
    product.steps = steps.data();
    product.bias = bias ? offsets.data() : nullptr;
    product.residual = residual ? others.data() : nullptr;
    product.gelu = gelu;
    for (std::size_t row = first; row < last; row += part)
      bodies.products(product, row, std::min(last, row + part), y.data());
    return y;
  }
  std::vector<float> products(const Bodies& bodies = {}) const { return products(bodies, 0, rows, rows); }

  // The largest difference from the formula, of the length of a row of x times that of a column of w, and of
  // what is added.
  double worst(const std::vector<float>& y) const {
    double most = 0;
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t n = 0; n < columns; ++n) {
        double sum = bias ? static_cast<double>(offsets[n]) : 0, of_x = 0, of_w = 0;
        for (std::size_t k = 0; k < depth; ++k) {
          const auto one = static_cast<double>(x[i * depth + k]);
          const auto other = static_cast<double>(w[k * columns + n]);
          sum += one * other;
          of_x += one * one;
          of_w += other * other;
        }
        if (gelu) sum *= std::erfc(-sum / std::sqrt(2.0)) / 2;
        const auto added = residual ? static_cast<double>(others[i * columns + n]) : 0.0;
        sum += added;
        const double difference = std::fabs(sum - static_cast<double>(y[i * columns + n]));
        most = std::max(most, difference <= 1e300
                                  ? difference / (std::sqrt(of_x * of_w) + std::fabs(added) / 100 + 1e-30)
                                  : 1e10);
      }
    return most;
  }
};

bool same(const std::vector<float>& one, const std::vector<float>& other) {
  return one.size() == other.size() && std::memcmp(one.data(), other.data(), one.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("products in 16 bits are the formula's, whatever the sizes") {
  for (const std::size_t depth : {1, 2, 3, 15, 16, 17, 63, 64, 65, 130, 257})
    for (const std::size_t columns : {1, 7, 8, 31, 32, 33, 70})
      for (const std::size_t rows : {1, 5, 13, 26}) {
        const bool odd = rows % 2 == 1;
        const Case random(rows, depth, columns, odd, columns % 2 == 0, depth % 2 == 0);
        CAPTURE(depth);
        CAPTURE(columns);
        CAPTURE(rows);
        CHECK(random.worst(random.products()) < 4e-5);
        CHECK(random.worst(random.products(kPlain)) < 4e-5);
      }
}

TEST_CASE("Gelu is that of erf, far from 0 too") {
  Case steps(1, 1, 400, false, false, true);
  steps.x[0] = 1;
  for (std::size_t n = 0; n < 400; ++n) steps.w[n] = (static_cast<float>(n) - 200) * 0.05f;
  for (const Bodies& bodies : {Bodies(), kPlain}) {
    const std::vector<float> y = steps.products(bodies);
    for (std::size_t n = 0; n < 400; ++n) {
      const auto x = static_cast<double>(steps.w[n]);
      CHECK(std::fabs(static_cast<double>(y[n]) - x * std::erfc(-x / std::sqrt(2.0)) / 2) <
            4e-5 * std::fabs(x) + 1e-9);
    }
  }
}

TEST_CASE("a row's bits are the same beside others and in any parts") {
  const Case whole(29, 75, 43, true, true, true);
  const std::vector<float> expected = whole.products();
  for (const std::size_t part : {1, 2, 3, 5, 12, 13, 24})
    CHECK(same(whole.products({}, 0, 29, part), expected));
  for (std::size_t first = 0; first < 29; first += 3) {
    const std::size_t last = std::min<std::size_t>(29, first + 7);
    const std::vector<float> y = whole.products({}, first, last, 7);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const bool inside = i / 43 >= first && i / 43 < last;
      CHECK(y[i] == (inside ? expected[i] : -7.0f));
    }
  }
}

#if LOQUOR_HAS_AVX512
TEST_CASE("products in 16 bits have the same bits with AVX2 and with AVX-512, and with AMX nearly") {
  if (vector_unit() != VectorUnit::kAvx512) {
    MESSAGE("skipped: no AVX-512 with VNNI here (scripts/emulated-avx512 runs it)");
    return;
  }
  if (matrix_unit() != MatrixUnit::kAmx) MESSAGE("without AMX, which is not here");
  const Bodies avx2 = {avx2::round_int16_row_body, avx2::round_int16_panel_body, avx2::int16_products_body};
  const Bodies avx512 = {avx512::round_int16_row_body, avx512::round_int16_panel_body,
                         avx512::int16_products_body};
  for (const std::size_t depth : {1, 16, 63, 64, 75, 129, 256})
    for (const std::size_t columns : {5, 16, 17, 32, 43})
      for (const std::size_t rows : {1, 15, 16, 17, 33}) {
        const Case random(rows, depth, columns, true, columns % 2 == 0, rows % 2 == 0);
        const std::vector<float> expected = random.products(avx512), found = random.products();
        CHECK(same(random.products(avx2), expected));
        if (matrix_unit() == MatrixUnit::kNone) CHECK(same(found, expected));
        for (std::size_t i = 0; i < found.size(); ++i)  // sums of some tens, rounded once or up to four times
          CHECK(std::fabs(found[i] - expected[i]) < 2e-5f);
      }
}
#endif

TEST_CASE("nothing overflows: rows and columns of one size, and of one element") {
  for (const float size : {1e-12f, 1.0f, 1e12f})
    for (const bool one : {false, true}) {
      Case extreme(13, 256, 33);
      for (std::size_t i = 0; i < extreme.x.size(); ++i)
        extreme.x[i] = one && i % 256 != i / 256 ? 0 : i / 256 % 2 == 0 ? size : -size;
      for (float& value : extreme.w) value = one ? 3 : 1;
      for (const Bodies& bodies : {Bodies(), kPlain}) {
        const std::vector<float> y = extreme.products(bodies);
        const float expected = size * (one ? 3.0f : 256.0f);
        for (std::size_t i = 0; i < y.size(); ++i)
          CHECK(y[i] == doctest::Approx(i / 33 % 2 == 0 ? expected : -expected).epsilon(1e-4));
      }
    }
}

TEST_CASE("what is not finite makes its row or its column no number, and nothing else") {
  for (const float wrong :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e20f})
    for (const std::size_t place : {0, 64, 129}) {
      Case broken(14, 130, 40);
      broken.x[3 * 130 + place] = wrong;
      broken.w[place * 40 + 37] = -wrong;
      for (const Bodies& bodies : {Bodies(), kPlain}) {
        const std::vector<float> y = broken.products(bodies);
        for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::isnan(y[i]) == (i / 40 == 3 || i % 40 == 37));
      }
    }
  Case nothing(3, 40, 40);
  std::fill(nothing.x.begin(), nothing.x.begin() + 40, 0.0f);
  const std::vector<float> y = nothing.products();
  CHECK(std::all_of(y.begin(), y.begin() + 40, [](float value) { return value == 0; }));
}
