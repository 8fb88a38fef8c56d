// Marks the wave: PerTh's change of it, frame by frame, from a network that hears some frames to both sides.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/span.hpp"
#include "engine/wave_path.hpp"

namespace loquor {

// Frames are centred at each multiple of the hop, and the wave is mirrored at its ends. The change of a frame
// depends on frames up to kContext away, so that 5134 samples are kept back (214 ms), and chunks have the
// samples of the whole to a rounding error. With `early` the first block keeps 840 back: its last frames are
// marked from what was heard by then, and two or three that are not yet whole are left as they are. A change
// that was used once stays, so that there is no seam.
class Watermark : public WaveStage {
 public:
  // What the network adds to frames, [n, WatermarkEncoder::kFrame] each. May throw.
  using Encode = std::function<std::vector<float>(Span<const float> frames)>;

  Watermark(Encode encode, bool early);

  void process(std::vector<float>& block, int64_t place) override;
  void flush(std::vector<float>& block) override;

  static constexpr int64_t kEarly = 840;  // samples that the first block keeps back

 private:
  float sample(int64_t place) const;
  int64_t whole_frames() const;  // whose samples are all there
  void mark(int64_t to, int64_t frames);
  void add(int64_t frame, const float* change);
  void give(std::vector<float>& block, int64_t to);

  Encode encode_;
  bool early_;
  bool ended_ = false;
  int64_t length_ = 0;  // samples that came
  int64_t given_ = 0;   // samples that went
  int64_t marked_ = 0;  // frames whose change is settled
  std::vector<float> squared_window_;
  // By place from `kept_` on: the wave, what is added to it times the window, and the sum of squared windows.
  int64_t kept_ = 0;
  std::vector<float> wave_;
  std::vector<float> change_;
  std::vector<float> weight_;
};

}  // namespace loquor
