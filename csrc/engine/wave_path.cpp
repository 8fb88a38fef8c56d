#include "engine/wave_path.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/limiter.hpp"
#include "engine/watermark.hpp"

namespace loquor {

Crossfader::Joined Crossfader::join(const Window& window, const std::vector<float>& wave) const {
  // A voice made elsewhere may hold an odd number of mel frames, which shifts the start by part of a token.
  const auto size = static_cast<int64_t>(wave.size());
  const int64_t shift = size - (window.to - window.from) * samples_per_token_;
  const auto at = [&](int64_t code) {
    return std::clamp<int64_t>(shift + (code - window.from) * samples_per_token_, 0, size);
  };
  const int64_t begin = window.begin == 0 ? 0 : at(window.begin);
  const int64_t end = std::max(begin, at(window.end));
  Joined joined;
  joined.samples.assign(wave.begin() + begin, wave.begin() + end);
  const std::size_t faded = std::min(foretold_.size(), joined.samples.size());
  for (std::size_t i = 0; i < faded; ++i) {
    constexpr double kPi = 3.14159265358979323846;
    const double progress = (static_cast<double>(i) + 0.5) / static_cast<double>(faded);
    const auto weight = static_cast<float>(0.5 - 0.5 * std::cos(kPi * progress));
    joined.samples[i] = foretold_[i] + weight * (joined.samples[i] - foretold_[i]);
  }
  joined.foretold.assign(wave.begin() + end, wave.begin() + std::min(size, end + fade_));
  return joined;
}

WavePath::WavePath(Crossfader crossfader, WaveStages stages) : crossfader_(std::move(crossfader)) {
  stages_.reserve(stages.size());
  for (auto& stage : stages) stages_.push_back({std::move(stage)});
}

std::vector<float> WavePath::pass(Crossfader::Joined joined, bool last) {
  crossfader_.accept(joined);
  std::vector<float> samples = std::move(joined.samples);
  for (Place& at : stages_) {
    const auto given = static_cast<int64_t>(samples.size());
    at.stage->process(samples, at.taken);
    at.taken += given;
    if (last) at.stage->flush(samples);
  }
  return samples;
}

std::vector<float> WavePath::pass_whole(const std::vector<float>& wave, int64_t codes, int64_t cut) {
  return pass(join({0, 0, codes - cut, codes}, wave), true);
}

WavePath make_wave_path(int64_t samples_per_token, int64_t fade, WatermarkPlan watermark) {
  WaveStages stages;
  if (watermark.encode) {
    stages.push_back(std::make_unique<Watermark>(std::move(watermark.encode), watermark.early));
    stages.push_back(std::make_unique<Limiter>());  // a mark makes peaks higher
  }
  return {Crossfader(samples_per_token, fade), std::move(stages)};
}

}  // namespace loquor
