// Convolutions against the plain sum in double precision.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/convolution.hpp"

using namespace loquor;

namespace {

struct Case {
  ConvolutionShape shape;
  std::vector<float> x, weights, bias;

  Case(std::size_t filters, std::size_t channels, std::size_t taps, std::size_t length,
       std::size_t dilation = 1, std::size_t pad_begin = 0, std::size_t pad_end = 0) {
    shape = {filters, channels, taps, length, dilation, pad_begin, pad_end};
    x = drawn(channels * length, 1);
    weights = drawn(filters * channels * taps, 2);
    bias = drawn(filters, 3);
  }

  static std::vector<float> drawn(std::size_t count, unsigned seed) {
    std::mt19937 bits(seed);
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(bits() % 2001) / 1000.0f - 1.0f;
    return values;
  }

  // Parts in the order given, each with scratch full of what is no number: nothing is read before it is made.
  std::vector<float> computed(bool backwards = false, bool biased = true) const {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const Convolution convolution(shape);
    std::vector<float> transformed(convolution.weight_floats(), nan);
    std::vector<float> y(shape.filters * shape.output_length(), nan);
    for (std::size_t part = 0; part < convolution.weight_parts(); ++part)
      convolution.transform_weights(weights.data(), part, transformed.data());
    for (std::size_t i = 0; i < convolution.parts(); ++i) {
      std::vector<float> scratch(convolution.scratch_floats(), nan);
      convolution.compute(x.data(), transformed.data(), biased ? bias.data() : nullptr,
                          backwards ? convolution.parts() - 1 - i : i, scratch.data(), y.data());
    }
    return y;
  }

  struct Error {
    double worst = 0, typical = 0;
  };

  // The difference from the plain sum, as a part of the size that its terms give it: the largest, and on
  // average.
  Error error_of(const std::vector<float>& y, bool biased) const {
    double worst = 0, squares = 0;
    for (std::size_t m = 0; m < shape.filters; ++m)
      for (std::size_t t = 0; t < shape.output_length(); ++t) {
        double sum = biased ? bias[m] : 0, size = 1e-3;
        for (std::size_t c = 0; c < shape.channels; ++c)
          for (std::size_t j = 0; j < shape.taps; ++j) {
            const std::size_t at = t + j * shape.dilation;
            if (at < shape.pad_begin || at >= shape.pad_begin + shape.length) continue;
            const double term = static_cast<double>(weights[(m * shape.channels + c) * shape.taps + j]) *
                                x[c * shape.length + at - shape.pad_begin];
            sum += term;
            size += term * term;
          }
        const double difference = std::fabs(y[m * shape.output_length() + t] - sum);
        const double part = std::isnan(difference) ? 1.0 : difference / std::sqrt(size);
        worst = std::fmax(worst, part);
        squares += part * part;
      }
    return {worst, std::sqrt(squares / static_cast<double>(y.size()))};
  }
  double error(const std::vector<float>& y, bool biased = true) const { return error_of(y, biased).worst; }
};

constexpr double kExact = 5e-5;  // at the edges, where only small terms are left of large ones

}  // namespace

TEST_CASE("a convolution is the sum over channels and taps") {
  for (std::size_t taps = Convolution::kFewestTaps; taps <= Convolution::kMostTaps; ++taps)
    for (const std::size_t dilation : {1, 2, 3, 4, 5, 7, 40}) {
      const std::size_t same = dilation * (taps - 1) / 2;
      const Case one(5, 6, taps, 501, dilation, same, dilation * (taps - 1) - same);
      CAPTURE(taps);
      CAPTURE(dilation);
      CHECK(one.shape.output_length() == 501);
      CHECK(one.error(one.computed()) < kExact);
    }
}

TEST_CASE("rows of any length, with pads of any kind, down to a single output") {
  for (const std::size_t taps : {3, 4, 7, 11})
    for (const std::size_t dilation : {1, 3, 5, 6})
      for (std::size_t length = 1; length < 700; length += length < 70 ? 1 : 41) {
        const std::size_t begin = length % 5, reach = dilation * (taps - 1);
        const std::size_t end = length + begin > reach ? length % 3 : reach + 1 - length - begin;
        const Case one(3, 2, taps, length, dilation, begin, end);
        CAPTURE(taps);
        CAPTURE(dilation);
        CAPTURE(length);
        CHECK(one.error(one.computed()) < kExact);
      }
}

TEST_CASE("pads longer than the row") {
  const Case one(3, 2, 7, 5, 2, 300, 500);
  CHECK(one.error(one.computed()) < kExact);
}

TEST_CASE("any number of filters and channels, with a bias or none") {
  for (const std::size_t filters : {1, 3, 4, 5, 8, 9, 17})
    for (const std::size_t channels : {1, 2, 15, 16, 17, 33}) {
      const Case one(filters, channels, 7, 130, 1, 3, 3);
      CAPTURE(filters);
      CAPTURE(channels);
      CHECK(one.error(one.computed()) < kExact);
      CHECK(one.error(one.computed(false, false), false) < kExact);
    }
}

TEST_CASE("as wide as the decoder's, it rounds to a few units of the last place") {
  for (const std::size_t taps : {3, 7, 11}) {
    const Case one(8, 256, taps, 900, 1, taps / 2, taps / 2);
    CAPTURE(taps);
    const Case::Error error = one.error_of(one.computed(), true);
    CHECK(error.worst < kExact);
    CHECK(error.typical < 4e-6);
  }
}

TEST_CASE("the order of parts does not change a bit") {
  for (const std::size_t taps : {3, 4, 7, 11})
    for (const std::size_t dilation : {1, 3, 5}) {
      const Case one(9, 7, taps, 3001, dilation, 2, 1);
      CHECK(Convolution(one.shape).parts() > 1);
      CHECK(one.computed() == one.computed(true));
    }
}

TEST_CASE("what is no number spreads to the outputs that read it, and not far beyond") {
  Case one(3, 4, 7, 3000, 1, 3, 3);
  one.x[1500] = std::numeric_limits<float>::infinity();
  const std::vector<float> y = one.computed();
  for (std::size_t t = 1497; t <= 1503; ++t) CHECK(!std::isfinite(y[t]));
  CHECK(std::isfinite(y[1400]));
  CHECK(std::isfinite(y[1600]));
}
