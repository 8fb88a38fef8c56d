// What work takes by its size, learnt from made-up pieces of work.
#include <doctest/doctest.h>

#include "engine/linear_cost.hpp"

using namespace loquor;

TEST_CASE("a cost is learnt from pieces of several sizes") {
  LinearCost cost;
  CHECK_FALSE(cost.known());
  CHECK(cost.line().of(100) == 0);
  for (int i = 0; i < 20; ++i) {
    const double size = 100 + 40 * (i % 4);
    cost.learn(size, 0.5 + 0.002 * size);
  }
  CHECK(cost.known());
  CHECK(cost.line().fixed == doctest::Approx(0.5));
  CHECK(cost.line().each == doctest::Approx(0.002));
}

TEST_CASE("pieces of one size tell what that size takes, and others are in proportion") {
  LinearCost cost;
  for (int i = 0; i < 3; ++i) cost.learn(300, 0.6);
  CHECK(cost.line().of(300) == doctest::Approx(0.6));
  CHECK(cost.line().of(150) == doctest::Approx(0.3));
}

TEST_CASE("a cost follows a machine that becomes slower") {
  LinearCost cost;
  for (int i = 0; i < 30; ++i) cost.learn(100 + 50 * (i % 3), 0.1 + 0.001 * (100 + 50 * (i % 3)));
  for (int i = 0; i < 60; ++i) cost.learn(100 + 50 * (i % 3), 0.3 + 0.003 * (100 + 50 * (i % 3)));
  CHECK(cost.line().of(200) == doctest::Approx(0.9).epsilon(0.01));
}

TEST_CASE("no part of a cost is negative, whatever was seen") {
  LinearCost falling;
  for (int i = 0; i < 9; ++i) falling.learn(100 + 50 * (i % 3), 1 - 0.1 * (i % 3));
  CHECK(falling.line().each == 0);
  CHECK(falling.line().fixed > 0.7);
  LinearCost steep;
  for (int i = 0; i < 9; ++i) steep.learn(100 + 50 * (i % 3), 0.01 * (i % 3));
  CHECK(steep.line().fixed == 0);
  CHECK(steep.line().each >= 0);
}
