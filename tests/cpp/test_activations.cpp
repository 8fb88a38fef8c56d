// Activations against the formula in double precision, over all that floats may hold.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/activations.hpp"

using namespace loquor;

namespace {

// From far below to far above, and close around nothing; no multiple of any vector's width.
std::vector<float> ramp(float reach) {
  std::vector<float> values;
  for (int i = -5003; i <= 5003; ++i) {
    values.push_back(reach * static_cast<float>(i) / 5003.0f);
    values.push_back(1e-3f * static_cast<float>(i) / 5003.0f);
  }
  return values;
}

double snake_of(float x, float rate, float gain) {
  const double sine = std::sin(static_cast<double>(rate * x));  // of the angle in float, as graphs have it
  return x + gain * sine * sine;
}

}  // namespace

TEST_CASE("snake is x + gain sin^2(rate x)") {
  for (const float rate : {0.05f, 1.0f, -3.7f, 100.0f, 1e6f}) {  // the last two leave the fast range
    const std::vector<float> x = ramp(300.0f);
    std::vector<float> y(x.size());
    snake(x.data(), rate, 0.8f, y.data(), x.size());
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      worst = std::max(worst, std::fabs(y[i] - snake_of(x[i], rate, 0.8f)) / std::max(1.0f, std::fabs(x[i])));
    }
    CAPTURE(rate);
    CHECK(worst < 1e-6);
  }
}

TEST_CASE("snake works in place and on a few values") {
  std::vector<float> x = {0.5f, -2.0f, 3.0f};
  snake(x.data(), 2.0f, 0.5f, x.data(), x.size());
  CHECK(x[0] == doctest::Approx(snake_of(0.5f, 2.0f, 0.5f)));
  CHECK(x[2] == doctest::Approx(snake_of(3.0f, 2.0f, 0.5f)));
  snake(x.data(), 2.0f, 0.5f, x.data(), 0);
  CHECK(x[1] == doctest::Approx(snake_of(-2.0f, 2.0f, 0.5f)));
}

TEST_CASE("mish is x tanh(log(1 + e^x))") {
  for (const float reach : {3.0f, 30.0f, 1e30f}) {
    const std::vector<float> x = ramp(reach);
    std::vector<float> y(x.size());
    mish(x.data(), y.data(), x.size());
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double value = x[i],
                   expected = value > 30 ? value : value * std::tanh(std::log1p(std::exp(value)));
      worst = std::max(worst, std::fabs(y[i] - expected) / std::max(1e-3, std::fabs(expected)));
    }
    CAPTURE(reach);
    CHECK(worst < 1e-5);
  }
}

TEST_CASE("what is no number stays none") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const float x[] = {nan, inf, 1.0f};
  float y[3];
  snake(x, 1.0f, 1.0f, y, 3);
  CHECK(std::isnan(y[0]));
  CHECK(std::isnan(y[1]));
  CHECK(y[2] == doctest::Approx(snake_of(1.0f, 1.0f, 1.0f)));
  mish(x, y, 3);
  CHECK(std::isnan(y[0]));
  CHECK(y[1] == inf);
}
