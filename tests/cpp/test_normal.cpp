// Box and Muller's pairs against the formula in double precision, at the ends of each range and all between.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/normal.hpp"

using namespace loquor;

TEST_CASE("pairs of normal deviates are those of the formula") {
  constexpr uint32_t kMost = (1u << 24) - 1, kEighth = 1u << 21;
  std::vector<uint32_t> a, b;
  for (const uint32_t whole : {0u, 1u, 1000u, 1u << 22, 11863283u, 11863284u, kMost - 1, kMost}) {
    for (uint32_t eighth = 0; eighth < 8; ++eighth) {
      for (const int near : {-1, 0, 1, 12345}) {
        a.push_back(whole << 8 | 0xab);
        b.push_back(((eighth * kEighth + static_cast<uint32_t>(near)) & kMost) << 8 | 0xcd);
      }
    }
  }
  for (uint32_t i = 0; i < 100003; ++i) {
    a.push_back(i * 2654435761u);
    b.push_back(i * 2246822519u + 77);
  }
  std::vector<float> one(a.size()), other(a.size());
  box_muller(a.data(), b.data(), one.data(), other.data(), a.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    // The uniform number is rounded to a float, which for the last is 1.
    const double radius =
        std::sqrt(-2 * std::log(static_cast<double>((static_cast<float>(a[i] >> 8) + 0.5f) * 0x1p-24f)));
    const double angle = (b[i] >> 8) * 6.283185307179586 / 16777216.0;
    const double allowed = std::max(radius, 1e-2);
    worst = std::max(worst, std::fabs(one[i] - radius * std::cos(angle)) / allowed);
    worst = std::max(worst, std::fabs(other[i] - radius * std::sin(angle)) / allowed);
  }
  CHECK(worst < 1e-6);
}

TEST_CASE("a deviate does not depend on its neighbours") {
  std::vector<uint32_t> a(40), b(40);
  for (uint32_t i = 0; i < 40; ++i) a[i] = i * 2654435761u, b[i] = i * 40503u << 9;
  std::vector<float> one(40), other(40);
  box_muller(a.data(), b.data(), one.data(), other.data(), 40);
  for (std::size_t i = 0; i < 40; ++i) {
    float alone = 0, beside = 0;
    box_muller(&a[i], &b[i], &alone, &beside, 1);
    CHECK(alone == one[i]);
    CHECK(beside == other[i]);
  }
}
