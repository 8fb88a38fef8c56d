#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "base/half.hpp"
#include "kernels/widen.hpp"

using loquor::float_to_half;
using loquor::half_to_float;
using loquor::Span;
using loquor::widen_halves;

namespace {

// The value of a half by the definition, through arithmetic instead of bits.
double by_definition(uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int mantissa = half & 1023;
  const double sign = (half & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 31) {
    const double special =
        mantissa != 0 ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
    return sign * special;
  }
  return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}

}  // namespace

TEST_CASE("every half widens to its value and comes back bit for bit") {
  for (uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = half_to_float(half);
    const double expected = by_definition(half);
    if (std::isnan(expected)) {
      REQUIRE(std::isnan(value));
    } else {
      REQUIRE(static_cast<double>(value) == expected);
      REQUIRE(std::signbit(value) == std::signbit(expected));
    }
    REQUIRE(float_to_half(value) == half);
  }
}

TEST_CASE("halfway between two halves the even one wins, a hair beside it the nearer one") {
  for (uint32_t bits = 0; bits < 0x7BFF; ++bits) {
    const auto low = static_cast<uint16_t>(bits);
    const auto high = static_cast<uint16_t>(bits + 1);
    const float middle = (half_to_float(low) + half_to_float(high)) / 2;  // exact
    const uint16_t even = (low & 1) == 0 ? low : high;
    REQUIRE(float_to_half(middle) == even);
    REQUIRE(float_to_half(-middle) == (even | 0x8000));
    REQUIRE(float_to_half(std::nextafter(middle, 0.0f)) == low);
    REQUIRE(float_to_half(std::nextafter(middle, 1e9f)) == high);
  }
}

TEST_CASE("the ends of the range") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  CHECK(float_to_half(65504.0f) == 0x7BFF);
  CHECK(float_to_half(std::nextafter(65520.0f, 0.0f)) == 0x7BFF);
  CHECK(float_to_half(65520.0f) == 0x7C00);
  CHECK(float_to_half(-1e30f) == 0xFC00);
  CHECK(float_to_half(kInfinity) == 0x7C00);
  CHECK(float_to_half(0x1p-24f) == 0x0001);
  CHECK(float_to_half(0x1p-25f) == 0x0000);
  CHECK(float_to_half(std::nextafter(0x1p-25f, 1.0f)) == 0x0001);
  CHECK(float_to_half(-std::numeric_limits<float>::denorm_min()) == 0x8000);
  // A NaN whose payload sits in the bits that are cut off stays a NaN.
  CHECK(std::isnan(half_to_float(float_to_half(loquor::detail::float_from_bits(0x7F800001u)))));
}

TEST_CASE("spans convert element by element and refuse different lengths") {
  const std::vector<float> values = {0.0f, -1.5f, 3.14159f, 70000.0f};
  std::vector<uint16_t> halves(4);
  std::vector<float> back(4);
  float_to_half(Span<const float>(values), Span<uint16_t>(halves));
  half_to_float(Span<const uint16_t>(halves), Span<float>(back));
  CHECK(back[0] == 0.0f);
  CHECK(back[1] == -1.5f);
  CHECK(back[2] == 3.140625f);
  CHECK(std::isinf(back[3]));
  std::vector<float> shorter(3);
  CHECK_THROWS_AS(half_to_float(Span<const uint16_t>(halves), Span<float>(shorter)), loquor::Error);
}

TEST_CASE("vectors widen every half as software does, in any number") {
  std::vector<uint16_t> halves(65536);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  const std::size_t counts[] = {0, 1, 7, 8, 9, 31, halves.size()};
  for (const std::size_t count : counts) {
    std::vector<float> wide(count + 1, -7.0f);
    widen_halves(halves.data(), wide.data(), count);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const float expected = half_to_float(halves[i]);
      const bool both_none = std::isnan(expected) && std::isnan(wide[i]);
      if (!both_none && std::memcmp(&expected, &wide[i], sizeof expected) != 0) ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(wide[count] == -7.0f);
  }
}
