// Loudness by ITU-R BS.1770 in constant memory for each second, fed block by block.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/span.hpp"

namespace loquor {

// Mono at a rate that 50 divides. Its weighting is pyloudnorm's default one, which is upstream's: two biquads
// for any rate, by the formulas of R. Bristow-Johnson's "Cookbook formulae for audio EQ biquad filter
// coefficients", not the table of BS.1770, from which they differ by 0.04 to 0.13 dB.
class LoudnessMeter {
 public:
  static constexpr int kLevelsPerSecond = 50;

  explicit LoudnessMeter(int32_t rate);
  void add(Span<const float> samples);
  // Of each 20 ms, in LUFS without a gate.
  std::vector<double> levels() const;
  // In LUFS; not finite if nothing is above the gates.
  double integrated() const;

 private:
  struct Biquad {
    std::array<double, 3> above{};  // coefficients of the delays, above and below the line; below[0] is 1
    std::array<double, 3> below{};
    std::array<double, 2> state{};
    double next(double sample);
  };
  static Biquad biquad(const std::array<double, 3>& above, const std::array<double, 3>& below);

  int32_t rate_;
  int64_t samples_ = 0;
  Biquad shelf_;
  Biquad high_pass_;
  int64_t per_level_;
  double rest_ = 0;  // the sum of squares of the 20 ms under way
  int64_t rest_samples_ = 0;
  std::vector<double> squares_;  // sums, by 20 ms
};

// The mean of `levels` in dB, by power, above BS.1770's two gates; -infinity if none is.
double gated_level(const std::vector<double>& levels);

}  // namespace loquor
