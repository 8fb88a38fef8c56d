// Keeps peaks below full scale: turns the wave down around them, by a gain that glides.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/wave_path.hpp"

namespace loquor {

// The gain of a sample is a weighted mean of the least that each of its neighbours needs, so that no sample
// goes beyond kCeiling, and a wave without such peaks is not changed at all. Keeps kKeptBack samples back.
class Limiter : public WaveStage {
 public:
  static constexpr float kCeiling = 0.99F;
  static constexpr int64_t kReach = 60;  // 2.5 ms at 24 kHz
  static constexpr int64_t kKeptBack = 2 * kReach;

  Limiter();

  void process(std::vector<float>& block, int64_t place) override;
  void flush(std::vector<float>& block) override;

 private:
  void give(std::vector<float>& block, int64_t to);

  std::vector<float> weights_;  // [2 * kReach + 1], their sum is 1
  int64_t kept_ = 0;            // place of the first sample of wave_
  int64_t given_ = 0;
  std::vector<float> wave_;
};

}  // namespace loquor
