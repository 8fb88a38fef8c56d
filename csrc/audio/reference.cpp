#include "audio/reference.hpp"

#include <algorithm>
#include <cmath>

#include "audio/likeness.hpp"
#include "audio/words.hpp"
#include "base/error.hpp"

namespace loquor {
namespace {

constexpr std::size_t kMostSeconds = 15;
constexpr double kLeastSeconds = 1.0, kAdvisedSeconds = 5.0;
constexpr double kLufs = -27, kQuietLufs = -45;
constexpr double kLongSilence = 1.0, kLeadSeconds = 0.2;  // at the start: what is too much, and what is left
constexpr double kMuchSilence = 3.0;                      // seconds in pauses of one and more
// Of a recording: where its voice is looked for, and its loudness.
constexpr std::size_t kKeptSeconds = 90;
constexpr int64_t kHeardSeconds = 3600;
constexpr std::size_t kPerLevel = Reference::kRate / LoudnessMeter::kLevelsPerSecond;

[[noreturn]] void refuse(const std::string& problem) { throw Error(ErrorKind::kInvalidInput, problem); }

std::size_t rounded(double value) { return static_cast<std::size_t>(std::nearbyint(value)); }

// Which samples belong to a pause, as the loudness of each 20 ms of them tells; the rest of a level does not.
std::vector<float> without_pauses(const std::vector<float>& samples, std::vector<double> levels) {
  levels.resize(std::min(levels.size(), samples.size() / kPerLevel));
  const std::vector<bool> still = pauses(levels);
  std::vector<float> kept;
  kept.reserve(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (i / kPerLevel >= still.size() || !still[i / kPerLevel]) kept.push_back(samples[i]);
  }
  return kept;
}

void to_loudness(ReferenceAudio& audio, double loudness, const std::string& name) {
  if (!std::isfinite(loudness)) {
    audio.warnings.push_back("the loudness of " + name +
                             " could not be measured: its level is left as it is");
    return;
  }
  if (loudness < kQuietLufs) {
    audio.warnings.push_back(name + " is very quiet (" + fixed(loudness, 0) +
                             " LUFS), so that its noise is raised: record closer to the microphone");
  }
  const auto gain = static_cast<float>(std::pow(10, (kLufs - loudness) / 20));
  float peak = 0;
  for (float& sample : audio.samples) {
    sample *= gain;
    peak = std::max(peak, std::abs(sample));
  }
  if (peak > 1) {
    audio.warnings.push_back(name + " peaks at " + fixed(static_cast<double>(peak), 2) + " at " +
                             fixed(kLufs, 0) + " LUFS: its level is very uneven");
  }
}

}  // namespace

Reference::Reference(std::string name, int32_t rate, int32_t channels)
    : level_(std::move(name), rate, channels),
      resampler_(rate == kRate ? nullptr : std::make_unique<Resampler>(rate, kRate)) {}

bool Reference::full() const { return level_.count() >= kHeardSeconds * level_.rate(); }

void Reference::add(Span<const float> frames) {
  const auto second = static_cast<std::size_t>(level_.rate()) * static_cast<std::size_t>(level_.channels());
  for (std::size_t at = 0; at < frames.size() && !full(); at += second) {
    std::vector<float> mono = level_.add({frames.data() + at, std::min(second, frames.size() - at)});
    hear(resampler_ == nullptr ? mono : resampler_->process(mono));
  }
}

void Reference::hear(const std::vector<float>& samples) {
  meter_.add(samples);
  const std::size_t wanted = kKeptSeconds * static_cast<std::size_t>(kRate) - start_.size();
  start_.insert(start_.end(), samples.begin(),
                samples.begin() + static_cast<std::ptrdiff_t>(std::min(wanted, samples.size())));
}

ReferenceAudio Reference::finish(bool cut_off, bool keeps_level) {
  if (resampler_ != nullptr) hear(resampler_->finish());
  const std::string& name = level_.name();
  level_.check();
  ReferenceAudio made = {std::move(start_), level_.warnings(cut_off)};
  std::vector<float>& samples = made.samples;
  std::vector<double> levels = meter_.levels();
  double skipped = std::max(0.0, onset(levels) - kLeadSeconds);
  if (skipped > static_cast<double>(kKeptSeconds) - kLeastSeconds) {
    refuse(name + " begins with " + fixed(skipped, 0) + " s of silence: cut them off");
  }
  if (skipped + kLeadSeconds >= kLongSilence) {
    const std::size_t cut = std::min(samples.size(), rounded(skipped * kRate));
    samples.erase(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(cut));
    const std::size_t passed = std::min(levels.size(), rounded(skipped * LoudnessMeter::kLevelsPerSecond));
    levels.erase(levels.begin(), levels.begin() + static_cast<std::ptrdiff_t>(passed));
    made.warnings.push_back(name + " begins with " + fixed(skipped, 1) + " s of silence, which are left out");
  } else {
    skipped = 0;
  }
  samples.resize(std::min(samples.size(), kMostSeconds * static_cast<std::size_t>(kRate)));
  const double seconds = static_cast<double>(samples.size()) / kRate;
  const double heard = static_cast<double>(level_.count()) / level_.rate();
  if (heard - skipped > static_cast<double>(kMostSeconds)) {
    const std::string most = std::to_string(kMostSeconds);
    made.warnings.push_back(name + " is longer than " + most + " s: only its first " + most + " s are used");
  }
  if (seconds < kLeastSeconds) {
    refuse(name + " lasts " + fixed(seconds, 2) + " s, at least " + fixed(kLeastSeconds, 1) +
           " s are needed: record some more");
  }
  if (std::all_of(samples.begin(), samples.end(), [](float sample) { return sample == 0; })) {
    refuse(
        "the first " + fixed(seconds, 0) + " s of " + name +
        " are silent, and what follows is too little for a voice: cut the silence off, and record some more");
  }
  if (seconds < kAdvisedSeconds) {
    made.warnings.push_back(name + " lasts " + fixed(seconds, 1) + " s: give " + fixed(kAdvisedSeconds, 0) +
                            " s or more for a better likeness");
  }
  const std::vector<float> voiced = without_pauses(samples, std::move(levels));
  const double silence = static_cast<double>(samples.size() - voiced.size()) / kRate;
  if (silence >= kMuchSilence) {
    made.warnings.push_back(name + " holds " + fixed(silence, 1) +
                            " s of silence: cut its pauses short, so that more of the " + fixed(seconds, 1) +
                            " s that are used is voice");
  }
  if (const std::string unlike = unlike_speech(voiced); !unlike.empty()) {
    made.warnings.push_back(name + " " + unlike + ": give a recording of one speaker");
  }
  if (!keeps_level) to_loudness(made, meter_.integrated(), name);
  return made;
}

}  // namespace loquor
