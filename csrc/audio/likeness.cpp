#include "audio/likeness.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "audio/loudness.hpp"
#include "audio/words.hpp"

namespace loquor {
namespace {

constexpr std::size_t kSecond = LoudnessMeter::kLevelsPerSecond;
// Sound is within 24 dB of the speech's level; the start has it for 0.3 s of a second, a click is none.
constexpr double kAudible = 24;
constexpr int kSustained = 15;

constexpr double kPi = 3.14159265358979323846;
constexpr std::size_t kFrame = 960, kHop = 480;       // 40 ms, 20 ms
constexpr std::size_t kFirstBin = 8, kLastBin = 144;  // 200 to 3,600 Hz, what every telephone passes
constexpr std::size_t kBins = kLastBin - kFirstBin + 1;
constexpr std::size_t kBands = 8;
constexpr double kSlowest = 2, kFastest = 10;  // syllables, Hz
constexpr double kFloor = 30, kActive = 20;    // dB below the level of speech
constexpr std::size_t kLeastSamples = 48'000;
constexpr double kLeastActive = 0.15;   // of the frames
constexpr double kLeastSyllabic = 2.5;  // dB of change at the syllables' rate
constexpr double kLeastSpectral = 3.5;  // dB of change in a band
constexpr double kPurest = -50;         // dB of spectral flatness

std::vector<int> audible(const std::vector<double>& levels) {
  const double least = gated_level(levels) - kAudible;
  std::vector<int> heard(levels.size());
  std::transform(levels.begin(), levels.end(), heard.begin(),
                 [least](double level) { return level > least; });
  return heard;
}

double decibels(double power) { return 10 * std::log10(power); }

std::vector<double> hann(std::size_t count) {
  std::vector<double> window(count, 1.0);
  for (std::size_t i = 0; count > 1 && i < count; ++i) {
    window[i] = 0.5 - 0.5 * std::cos(2 * kPi * static_cast<double>(i) / static_cast<double>(count - 1));
  }
  return window;
}

// The power of each frame's bins within the band: a discrete Fourier transform of these bins alone.
std::vector<std::array<double, kBins>> band_power(Span<const float> samples) {
  const std::vector<double> window = hann(kFrame);
  std::vector<std::array<float, kBins>> cosines(kFrame), sines(kFrame);
  for (std::size_t n = 0; n < kFrame; ++n) {
    for (std::size_t bin = 0; bin < kBins; ++bin) {
      const double angle =
          2 * kPi * static_cast<double>((n * (bin + kFirstBin)) % kFrame) / static_cast<double>(kFrame);
      cosines[n][bin] = static_cast<float>(window[n] * std::cos(angle));
      sines[n][bin] = static_cast<float>(window[n] * std::sin(angle));
    }
  }
  const std::size_t frames = (samples.size() - kFrame) / kHop + 1;
  std::vector<std::array<double, kBins>> power(frames);
  for (std::size_t frame = 0; frame < frames; ++frame) {
    std::array<float, kBins> real{}, imaginary{};
    for (std::size_t n = 0; n < kFrame; ++n) {
      const float sample = samples[frame * kHop + n];
      for (std::size_t bin = 0; bin < kBins; ++bin) {
        real[bin] += sample * cosines[n][bin];
        imaginary[bin] += sample * sines[n][bin];
      }
    }
    for (std::size_t bin = 0; bin < kBins; ++bin) {
      const double a = static_cast<double>(real[bin]), b = static_cast<double>(imaginary[bin]);
      power[frame][bin] = a * a + b * b + 1e-12;
    }
  }
  return power;
}

// Standard deviation in dB of what changes at the rate of syllables.
double syllabic(const std::vector<double>& levels) {
  const std::size_t count = levels.size();
  const double size = static_cast<double>(count);
  const double mean = std::accumulate(levels.begin(), levels.end(), 0.0) / size;
  const std::vector<double> window = hann(count);
  double inside = 0, weight = 0;
  for (const double each : window) weight += each * each;
  for (std::size_t bin = 0; bin <= count / 2; ++bin) {
    const double hertz = static_cast<double>(bin) * static_cast<double>(kSecond) / size;
    if (hertz < kSlowest || hertz > kFastest) continue;
    double real = 0, imaginary = 0;
    for (std::size_t n = 0; n < count; ++n) {
      const double angle = 2 * kPi * static_cast<double>((n * bin) % count) / size;
      const double value = (levels[n] - mean) * window[n];
      real += value * std::cos(angle);
      imaginary += value * std::sin(angle);
    }
    inside += real * real + imaginary * imaginary;
  }
  return std::sqrt(2 * inside / (size * weight));
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// The mean of the bands' standard deviations in dB, beside the level of the whole.
double spectral(const std::vector<std::array<double, kBins>>& frames, const std::vector<double>& levels) {
  double total = 0;
  for (std::size_t band = 0, first = 0; band < kBands; ++band) {
    const std::size_t last = first + kBins / kBands + (band < kBins % kBands ? 1 : 0);
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const double power = std::accumulate(frames[i].begin() + first, frames[i].begin() + last, 0.0);
      const double beside = decibels(power) - levels[i];
      sum += beside;
      squares += beside * beside;
    }
    const double mean = sum / static_cast<double>(frames.size());
    total += std::sqrt(std::max(0.0, squares / static_cast<double>(frames.size()) - mean * mean));
    first = last;
  }
  return total / kBands;
}

double median_flatness(const std::vector<std::array<double, kBins>>& frames) {
  std::vector<double> flatness;
  for (const auto& frame : frames) {
    double logs = 0;
    for (const double power : frame) logs += std::log(power);
    const double mean = std::accumulate(frame.begin(), frame.end(), 0.0) / kBins;
    flatness.push_back(decibels(std::exp(logs / kBins) / mean));
  }
  return median(std::move(flatness));
}

}  // namespace

double onset(const std::vector<double>& levels) {
  const std::vector<int> heard = audible(levels);
  if (heard.size() < kSecond) return 0;
  int within = std::accumulate(heard.begin(), heard.begin() + kSecond, 0);
  for (std::size_t start = 0;; ++start) {
    if (within >= kSustained) {
      const auto first = std::find(heard.begin() + static_cast<std::ptrdiff_t>(start), heard.end(), 1);
      return static_cast<double>(first - heard.begin()) / static_cast<double>(kSecond);
    }
    if (start + kSecond >= heard.size()) return 0;
    within += heard[start + kSecond] - heard[start];
  }
}

std::vector<bool> pauses(const std::vector<double>& levels) {
  const std::vector<int> heard = audible(levels);
  std::vector<bool> still(heard.size());
  for (std::size_t first = 0; first < heard.size();) {  // by runs of silence
    std::size_t end = first;
    while (end < heard.size() && heard[end] == 0) ++end;
    if (end - first >= kSecond)
      std::fill(still.begin() + static_cast<std::ptrdiff_t>(first),
                still.begin() + static_cast<std::ptrdiff_t>(end), true);
    first = end + 1;
  }
  return still;
}

std::string unlike_speech(Span<const float> samples) {
  if (samples.size() < kLeastSamples) return "";
  const auto power = band_power(samples);
  std::vector<double> levels;
  for (const auto& frame : power)
    levels.push_back(decibels(std::accumulate(frame.begin(), frame.end(), 0.0)));
  const double speech = gated_level(levels);
  std::vector<std::array<double, kBins>> active;
  std::vector<double> active_levels, lifted;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    lifted.push_back(std::max(levels[i], speech - kFloor));
    if (!(levels[i] > speech - kActive)) continue;
    active.push_back(power[i]);
    active_levels.push_back(levels[i]);
  }
  const double share = static_cast<double>(active.size()) / static_cast<double>(levels.size());
  if (share < kLeastActive) {
    return "holds hardly any sound (some in " + fixed(100 * share, 0) + "% of its time)";
  }
  if (syllabic(lifted) >= kLeastSyllabic && spectral(active, active_levels) >= kLeastSpectral &&
      median_flatness(active) >= kPurest) {
    return "";
  }
  return "does not sound like speech, more like noise, hum, tones or music";
}

}  // namespace loquor
