#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "allocations.hpp"
#include "decode/wave_tail.hpp"
#include "refusal.hpp"

using loquor::ErrorKind;
using loquor::find_tail;
using loquor::Tail;
using loquor::TailKind;
using loquor::TailOptions;

namespace {

using Wave = std::vector<float>;

std::size_t samples_of(double seconds, int rate) { return static_cast<std::size_t>(seconds * rate); }

// Harmonics of a gliding pitch under four syllables a second, with a short hiss in each.
Wave speech(double seconds, int rate = 24000) {
  std::mt19937 random(1);
  std::normal_distribution<double> noise(0.0, 1.0);
  Wave wave(samples_of(seconds, rate));
  double phase = 0;
  for (std::size_t i = 0; i < wave.size(); ++i) {
    const double t = static_cast<double>(i) / rate;
    const double syllable = std::fmod(4 * t, 1.0);
    phase += 6.28318530718 * (130 + 25 * std::sin(2 * t)) / rate;
    double voiced = 0;
    for (int k = 1; k <= 12; ++k) voiced += std::sin(k * phase) / k;
    const double swell = std::sin(3.14159265359 * syllable);
    wave[i] = static_cast<float>(0.12 * swell * voiced + (syllable > 0.8 ? 0.05 : 0.002) * noise(random));
  }
  return wave;
}

Wave hiss(double seconds, double level = 0.05, int rate = 24000) {
  std::mt19937 random(2);
  std::normal_distribution<double> noise(0.0, level);
  Wave wave(samples_of(seconds, rate));
  for (float& value : wave) value = static_cast<float>(noise(random));
  return wave;
}

Wave hum(double seconds, double hertz, int rate = 24000) {
  Wave wave(samples_of(seconds, rate));
  for (std::size_t i = 0; i < wave.size(); ++i) {
    wave[i] = static_cast<float>(0.1 * std::sin(6.28318530718 * hertz * static_cast<double>(i) / rate));
  }
  return wave;
}

Wave silence(double seconds, int rate = 24000) { return Wave(samples_of(seconds, rate), 0.0F); }

Wave operator+(Wave a, const Wave& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void check_tail(const Wave& wave, TailKind kind, double begin, TailOptions options = {}) {
  const Tail tail = find_tail(wave, options);
  CHECK(static_cast<int>(tail.kind) == static_cast<int>(kind));
  const double seconds = static_cast<double>(tail.begin) / options.sample_rate;
  CHECK(std::abs(seconds - begin) < 0.08);
}

}  // namespace

TEST_CASE("speech has no tail, also with a pause, a long s or a short breath at its end") {
  const Wave words = speech(3.0);
  check_tail(words, TailKind::kNone, 3.0);
  check_tail(words + silence(1.2), TailKind::kNone, 4.2);
  check_tail(words + hiss(0.9), TailKind::kNone, 3.9);
  check_tail(words + hiss(0.5) + silence(0.9), TailKind::kNone, 4.4);
  check_tail(words + hum(0.7, 180), TailKind::kNone, 3.7);
}

TEST_CASE("silence, noise and tones that go on are found where they begin") {
  const Wave words = speech(2.0);
  check_tail(words + silence(2.0), TailKind::kSilence, 2.0);
  check_tail(words + hiss(2.0), TailKind::kNoise, 2.0);
  check_tail(words + hiss(2.0, 0.01), TailKind::kNoise, 2.0);
  check_tail(words + hum(2.0, 120), TailKind::kTone, 2.0);
  check_tail(words + hum(2.0, 350), TailKind::kTone, 2.0);
  CHECK(find_tail(words + hum(2.0, 4900)).kind != TailKind::kNone);
}

TEST_CASE("closing silence belongs to the noise before it") {
  const Wave words = speech(2.0);
  check_tail(words + hiss(1.5) + silence(0.2), TailKind::kNoise, 2.0);
  check_tail(words + hum(1.8, 150) + silence(0.3), TailKind::kTone, 2.0);
}

TEST_CASE("noise that swells is noise") {
  Wave breath = hiss(2.0);
  for (std::size_t i = 0; i < breath.size(); ++i) {
    breath[i] *= 0.3F + std::abs(std::sin(3.0F * static_cast<float>(i) / 24000.0F));
  }
  check_tail(speech(2.0) + breath, TailKind::kNoise, 2.0);
}

TEST_CASE("a whisper is no tail: noise counts behind a voice only") {
  Wave whisper;
  for (int word = 0; word < 4; ++word) whisper = whisper + hiss(0.7) + silence(0.1);
  whisper = whisper + hiss(1.5);
  CHECK(find_tail(whisper).kind == TailKind::kNone);
  check_tail(speech(1.0) + silence(0.3) + hiss(1.5), TailKind::kNoise, 1.3);
}

TEST_CASE("any length and rate, and nothing at all") {
  check_tail({}, TailKind::kNone, 0);
  check_tail(Wave(10, 0.5F), TailKind::kNone, 0);
  check_tail(silence(3.0), TailKind::kSilence, 0);
  check_tail(hiss(3.0), TailKind::kNoise, 0);
  for (const int rate : {8000, 16000, 44100, 48000}) {
    CAPTURE(rate);
    TailOptions options;
    options.sample_rate = rate;
    check_tail(speech(2.0, rate), TailKind::kNone, 2.0, options);
    check_tail(speech(2.0, rate) + silence(2.0, rate), TailKind::kSilence, 2.0, options);
    check_tail(speech(2.0, rate) + hiss(2.0, 0.05, rate), TailKind::kNoise, 2.0, options);
  }
}

TEST_CASE("the options count") {
  const Wave wave = speech(1.0) + silence(0.6);
  TailOptions options;
  options.least_silence = 0.5;
  check_tail(wave, TailKind::kSilence, 1.0, options);
  options.silence_rms = 0;
  CHECK(find_tail(wave, options).kind == TailKind::kNone);
  options.sample_rate = 100;
  CHECK(refusal([&] { find_tail(wave, options); }).kind == ErrorKind::kInvalidInput);
  options = {};
  options.least_noise = 0;
  CHECK(refusal([&] { find_tail(wave, options); }).kind == ErrorKind::kInvalidInput);
}

TEST_CASE("looking at a tail allocates nothing") {
  const Wave wave = speech(1.0) + hiss(2.0);
  const int64_t before = allocations();
  const Tail tail = find_tail(wave);
  CHECK(allocations() == before);
  CHECK(tail.kind == TailKind::kNoise);
}
