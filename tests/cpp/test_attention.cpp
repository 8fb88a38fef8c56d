// Attention over a KV cache against the formula in double precision, and bit by bit against itself cut up
// otherwise.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "base/half.hpp"
#include "kernels/attention_body.hpp"

using namespace loquor;

namespace {

constexpr CacheType kTypes[] = {CacheType::kFloat32, CacheType::kFloat16, CacheType::kInt8};
// What this processor runs, and what any could.
using Body = void (*)(const AttentionHead&);
constexpr Body kBodies[] = {attend, plain::attend_body};
constexpr float kKeyStep = 0.031f, kValueStep = 0.017f;

std::vector<float> noise(std::size_t count, uint64_t seed) {
  uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
  std::vector<float> values(count);
  for (float& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value = static_cast<float>(static_cast<int64_t>(state >> 33) - (int64_t{1} << 30)) * 0x1p-29f;
  }
  return values;
}

// One sequence: a few heads of queries over one head of keys and values.
struct Sequence {
  CacheType type;
  std::size_t head_dim, group, length;
  std::vector<float> queries, new_keys, new_values;  // of all positions
  std::vector<float> context;
  std::vector<unsigned char> keys, values;

  Sequence(CacheType cache, std::size_t dim, std::size_t heads, std::size_t positions)
      : type(cache),
        head_dim(dim),
        group(heads),
        length(positions),
        queries(noise(positions * heads * dim, 1)),
        new_keys(noise(positions * dim, 2)),
        new_values(noise(positions * dim, 3)),
        context(positions * heads * dim, 99.0f),
        keys(positions * dim * bytes_of(cache), 0x5A),
        values(keys) {
    for (float& query : queries) query *= 3.0f;
  }

  AttentionHead head(std::size_t past, std::size_t count) {
    const std::size_t width = group * head_dim;
    return {type,
            head_dim,
            group,
            past,
            count,
            count,
            {queries.data() + past * width, width},
            {new_keys.data() + past * head_dim, head_dim},
            {new_values.data() + past * head_dim, head_dim},
            {context.data() + past * width, width},
            keys.data(),
            values.data(),
            1.0f / std::sqrt(static_cast<float>(head_dim)),
            kKeyStep,
            kValueStep};
  }

  Sequence& in_chunks(std::size_t size, Body body = attend) {
    for (std::size_t past = 0; past < length; past += size) {
      body(head(past, std::min(size, length - past)));
    }
    return *this;
  }

  double cached(const std::vector<unsigned char>& cache, float step, std::size_t index) const {
    if (type == CacheType::kInt8) return static_cast<double>(step) * static_cast<int8_t>(cache[index]);
    if (type == CacheType::kFloat16) {
      uint16_t half = 0;
      std::memcpy(&half, &cache[index * 2], sizeof half);
      return static_cast<double>(half_to_float(half));
    }
    float value = 0;
    std::memcpy(&value, &cache[index * 4], sizeof value);
    return static_cast<double>(value);
  }

  // The context of one row of one head, of what is in the cache.
  std::vector<double> expected(std::size_t row, std::size_t head_index) const {
    const float* const query = queries.data() + (row * group + head_index) * head_dim;
    std::vector<double> weights(row + 1);
    double largest = -1e300, total = 0;
    for (std::size_t p = 0; p <= row; ++p) {
      for (std::size_t d = 0; d < head_dim; ++d) {
        weights[p] += static_cast<double>(query[d]) * cached(keys, kKeyStep, p * head_dim + d);
      }
      weights[p] /= std::sqrt(static_cast<double>(head_dim));
      largest = std::max(largest, weights[p]);
    }
    for (double& weight : weights) total += weight = std::exp(weight - largest);
    std::vector<double> made(head_dim);
    for (std::size_t p = 0; p <= row; ++p) {
      for (std::size_t d = 0; d < head_dim; ++d) {
        made[d] += weights[p] / total * cached(values, kValueStep, p * head_dim + d);
      }
    }
    return made;
  }
};

double largest_error(const Sequence& sequence) {
  double worst = 0;
  for (std::size_t row = 0; row < sequence.length; ++row) {
    for (std::size_t head = 0; head < sequence.group; ++head) {
      const std::vector<double> expected = sequence.expected(row, head);
      const float* const found = sequence.context.data() + (row * sequence.group + head) * sequence.head_dim;
      for (std::size_t d = 0; d < sequence.head_dim; ++d) {
        worst = std::max(worst, std::fabs(static_cast<double>(found[d]) - expected[d]));
      }
    }
  }
  return worst;
}

}  // namespace

TEST_CASE("attention is softmax(q k^T scale) v over the positions so far") {
  for (const Body body : kBodies) {
    for (const CacheType type : kTypes) {
      for (const std::size_t dim : std::initializer_list<std::size_t>{8, 16, 24, 64, 80, 128, 256}) {
        for (const std::size_t group : std::initializer_list<std::size_t>{1, 3}) {
          Sequence sequence(type, dim, group, 150);
          CAPTURE(static_cast<int>(type));
          CAPTURE(dim);
          CAPTURE(group);
          CHECK(largest_error(sequence.in_chunks(150, body)) < 5e-6);
        }
      }
    }
  }
}

