// The watermark's network: frames of sound to what marking adds to them.
#pragma once

#include <cstdint>
#include <string>

#include "base/span.hpp"
#include "ort/session.hpp"

namespace loquor {

class WatermarkEncoder {
 public:
  // Frames as PerTh sees sound at 24 kHz: so many samples, from one frame to the next, and frames before and
  // after one that its change depends on.
  static constexpr int64_t kFrame = 1536;
  static constexpr int64_t kHop = 240;
  static constexpr int64_t kContext = 15;
  static constexpr int32_t kSampleRate = 24000;

  // A graph of python/loquor/watermark/graphs.py: `frames` [n, kFrame] to `change`, the same, which is
  // windowed for an overlapping sum. Throws kModel.
  WatermarkEncoder(ort::ApiPtr api, const std::string& file, int threads);

  // Any thread. Throws kExecution, also for a change that is not finite.
  std::vector<float> change(Span<const float> frames, const ort::RunOptions& options) const;

  const ort::Session& session() const { return session_; }

 private:
  ort::Session session_;
};

}  // namespace loquor
