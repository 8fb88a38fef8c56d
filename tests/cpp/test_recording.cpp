// Recordings made ready for a voice, as far as it takes no other library; tests/python/test_core_recording.py
// compares with Python.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "audio/likeness.hpp"
#include "audio/loudness.hpp"
#include "audio/reference.hpp"
#include "audio/shared_library.hpp"
#include "audio/sound_file.hpp"
#include "refusal.hpp"
#include "temp_folder.hpp"

using loquor::ErrorKind;
using loquor::LoudnessMeter;
using loquor::Reference;

namespace {

std::vector<float> tone(double hertz, double level, double seconds, int32_t rate = Reference::kRate) {
  std::vector<float> samples(static_cast<std::size_t>(seconds * rate));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i] =
        static_cast<float>(level * std::sin(2 * 3.14159265358979 * hertz * static_cast<double>(i) / rate));
  }
  return samples;
}

}  // namespace

TEST_CASE("a tone of 997 Hz at full scale is at -3 LUFS, whatever the rate") {
  for (const int32_t rate : {24'000, 44'100, 48'000}) {
    CAPTURE(rate);
    LoudnessMeter meter(rate);
    meter.add(tone(997, 1, 4, rate));
    CHECK(meter.integrated() == doctest::Approx(-3.0).epsilon(0.05));
    CHECK(meter.levels().size() == 200);
  }
}

TEST_CASE("loudness does not depend on how a recording is cut, and of nothing it is not finite") {
  LoudnessMeter whole(24'000), parts(24'000);
  const std::vector<float> samples = tone(440, 0.1, 2.03);
  whole.add(samples);
  for (std::size_t at = 0, step = 1; at < samples.size(); at += step, step = step * 3 % 977 + 1) {
    parts.add({samples.data() + at, std::min(step, samples.size() - at)});
  }
  CHECK(whole.integrated() == parts.integrated());
  CHECK(whole.levels() == parts.levels());
  CHECK(std::isinf(LoudnessMeter(24'000).integrated()));
  LoudnessMeter silent(24'000);
  silent.add(std::vector<float>(48'000));
  CHECK(std::isinf(silent.integrated()));
}

TEST_CASE("the onset is where sound stays, a pause is a second without any") {
  std::vector<double> levels(400, -60.0);
  std::fill(levels.begin() + 110, levels.begin() + 200, -20.0);
  std::fill(levels.begin() + 260, levels.begin() + 400, -20.0);
  levels[20] = -20;  // a click
  CHECK(loquor::onset(levels) == doctest::Approx(2.2));
  const std::vector<bool> still = loquor::pauses(levels);
  CHECK_FALSE(still[20]);
  CHECK(still[21]);
  CHECK(still[109]);
  CHECK_FALSE(still[110]);
  CHECK(still[259]);
  CHECK(loquor::onset(std::vector<double>(49, -20.0)) == 0);
  CHECK(loquor::onset({}) == 0);
}

TEST_CASE("a recording at the encoder's rate takes no library, and comes out at -27 LUFS") {
  Reference recording("it", 24'000, 2);
  std::vector<float> frames;
  for (const float sample : tone(440, 0.5, 20)) frames.insert(frames.end(), {sample, 0.0F});
  recording.add(frames);
  const loquor::ReferenceAudio made = recording.finish(true, false);
  CHECK(made.samples.size() == 15 * 24'000);
  LoudnessMeter meter(24'000);
  meter.add(made.samples);
  CHECK(meter.integrated() == doctest::Approx(-27.0).epsilon(0.001));
  REQUIRE(made.warnings.size() == 3);
  CHECK(made.warnings[0] == "it is cut off, its header promises more: get it again, or record it again");
  CHECK(made.warnings[1] == "it is longer than 15 s: only its first 15 s are used");
  CHECK(made.warnings[2].find("does not sound like speech") != std::string::npos);
}

TEST_CASE("what cannot be a recording is refused with what was seen") {
  CHECK(refusal([] { Reference("it", 7'999, 1); }).text.find("from 8000 to 192000 Hz") != std::string::npos);
  CHECK(refusal([] { Reference("it", 24'000, 9); }).text.find("has 9 channels, not 1 to 8") !=
        std::string::npos);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Reference recording("it", 24'000, 1);
    const std::vector<float> frames = {0, bad};
    CHECK(refusal([&] { recording.add(frames); }).kind == ErrorKind::kInvalidInput);
  }
  Reference recording("it", 24'000, 1);
  const std::vector<float> frames = {0, 9};
  CHECK(refusal([&] { recording.add(frames); }).text.find("peaks at 9, but floats must be in [-1, 1]") !=
        std::string::npos);
  CHECK(refusal([&] { recording.finish(false, false); }).text.find("lasts 0.00 s") != std::string::npos);
}

TEST_CASE("a library or a file that is not there is told") {
  const auto library = refusal(
      [] { loquor::SharedLibrary("to hear takes ears", {"libears.so.0", "libears.so.1"}, "grow some"); });
  CHECK(library.kind == ErrorKind::kRuntimeMissing);
  CHECK(library.text.find("to hear takes ears, which could not be opened (") == 0);
  CHECK(library.text.find("): grow some") != std::string::npos);
  const TempFolder folder;
  const auto missing = refusal([&] { loquor::SoundFile(folder.path() + "/none.wav"); });
  CHECK((missing.kind == ErrorKind::kInvalidInput || missing.kind == ErrorKind::kRuntimeMissing));
}
