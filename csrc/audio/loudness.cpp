#include "audio/loudness.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace loquor {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr std::size_t kPerHop = 5, kPerBlock = 20;  // levels in 100 ms and in 400 ms
constexpr double kOffset = -0.691;
constexpr double kAbsoluteGate = -70, kRelativeGate = -10;
constexpr double kLeastPower = 1e-20;

double level_of(double power) { return kOffset + 10 * std::log10(std::max(power, kLeastPower)); }

double mean_level(const std::vector<double>& levels) {
  if (levels.empty()) return -std::numeric_limits<double>::infinity();
  double power = 0;
  for (const double level : levels) power += std::pow(10, level / 10);
  return 10 * std::log10(power / static_cast<double>(levels.size()));
}

}  // namespace

LoudnessMeter::LoudnessMeter(int32_t rate) : rate_(rate), per_level_(rate / kLevelsPerSecond) {
  const auto turn = [rate](double corner, double quality) {
    const double angle = 2 * kPi * corner / rate;
    return std::array<double, 2>{std::cos(angle), std::sin(angle) / (2 * quality)};
  };
  {  // a shelf that lifts what a head lifts: 4 dB from 1.5 kHz on, with a slope of Q = 1/sqrt(2)
    const double root = std::pow(10, 4.0 / 40);
    const auto [cosine, width] = turn(1500, std::sqrt(0.5));
    const double more = root + 1, less = root - 1, bend = 2 * std::sqrt(root) * width;
    shelf_ = biquad({root * (more + less * cosine + bend), -2 * root * (less + more * cosine),
                     root * (more + less * cosine - bend)},
                    {more - less * cosine + bend, 2 * (less - more * cosine), more - less * cosine - bend});
  }
  const auto [cosine, width] = turn(38, 0.5);
  high_pass_ =
      biquad({(1 + cosine) / 2, -(1 + cosine), (1 + cosine) / 2}, {1 + width, -2 * cosine, 1 - width});
}

LoudnessMeter::Biquad LoudnessMeter::biquad(const std::array<double, 3>& above,
                                            const std::array<double, 3>& below) {
  Biquad made;
  for (std::size_t i = 0; i < 3; ++i) {
    made.above[i] = above[i] / below[0];
    made.below[i] = below[i] / below[0];
  }
  return made;
}

double LoudnessMeter::Biquad::next(double sample) {
  const double made = above[0] * sample + state[0];
  state[0] = above[1] * sample - below[1] * made + state[1];
  state[1] = above[2] * sample - below[2] * made;
  return made;
}

void LoudnessMeter::add(Span<const float> samples) {
  samples_ += static_cast<int64_t>(samples.size());
  for (const float sample : samples) {
    const double heard = high_pass_.next(shelf_.next(static_cast<double>(sample)));
    rest_ += heard * heard;
    if (++rest_samples_ < per_level_) continue;
    squares_.push_back(rest_);
    rest_ = 0;
    rest_samples_ = 0;
  }
}

std::vector<double> LoudnessMeter::levels() const {
  std::vector<double> levels(squares_.size());
  std::transform(squares_.begin(), squares_.end(), levels.begin(),
                 [this](double squares) { return level_of(squares / static_cast<double>(per_level_)); });
  return levels;
}

double LoudnessMeter::integrated() const {
  // pyloudnorm's own expression: of 0.75 s another one rounds to a block more
  const double seconds = static_cast<double>(samples_) / rate_;
  const auto count = static_cast<int64_t>(std::nearbyint((seconds - 0.4) / (0.4 * 0.25))) + 1;
  std::vector<double> levels;
  for (std::size_t block = 0; static_cast<int64_t>(block) < count; ++block) {
    double power = 0;
    for (std::size_t at = block * kPerHop; at < block * kPerHop + kPerBlock; ++at) {
      if (at < squares_.size()) power += squares_[at];
      if (at == squares_.size()) power += rest_;
    }
    levels.push_back(level_of(power / static_cast<double>(kPerBlock * static_cast<std::size_t>(per_level_))));
  }
  return gated_level(levels);
}

double gated_level(const std::vector<double>& levels) {
  std::vector<double> loud;
  std::copy_if(levels.begin(), levels.end(), std::back_inserter(loud),
               [](double level) { return level >= kAbsoluteGate; });
  const double gate = mean_level(loud) + kRelativeGate;
  loud.erase(std::remove_if(loud.begin(), loud.end(), [gate](double level) { return !(level > gate); }),
             loud.end());
  return mean_level(loud);
}

}  // namespace loquor
