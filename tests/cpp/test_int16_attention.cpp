// Attention in 16 bits against the formula in double precision, and its promise of the same bits.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/cpu.hpp"
#include "kernels/int16_attention_body.hpp"

using namespace loquor;

namespace {

struct Bodies {
  decltype(&plain::round_int16_block_body) round = round_int16_block;
  decltype(&plain::attend_int16_body) attend = attend_int16;
};

const Bodies kPlain = {plain::round_int16_block_body, plain::attend_int16_body};

std::vector<float> noise(std::size_t count, std::uint64_t seed) {
  std::uint64_t state = seed * 0x9E3779B97F4A7C15U + 1;
  std::vector<float> values(count);
  for (float& value : values) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    value = static_cast<float>(static_cast<std::int64_t>(state >> 33) - (std::int64_t{1} << 30)) * 0x1p-29f;
  }
  return values;
}

// One head, between others in memory.
struct Case {
  std::size_t size, rows, positions, stride;
  float scale;
  std::vector<float> queries, keys, values;

  Case(std::size_t head, std::size_t count, std::size_t given_positions, float given_scale = 0.7f)
      : size(head),
        rows(count),
        positions(given_positions),
        stride(head + 3),
        scale(given_scale),
        queries(noise(rows * stride, 1)),
        keys(noise(positions * stride, 2)),
        values(noise(positions * stride, 3)) {}

  std::vector<float> context(const Bodies& bodies, std::size_t part) const {
    Int16Head head;
    head.size = size;
    head.positions = positions;
    const std::size_t blocks = head.blocks();
    std::vector<Pair> rounded_keys(blocks * Int16Head::block_key_pairs(size), 77);
    std::vector<Pair> rounded_values(blocks * Int16Head::block_value_pairs(size), 77);
    std::vector<float> key_steps(blocks * kAttentionBlock, 77);
    std::vector<float> value_steps(blocks * panels_of(size) * kPanelColumns, 77);
    head.keys = rounded_keys.data();
    head.key_steps = key_steps.data();
    head.values = rounded_values.data();
    head.value_steps = value_steps.data();
    for (std::size_t block = 0; block < blocks; ++block)
      bodies.round(head, keys.data(), stride, values.data(), stride, block);
    std::vector<float> made(rows * stride, -7.0f);
    for (std::size_t row = 0; row < rows; row += part)
      bodies.attend(head, &queries[row * stride], stride, std::min(part, rows - row), scale,
                    &made[row * stride], stride);
    return made;
  }
  std::vector<float> context(const Bodies& bodies = {}) const { return context(bodies, rows); }

  // The largest difference from the formula; also of what lies between heads from what it was.
  double worst(const std::vector<float>& found) const {
    double most = 0;
    std::vector<double> weights(positions);
    for (std::size_t i = 0; i < rows; ++i) {
      double largest = -1e300, total = 0;
      for (std::size_t p = 0; p < positions; ++p) {
        double score = 0;
        for (std::size_t k = 0; k < size; ++k)
          score += static_cast<double>(queries[i * stride + k]) * static_cast<double>(keys[p * stride + k]);
        weights[p] = score * static_cast<double>(scale);
        largest = std::max(largest, weights[p]);
      }
      for (double& weight : weights) total += weight = std::exp(weight - largest);
      for (std::size_t k = 0; k < stride; ++k) {
        double expected = k < size ? 0 : -7;
        for (std::size_t p = 0; p < positions && k < size; ++p)
          expected += weights[p] / total * static_cast<double>(values[p * stride + k]);
        const double difference = std::fabs(expected - static_cast<double>(found[i * stride + k]));
        most = std::max(most, difference <= 1e300 ? difference : 1e10);
      }
    }
    return most;
  }
};

bool same(const std::vector<float>& one, const std::vector<float>& other) {
  return one.size() == other.size() && std::memcmp(one.data(), other.data(), one.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("attention in 16 bits is the formula's, whatever the sizes") {
  for (const std::size_t size : {1, 2, 7, 32, 33, 64, 80})
    for (const std::size_t positions : {1, 2, 31, 33, 127, 128, 129, 300})
      for (const std::size_t rows : {1, 5, 25}) {
        const Case random(size, rows, positions);
        CAPTURE(size);
        CAPTURE(positions);
        CAPTURE(rows);
        CHECK(random.worst(random.context()) < 2e-3);
        if (rows == 5) CHECK(random.worst(random.context(kPlain)) < 2e-3);
      }
  const Case largest(256, 3, 130, 0.06f);
  CHECK(largest.worst(largest.context()) < 2e-3);
}

TEST_CASE("weights far below the largest are not lost") {
  Case peaked(8, 2, 1024, 1);
  std::fill(peaked.keys.begin(), peaked.keys.end(), 0.0f);
  std::fill(peaked.queries.begin(), peaked.queries.end(), 1.0f);
  for (std::size_t p = 0; p < 1024; ++p)
    for (std::size_t k = 0; k < 8; ++k) peaked.values[p * peaked.stride + k] = p == 5 ? -1.0f : 1.0f;
  peaked.keys[5 * peaked.stride] = 10;  // all others together weigh 0.046 of it
  CHECK(peaked.worst(peaked.context()) < 12e-3);
  CHECK(peaked.worst(peaked.context(kPlain)) < 12e-3);
}

TEST_CASE("a query's bits are the same beside others") {
  const Case whole(40, 61, 203);
  const std::vector<float> expected = whole.context();
  for (const std::size_t part : {1, 2, 5, 12, 24, 25, 60}) CHECK(same(whole.context({}, part), expected));
}

#if LOQUOR_HAS_AVX2
TEST_CASE("attention in 16 bits has the same bits with AVX2 and with AVX-512") {
  if (vector_unit() != VectorUnit::kAvx512) {
    MESSAGE("skipped: no AVX-512 with VNNI here (scripts/emulated-avx512 runs it)");
    return;
  }
  for (const std::size_t size : {1, 40, 64})
    for (const std::size_t positions : {1, 31, 128, 203}) {
      const Case random(size, 26, positions);
      CHECK(same(random.context({avx2::round_int16_block_body, avx2::attend_int16_body}), random.context()));
    }
}
#endif

TEST_CASE("large scores overflow nothing") {
  for (const float size : {1e6f, 1e14f}) {
    Case large(16, 3, 140, 1);
    for (float& value : large.queries) value *= size;
    for (float& value : large.keys) value *= size;
    for (const Bodies& bodies : {Bodies(), kPlain}) {
      const std::vector<float> found = large.context(bodies);
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t k = 0; k < 16; ++k) CHECK(std::fabs(found[i * large.stride + k]) < 2.01f);
    }
  }
}

TEST_CASE("what is not finite makes no numbers where it counts, and nowhere else") {
  const float wrong[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()};
  for (const float value : wrong)
    for (const Bodies& bodies : {Bodies(), kPlain}) {
      Case query(20, 26, 150), key = query, of_value = query;
      query.queries[13 * query.stride + 4] = value;
      key.keys[140 * key.stride + 19] = value;
      of_value.values[7 * of_value.stride + 11] = value;
      const std::vector<float> by_query = query.context(bodies), by_key = key.context(bodies);
      const std::vector<float> by_value = of_value.context(bodies);
      for (std::size_t i = 0; i < 26; ++i)
        for (std::size_t k = 0; k < 20; ++k) {
          CHECK(std::isnan(by_query[i * query.stride + k]) == (i == 13));
          CHECK(std::isnan(by_key[i * key.stride + k]));
          CHECK(std::isnan(by_value[i * of_value.stride + k]) == (k == 11));
        }
    }
}
