// Another sample rate, by libsoxr at its quality HQ: bit for bit what Python's package soxr makes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/span.hpp"

namespace loquor {

class Resampler {
 public:
  // Throws kRuntimeMissing where libsoxr was not there at the build, or is not there now.
  Resampler(int32_t rate, int32_t wanted);
  ~Resampler();
  Resampler(const Resampler&) = delete;
  Resampler& operator=(const Resampler&) = delete;

  // What can be told so far.
  std::vector<float> process(Span<const float> mono);
  std::vector<float> finish();  // the rest

 private:
  struct Soxr;
  std::unique_ptr<Soxr> soxr_;
};

}  // namespace loquor
