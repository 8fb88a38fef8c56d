// Random numbers as a pure function of (seed, step): no state to keep, copy or get out of step.
//
// Philox 4x64 with 10 rounds, from Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
// 1, 2, 3" (SC 2011).
#pragma once

#include <array>
#include <cstdint>

namespace loquor {

using Block4x64 = std::array<uint64_t, 4>;

namespace detail {

struct Product {
  uint64_t high;
  uint64_t low;
};

constexpr Product multiply_wide(uint64_t a, uint64_t b) {
#if defined(__SIZEOF_INT128__)
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return {static_cast<uint64_t>(product >> 64), static_cast<uint64_t>(product)};
#else
  // Put together of four products of 32-bit halves.
  constexpr uint64_t kMask = 0xFFFFFFFFu;
  const uint64_t low = (a & kMask) * (b & kMask);
  const uint64_t cross = (a >> 32) * (b & kMask) + (low >> 32);
  const uint64_t middle = (a & kMask) * (b >> 32) + (cross & kMask);
  return {(a >> 32) * (b >> 32) + (cross >> 32) + (middle >> 32), a * b};
#endif
}

}  // namespace detail

// The Philox4x64-10 bijection of `counter` under the key (key0, key1).
constexpr Block4x64 philox4x64(Block4x64 counter, uint64_t key0, uint64_t key1) {
  constexpr uint64_t kMultiplier0 = 0xD2E7470EE14C6C93u;
  constexpr uint64_t kMultiplier1 = 0xCA5A826395121157u;
  constexpr uint64_t kWeyl0 = 0x9E3779B97F4A7C15u;  // golden ratio
  constexpr uint64_t kWeyl1 = 0xBB67AE8584CAA73Bu;  // sqrt(3) - 1
  for (int round = 0; round < 10; ++round, key0 += kWeyl0, key1 += kWeyl1) {
    const detail::Product p0 = detail::multiply_wide(kMultiplier0, counter[0]);
    const detail::Product p1 = detail::multiply_wide(kMultiplier1, counter[2]);
    counter = {p1.high ^ counter[1] ^ key0, p1.low, p0.high ^ counter[3] ^ key1, p0.low};
  }
  return counter;
}

// One stream of numbers per request: key (seed, 0), counter (step, 0, 0, 0).
class CounterRng {
 public:
  explicit CounterRng(uint64_t seed) : seed_(seed) {}

  Block4x64 block(uint64_t step) const { return philox4x64({step, 0, 0, 0}, seed_, 0); }

  // Uniform in [0, 1): 24 bits, so that a float32 holds it exactly on every device.
  float uniform(uint64_t step) const { return static_cast<float>(block(step)[0] >> 40) * 0x1p-24f; }

 private:
  uint64_t seed_;
};

}  // namespace loquor
