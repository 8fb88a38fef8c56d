#include "engine/linear_cost.hpp"

#include <algorithm>

namespace loquor {

// Least squares over the pieces so far. Neither part is negative: where the best line has such a part, the
// best one without is taken.
void LinearCost::learn(double size, double seconds) {
  constexpr double kAge = 0.9;
  constexpr double kAlike = 0.01;  // variance of sizes, of their mean squared, that tells nothing of a slope
  weight_ = kAge * weight_ + 1;
  sizes_ = kAge * sizes_ + size;
  seconds_ = kAge * seconds_ + seconds;
  squares_ = kAge * squares_ + size * size;
  products_ = kAge * products_ + size * seconds;
  const double spread = weight_ * squares_ - sizes_ * sizes_;
  if (spread <= kAlike * sizes_ * sizes_) {
    line_ = {0, seconds_ / sizes_};
    return;
  }
  const double each = (weight_ * products_ - sizes_ * seconds_) / spread;
  const double fixed = (seconds_ - each * sizes_) / weight_;
  if (each < 0) {
    line_ = {seconds_ / weight_, 0};
  } else if (fixed < 0) {
    line_ = {0, std::max(0.0, products_ / squares_)};
  } else {
    line_ = {fixed, each};
  }
}

}  // namespace loquor
