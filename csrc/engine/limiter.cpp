#include "engine/limiter.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace loquor {

Limiter::Limiter() {
  constexpr double kPi = 3.14159265358979323846;
  for (int64_t i = -kReach; i <= kReach; ++i) {
    const double phase = kPi * static_cast<double>(i) / static_cast<double>(kReach + 1);
    weights_.push_back(static_cast<float>((0.5 + 0.5 * std::cos(phase)) / static_cast<double>(kReach + 1)));
  }
}

void Limiter::process(std::vector<float>& block, int64_t /*place*/) {
  wave_.insert(wave_.end(), block.begin(), block.end());
  block.clear();
  give(block, kept_ + static_cast<int64_t>(wave_.size()) - kKeptBack);
}

void Limiter::flush(std::vector<float>& block) { give(block, kept_ + static_cast<int64_t>(wave_.size())); }

// The samples before `to`; behind the wave's ends nothing needs a gain.
void Limiter::give(std::vector<float>& block, int64_t to) {
  if (to <= given_) return;
  const auto size = static_cast<int64_t>(wave_.size());
  const auto needed = [&](int64_t at) {  // gain of a sample
    if (at < 0 || at >= size) return 1.0F;
    const float level = std::abs(wave_[static_cast<std::size_t>(at)]);
    return level > kCeiling ? kCeiling / level : 1.0F;
  };
  const int64_t first = given_ - kept_ - kKeptBack;
  std::vector<float> gains(static_cast<std::size_t>(to - given_ + 2 * kKeptBack));
  bool loud = false;
  for (std::size_t i = 0; i < gains.size(); ++i) {
    gains[i] = needed(first + static_cast<int64_t>(i));
    loud = loud || gains[i] < 1;
  }
  std::vector<float> least(gains.size() - static_cast<std::size_t>(kKeptBack), 1.0F);
  for (std::size_t i = 0; loud && i < least.size(); ++i) {
    least[i] = *std::min_element(gains.begin() + static_cast<std::ptrdiff_t>(i),
                                 gains.begin() + static_cast<std::ptrdiff_t>(i) + kKeptBack + 1);
  }
  for (; given_ < to; ++given_) {
    const float sample = wave_[static_cast<std::size_t>(given_ - kept_)];
    const float* const near = least.data() + (given_ - kept_ - kKeptBack - first);
    const bool changed = loud && *std::min_element(near, near + kKeptBack + 1) < 1;
    if (!changed) {
      block.push_back(sample);
      continue;
    }
    const float gain = std::inner_product(weights_.begin(), weights_.end(), near, 0.0F);
    block.push_back(std::clamp(sample * gain, -kCeiling, kCeiling));
  }
  const int64_t keep = std::max<int64_t>(kept_, given_ - kKeptBack);
  wave_.erase(wave_.begin(), wave_.begin() + (keep - kept_));
  kept_ = keep;
}

}  // namespace loquor
