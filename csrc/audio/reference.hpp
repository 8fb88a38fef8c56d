// The recording of a voice, made ready for the speech encoder: mono at 24 kHz and -27 LUFS.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "audio/level.hpp"
#include "audio/loudness.hpp"
#include "audio/resampler.hpp"
#include "base/span.hpp"

namespace loquor {

struct ReferenceAudio {
  std::vector<float> samples;  // mono at 24 kHz, finite
  std::vector<std::string> warnings;
};

// Fed block by block, in memory that does not grow with the recording: of an hour or more the first hour is
// heard, and the voice must begin within 90 s. The steps follow Resemble's own script: the mean of the
// channels, 24 kHz, -27 LUFS over the whole recording, its first 15 s; silence before the voice goes first.
class Reference {
 public:
  static constexpr int32_t kRate = 24'000;

  // Throws kInvalidInput as Level does, and kRuntimeMissing where the rate is another and libsoxr is not
  // there.
  Reference(std::string name, int32_t rate, int32_t channels);

  // Interleaved frames. Throws kInvalidInput for what cannot be sound.
  void add(Span<const float> frames);
  // Once, at the end. `cut_off`: more was promised. Throws kInvalidInput for what is too short or silent.
  ReferenceAudio finish(bool cut_off, bool keeps_level);
  // Whether all that is heard of it has been added.
  bool full() const;

 private:
  void hear(const std::vector<float>& samples);

  Level level_;
  std::unique_ptr<Resampler> resampler_;  // null: the rate is right
  LoudnessMeter meter_{kRate};
  std::vector<float> start_;
};

}  // namespace loquor
