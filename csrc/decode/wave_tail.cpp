#include "decode/wave_tail.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.hpp"

namespace loquor {
namespace {

constexpr double kFrameSeconds = 0.02;
constexpr std::size_t kLowRate = 8000;     // enough for pitch
constexpr std::size_t kPitchWindow = 240;  // 30 ms at the low rate
constexpr std::size_t kShortestLag = 20;   // 400 Hz
constexpr std::size_t kLongestLag = 114;   // 70 Hz
constexpr std::size_t kPitchFrame = kPitchWindow + kLongestLag;

// The wave in frames of 20 ms, counted from the end, so that the last is always whole.
class Frames {
 public:
  Frames(Span<const float> samples, const TailOptions& options)
      : samples_(samples),
        length_(static_cast<std::size_t>(static_cast<double>(options.sample_rate) * kFrameSeconds)),
        step_(std::max<std::size_t>(1, static_cast<std::size_t>(options.sample_rate) / kLowRate)) {}

  std::size_t size() const { return samples_.size() / length_; }
  std::size_t begin(std::size_t back) const { return samples_.size() - (back + 1) * length_; }
  std::size_t count(double seconds) const {
    return static_cast<std::size_t>(std::ceil(seconds / kFrameSeconds));
  }

  float rms(std::size_t back) const {
    double sum = 0;
    for (std::size_t i = begin(back), end = i + length_; i < end; ++i) {
      sum += static_cast<double>(samples_[i]) * static_cast<double>(samples_[i]);
    }
    return static_cast<float>(std::sqrt(sum / static_cast<double>(length_)));
  }

  // The largest normalised autocorrelation at a lag of speech, from some 45 ms around the frame; 1 if the
  // wave is too short to tell.
  float periodicity(std::size_t back) const {
    const std::size_t width = kPitchFrame * step_;
    if (samples_.size() < width) return 1.0F;
    const std::size_t middle = begin(back) + length_ / 2;
    const std::size_t first = std::min(middle > width / 2 ? middle - width / 2 : 0, samples_.size() - width);
    std::array<float, kPitchFrame> low{};
    float mean = 0;
    for (std::size_t i = 0; i < kPitchFrame; ++i) {
      for (std::size_t j = 0; j < step_; ++j) low[i] += samples_[first + i * step_ + j];
      mean += low[i] / static_cast<float>(kPitchFrame);
    }
    for (float& value : low) value -= mean;
    float best = 0;
    for (std::size_t lag = kShortestLag; lag <= kLongestLag; ++lag)
      best = std::max(best, correlation(low, lag));
    return best;
  }

 private:
  static float correlation(const std::array<float, kPitchFrame>& low, std::size_t lag) {
    float product = 0;
    float here = 1e-12F;
    float there = 1e-12F;
    for (std::size_t i = 0; i < kPitchWindow; ++i) {
      product += low[i] * low[i + lag];
      here += low[i] * low[i];
      there += low[i + lag] * low[i + lag];
    }
    return product / std::sqrt(here * there);
  }

  Span<const float> samples_;
  std::size_t length_;
  std::size_t step_;
};

// How many frames from the end have no pitch, silence aside; one frame with a pitch is forgiven, two in a row
// end it.
std::size_t noise_frames(const Frames& frames, const TailOptions& options, std::size_t silent) {
  std::size_t last = silent;
  std::size_t pitched = 0;
  for (std::size_t back = silent; back < frames.size() && pitched < 2; ++back) {
    if (frames.rms(back) < options.silence_rms) break;
    const bool noise = frames.periodicity(back) < options.noise_periodicity;
    pitched = noise ? 0 : pitched + 1;
    if (noise) last = back + 1;
  }
  return last - silent;
}

// Whether there is a pitch in the second before the tail; nothing before it will do. A whisper has none.
bool behind_voice(const Frames& frames, const TailOptions& options, std::size_t tail) {
  constexpr std::size_t kEnough = 3;
  if (tail >= frames.size()) return true;
  std::size_t pitched = 0;
  const std::size_t end = std::min(frames.size(), tail + frames.count(1.0));
  for (std::size_t back = tail; back < end && pitched < kEnough; ++back) {
    pitched +=
        frames.rms(back) >= options.silence_rms && frames.periodicity(back) >= options.noise_periodicity;
  }
  return pitched >= kEnough;
}

std::size_t tone_frames(const Frames& frames, const TailOptions& options, std::size_t silent) {
  float least = 0;
  float most = 0;
  std::size_t back = silent;
  for (; back < frames.size(); ++back) {
    const float rms = frames.rms(back);
    least = back == silent ? rms : std::min(least, rms);
    most = std::max(most, rms);
    if (rms < options.silence_rms || most > options.tone_ratio * least) break;
  }
  return back - silent;
}

void check(const TailOptions& options) {
  const bool times = options.least_silence > 0 && options.least_noise > 0 && options.least_tone > 0;
  const bool levels = options.silence_rms >= 0 && options.noise_periodicity >= 0 && options.tone_ratio >= 1;
  if (options.sample_rate < 8000 || options.sample_rate > 192000 || !times || !levels) {
    throw Error(
        ErrorKind::kInvalidInput,
        "the tail's options are out of range: a sample rate of 8000 to 192000 Hz, positive times and levels, "
        "and a tone_ratio of 1 or more are needed");
  }
}

}  // namespace

Tail find_tail(Span<const float> samples, const TailOptions& options) {
  check(options);
  const Frames frames(samples, options);
  std::size_t silent = 0;
  while (silent < frames.size() && frames.rms(silent) < options.silence_rms) ++silent;
  const auto tail = [&](TailKind kind, std::size_t count) { return Tail{kind, frames.begin(count - 1)}; };
  const std::size_t noise = noise_frames(frames, options, silent);
  if (noise >= frames.count(options.least_noise)) {
    if (behind_voice(frames, options, silent + noise)) return tail(TailKind::kNoise, silent + noise);
  } else {  // noise of one level is no tone
    const std::size_t tone = tone_frames(frames, options, silent);
    if (tone >= frames.count(options.least_tone)) return tail(TailKind::kTone, silent + tone);
  }
  if (silent >= frames.count(options.least_silence)) return tail(TailKind::kSilence, silent);
  return {TailKind::kNone, samples.size()};
}

}  // namespace loquor
