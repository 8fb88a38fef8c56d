// What the samples of a recording say before they are resampled.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/span.hpp"

namespace loquor {

constexpr int32_t kLeastRate = 8'000, kMostRate = 192'000;
constexpr int32_t kMostChannels = 8;

class Level {
 public:
  // `name` is what messages call the recording. Throws kInvalidInput for a rate or a number of channels that
  // recordings do not have.
  Level(std::string name, int32_t rate, int32_t channels);

  // Counts interleaved frames, and gives the mean of their channels. Throws kInvalidInput for what cannot be
  // sound: values that are not finite, or far beyond full scale.
  std::vector<float> add(Span<const float> frames);
  // Throws kInvalidInput if there is nothing to hear.
  void check() const;
  // What may harm the likeness.
  std::vector<std::string> warnings(bool cut_off) const;

  const std::string& name() const { return name_; }
  int32_t rate() const { return rate_; }
  int32_t channels() const { return channels_; }
  int64_t count() const { return count_; }  // of frames

 private:
  double cancelled() const;  // how far the mean of the channels is below the loudest of them, in dB
  double loudest() const;    // sum of squares of the loudest channel

  std::string name_;
  int32_t rate_;
  int32_t channels_;
  int64_t count_ = 0;
  int64_t clipped_ = 0;
  double peak_ = 0;
  double squares_ = 0;
  std::array<double, kMostChannels> of_channels_{};  // as squares_, before they are mixed
};

}  // namespace loquor
