// What is left at the end of a wave when the words are over: silence, noise, or a tone that goes on. A pure
// function of the samples; allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/span.hpp"

namespace loquor {

enum class TailKind : int {
  kNone = 0,
  kSilence = 1,
  kNoise = 2,  // breath, hiss: sound without pitch behind a voice, longer than any consonant
  kTone = 3,   // a hum or whistle: sound of one level, longer than any vowel
};

struct TailOptions {
  int32_t sample_rate = 24000;     // 8000 to 192000
  float silence_rms = 0.003F;      // below which 20 ms are silence (-50 dB of full scale)
  double least_silence = 1.5;      // seconds; a shorter silence at the end is a pause
  double least_noise = 1.2;        // seconds; a [shush] or a long s is shorter
  double least_tone = 1.5;         // seconds
  float noise_periodicity = 0.5F;  // autocorrelation at the best pitch lag below which 20 ms have no pitch
  float tone_ratio = 1.6F;         // loudest over softest 20 ms of a tone, at most
};

struct Tail {
  TailKind kind = TailKind::kNone;
  std::size_t begin = 0;  // the first sample of the tail; the wave's length if there is none
};

// Looks at the end of `samples`. Silence after noise or tone counts as part of it. Throws kInvalidInput for
// options out of range.
Tail find_tail(Span<const float> samples, const TailOptions& options = {});

}  // namespace loquor
