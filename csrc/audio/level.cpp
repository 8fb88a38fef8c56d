#include "audio/level.hpp"

#include <algorithm>
#include <cmath>

#include "audio/words.hpp"
#include "base/error.hpp"

namespace loquor {
namespace {

const double kSilentPeak = std::pow(10, -60.0 / 20);
const double kSilentRms = std::pow(10, -70.0 / 20);
constexpr double kCancelled = 24;  // dB by which the mean of eight channels is not below them, even if one
                                   // alone is heard
constexpr float kFullScale = 0.999F;
constexpr double kClippedShare = 0.001;
constexpr int32_t kAdvisedRate = 16'000;
// Floats may overshoot full scale a little; far beyond it they are integer PCM that was only cast.
constexpr float kMostPeak = 8;

[[noreturn]] void refuse(const std::string& problem) { throw Error(ErrorKind::kInvalidInput, problem); }

}  // namespace

Level::Level(std::string name, int32_t rate, int32_t channels)
    : name_(std::move(name)), rate_(rate), channels_(channels) {
  if (rate < kLeastRate || rate > kMostRate) {
    refuse("the sample rate of " + name_ + " is " + std::to_string(rate) + ": it must be an integer from " +
           std::to_string(kLeastRate) + " to " + std::to_string(kMostRate) + " Hz");
  }
  if (channels < 1 || channels > kMostChannels) {
    refuse(name_ + " has " + std::to_string(channels) + " channels, not 1 to " +
           std::to_string(kMostChannels) + ": mix it down");
  }
}

std::vector<float> Level::add(Span<const float> frames) {
  float peak = 0;
  for (const float sample : frames) {
    if (!std::isfinite(sample)) {
      refuse(name_ + " holds samples that are NaN or infinite: export the recording again");
    }
    peak = std::max(peak, std::abs(sample));
  }
  if (peak > kMostPeak) {
    refuse(name_ + " peaks at " + significant(static_cast<double>(peak)) +
           ", but floats must be in [-1, 1]: if they are integer PCM, pass the integers, or divide by their "
           "full scale");
  }
  const auto channels = static_cast<std::size_t>(channels_);
  std::vector<float> mono(frames.size() / channels);
  for (std::size_t i = 0; i < mono.size(); ++i) {
    float sum = 0;
    for (std::size_t channel = 0; channel < channels; ++channel) {
      const float sample = frames[i * channels + channel];
      sum += sample;
      clipped_ += std::abs(sample) >= kFullScale ? 1 : 0;
      of_channels_[channel] += static_cast<double>(sample) * static_cast<double>(sample);
    }
    mono[i] = sum / static_cast<float>(channels);
    const double mixed = static_cast<double>(mono[i]);
    peak_ = std::max(peak_, std::abs(mixed));
    squares_ += mixed * mixed;
  }
  count_ += static_cast<int64_t>(mono.size());
  return mono;
}

void Level::check() const {
  if (count_ == 0) return;
  const double count = static_cast<double>(count_);
  const double rms = std::sqrt(squares_ / count);
  if (peak_ >= kSilentPeak && rms >= kSilentRms) return;
  if (cancelled() > kCancelled && loudest() / count > kSilentRms * kSilentRms) {
    refuse(name_ +
           " is silent when its channels are mixed to mono, since they cancel each other: give one of the "
           "channels alone");
  }
  refuse(name_ + " is silent (peak " + full_scale(peak_) + ", RMS " + full_scale(rms) +
         "): record the voice louder");
}

double Level::loudest() const { return *std::max_element(of_channels_.begin(), of_channels_.end()); }

double Level::cancelled() const {
  return 10 * std::log10(std::max(loudest(), 1e-20) / std::max(squares_, 1e-20));
}

std::vector<std::string> Level::warnings(bool cut_off) const {
  std::vector<std::string> found;
  if (cut_off) {
    found.push_back(name_ + " is cut off, its header promises more: get it again, or record it again");
  }
  if (cancelled() > kCancelled) {
    found.push_back("the channels of " + name_ + " cancel each other, their mean is " +
                    fixed(cancelled(), 0) + " dB below the loudest: give one of them alone");
  }
  if (rate_ < kAdvisedRate) {
    found.push_back(name_ + " is sampled at " + std::to_string(rate_) + " Hz: the voice will be dull, " +
                    std::to_string(kAdvisedRate) + " Hz or more is better");
  }
  const double samples = static_cast<double>(std::max<int64_t>(1, count_ * channels_));
  const double share = static_cast<double>(clipped_) / samples;
  if (share > kClippedShare) {
    found.push_back(name_ + " is clipped (" + fixed(100 * share, 1) +
                    "% of its samples are at full scale): the voice may be harsh");
  }
  return found;
}

}  // namespace loquor