TEST_CASE("a row's bits do not depend on how the prompt is cut") {
  for (const Body body : kBodies) {
    for (const CacheType type : kTypes) {
      for (const std::size_t group : std::initializer_list<std::size_t>{1, 3}) {
        const Sequence whole = Sequence(type, 24, group, 203).in_chunks(203, body);
        for (const std::size_t size : std::initializer_list<std::size_t>{1, 2, 3, 7, 31, 64, 100}) {
          const Sequence cut = Sequence(type, 24, group, 203).in_chunks(size, body);
          CAPTURE(static_cast<int>(type));
          CAPTURE(size);
          CHECK(cut.context == whole.context);
          CHECK(cut.keys == whole.keys);
          CHECK(cut.values == whole.values);
        }
      }
    }
  }
}

TEST_CASE("a head's bits do not depend on the heads that share its cache") {
  for (const CacheType type : kTypes) {
    Sequence together(type, 64, 4, 90);
    together.in_chunks(90);
    for (std::size_t head = 0; head < 4; ++head) {
      Sequence alone(type, 64, 1, 90);
      for (std::size_t row = 0; row < 90; ++row) {
        std::memcpy(&alone.queries[row * 64], &together.queries[(row * 4 + head) * 64], 64 * sizeof(float));
      }
      alone.in_chunks(90);
      for (std::size_t row = 0; row < 90; ++row) {
        CHECK(std::memcmp(&alone.context[row * 64], &together.context[(row * 4 + head) * 64],
                          64 * sizeof(float)) == 0);
      }
    }
  }
}

TEST_CASE("padding rows are nothing, and change nothing") {
  for (const CacheType type : kTypes) {
    const Sequence whole = Sequence(type, 16, 2, 40).in_chunks(40);
    Sequence padded(type, 16, 2, 40);
    AttentionHead head = padded.head(0, 40);
    head.real = 23;
    attend(head);
    for (std::size_t i = 0; i < padded.context.size(); ++i) {
      CHECK(padded.context[i] == (i < 23 * 32 ? whole.context[i] : 0.0f));
    }
  }
}

TEST_CASE("an int8 cache rounds to the nearest step, ties to even, and cuts off what lies beyond") {
  for (const Body body : kBodies) {
    Sequence sequence(CacheType::kInt8, 8, 1, 1);
    const float given[] = {0.5f, 1.5f, -0.5f, -2.5f, 127.4f, 900.0f, -128.6f, -1e9f};
    const int8_t expected[] = {0, 2, 0, -2, 127, 127, -128, -128};
    sequence.new_keys.assign(given, given + 8);
    AttentionHead head = sequence.head(0, 1);
    head.key_scale = 1.0f;
    body(head);
    CHECK(std::memcmp(sequence.keys.data(), expected, 8) == 0);
    head.key_scale = 0.0f;  // of a model whose keys were all 0 when it was calibrated
    body(head);
    for (const unsigned char key : sequence.keys) CHECK(key == 0);
  }
}

TEST_CASE("a float16 cache rounds as the software does") {
  for (const Body body : kBodies) {
    Sequence sequence(CacheType::kFloat16, 8, 1, 50);
    sequence.new_keys[3] = 1e6f;
    sequence.new_keys[4] = 65519.9f;
    sequence.new_keys[5] = 3e-8f;
    sequence.in_chunks(50, body);
    for (std::size_t i = 0; i < sequence.new_keys.size(); ++i) {
      uint16_t half = 0;
      std::memcpy(&half, &sequence.keys[i * 2], sizeof half);
      CHECK(half == float_to_half(sequence.new_keys[i]));
    }
  }
}

TEST_CASE("scores far apart make no subnormal and no infinite weights") {
  Sequence sequence(CacheType::kFloat32, 8, 1, 130);
  for (float& query : sequence.queries) query *= 1000.0f;
  CHECK(largest_error(sequence.in_chunks(130)) < 1e-2);  // scores of 1e4 leave few digits behind the point
  for (float& query : sequence.queries) query = NAN;
  sequence.in_chunks(130);
  CHECK(std::isnan(sequence.context.back()));
}

TEST_CASE("the weights of a row are the softmax of its scores, and sum up to 1") {
  using Weigh = void (*)(const AttentionRow&);
  for (const Weigh weighs : {Weigh{weigh}, Weigh{plain::weigh_body}}) {
    for (const CacheType type : kTypes) {
      for (const std::size_t count :
           {std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{65}, std::size_t{203}}) {
        Sequence sequence(type, 64, 1, 210);
        attend(sequence.head(0, 210));  // which fills the keys
        std::vector<float> weights(count + 1, -7.0F);
        AttentionRow row = {};
        row.type = type;
        row.head_dim = 64;
        row.count = count;
        row.query = sequence.queries.data() + (count - 1) * 64;
        row.keys = sequence.keys.data();
        row.scale = 0.125F;
        row.key_scale = kKeyStep;
        row.weights = weights.data();
        weighs(row);
        CHECK(weights[count] == -7.0F);
        std::vector<double> expected(count);
        double sum = 0;
        for (std::size_t p = 0; p < count; ++p) {
          double score = 0;
          for (std::size_t d = 0; d < 64; ++d) {
            const std::size_t at = p * 64 + d;
            const double key =
                type == CacheType::kFloat32 ? sequence.new_keys[at]
                : type == CacheType::kFloat16
                    ? half_to_float(reinterpret_cast<const uint16_t*>(sequence.keys.data())[at])
                    : kKeyStep * reinterpret_cast<const int8_t*>(sequence.keys.data())[at];
            score += static_cast<double>(row.query[d]) * key;
          }
          sum += expected[p] = std::exp(0.125 * score);
        }
        for (std::size_t p = 0; p < count; ++p) {
          CHECK(weights[p] == doctest::Approx(expected[p] / sum).epsilon(1e-4));
        }
      }
    }
  }
}
