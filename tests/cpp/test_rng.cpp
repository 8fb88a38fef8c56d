#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <set>

#include "base/rng.hpp"

using loquor::Block4x64;
using loquor::CounterRng;
using loquor::philox4x64;

TEST_CASE("philox4x64-10 gives the published known answers") {
  constexpr uint64_t kOnes = ~uint64_t{0};
  CHECK(philox4x64({0, 0, 0, 0}, 0, 0) ==
        Block4x64{0x16554d9eca36314cu, 0xdb20fe9d672d0fdcu, 0xd7e772cee186176bu, 0x7e68b68aec7ba23bu});
  CHECK(philox4x64({kOnes, kOnes, kOnes, kOnes}, kOnes, kOnes) ==
        Block4x64{0x87b092c3013fe90bu, 0x438c3c67be8d0224u, 0x9cc7d7c69cd777b6u, 0xa09caebf594f0ba0u});
  // The digits of pi.
  CHECK(philox4x64({0x243f6a8885a308d3u, 0x13198a2e03707344u, 0xa4093822299f31d0u, 0x082efa98ec4e6c89u},
                   0x452821e638d01377u, 0xbe5466cf34e90c6cu) ==
        Block4x64{0xa528f45403e61d95u, 0x38c72dbd566e9788u, 0xa5a1610e72fd18b5u, 0x57bd43b5e52b7fe6u});
}

TEST_CASE("the seed is the key and the step is the counter") {
  const CounterRng rng(0x123456789abcdef0u);
  CHECK(rng.block(7) == philox4x64({7, 0, 0, 0}, 0x123456789abcdef0u, 0));
  // numpy.random.Philox(key=[42, 0], counter=[4, 0, 0, 0]).random_raw() (it counts up before it draws).
  CHECK(CounterRng(42).block(5)[0] == 0xfc8f015cf1f8f3efu);
}

TEST_CASE("uniform is the top 24 bits, exact in float32 and below 1") {
  double sum = 0;
  double squares = 0;
  constexpr int kCount = 100000;
  const CounterRng rng(3);
  for (uint64_t step = 0; step < kCount; ++step) {
    const float u = rng.uniform(step);
    const double scaled = static_cast<double>(u) * 16777216.0;
    REQUIRE(scaled == std::floor(scaled));
    REQUIRE(scaled == static_cast<double>(rng.block(step)[0] >> 40));
    REQUIRE(u >= 0.0f);
    REQUIRE(u < 1.0f);
    sum += static_cast<double>(u);
    squares += static_cast<double>(u) * static_cast<double>(u);
  }
  CHECK(std::abs(sum / kCount - 1.0 / 2) < 0.004);  // four standard deviations
  CHECK(std::abs(squares / kCount - 1.0 / 3) < 0.004);
}

TEST_CASE("a step's number does not depend on what was drawn before, and streams differ") {
  const CounterRng rng(11);
  const float later = rng.uniform(1000);
  for (uint64_t step = 0; step < 1000; ++step) (void)rng.uniform(step);
  CHECK(rng.uniform(1000) == later);
  std::set<uint64_t> words;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    for (uint64_t step = 0; step < 100; ++step) words.insert(CounterRng(seed).block(step)[0]);
  }
  CHECK(words.size() == 10000);
}
