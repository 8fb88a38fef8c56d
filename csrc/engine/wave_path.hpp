// The samples' way out: windows of the decoder are joined to one wave, then every stage has its turn. Speech
// in chunks, speech as a whole and tokens decoded at once take the same way. No thread, no runtime.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/span.hpp"
#include "engine/stream_plan.hpp"

namespace loquor {

// Changes a wave as it goes by. What comes out of all blocks together depends on what went in alone, never on
// how it was cut into blocks: speech in chunks has the samples of speech as a whole.
class WaveStage {
 public:
  virtual ~WaveStage() = default;
  // The wave's samples from `place` on, changed where they are. Blocks come in order and without a gap. A
  // stage that looks ahead keeps its last samples back and puts them before those of the next block.
  virtual void process(std::vector<float>& block, int64_t place) = 0;
  // Appends what was kept back; no block follows.
  virtual void flush(std::vector<float>& /*block*/) {}
};

using WaveStages = std::vector<std::unique_ptr<WaveStage>>;

// The first stage, which makes one wave of windows that overlap: cuts context and look-ahead off, and
// cross-fades each join with what the window before had foretold. Where windows agree exactly, so does the
// result.
class Crossfader {
 public:
  Crossfader(int64_t samples_per_token, int64_t fade) : samples_per_token_(samples_per_token), fade_(fade) {}

  struct Joined {
    std::vector<float> samples;   // of the window's codes [begin, end)
    std::vector<float> foretold;  // what the window says of the samples behind them
  };
  // `wave`: the decoder's samples for the window's codes [from, to).
  Joined join(const Window& window, const std::vector<float>& wave) const;
  // The window counts: the next one is joined to it.
  void accept(Joined& joined) { foretold_.swap(joined.foretold); }

 private:
  int64_t samples_per_token_;
  int64_t fade_;
  std::vector<float> foretold_;
};

class WavePath {
 public:
  WavePath(Crossfader crossfader, WaveStages stages);

  // What a window adds to the wave. It may be looked at and dropped: nothing has changed yet.
  Crossfader::Joined join(const Window& window, const std::vector<float>& wave) const {
    return crossfader_.join(window, wave);
  }
  // Sends it on; what comes out is to be handed out. `last`: no window follows.
  std::vector<float> pass(Crossfader::Joined joined, bool last);
  // The wave of one window that is everything, without the sound of the last `cut` codes.
  std::vector<float> pass_whole(const std::vector<float>& wave, int64_t codes, int64_t cut = 0);

 private:
  struct Place {
    std::unique_ptr<WaveStage> stage;
    int64_t taken = 0;  // samples that went in
  };
  Crossfader crossfader_;
  std::vector<Place> stages_;
};

// What marks the wave, if anything does.
struct WatermarkPlan {
  std::function<std::vector<float>(Span<const float> frames)>
      encode;  // as Watermark takes it; empty: no mark
  bool early = false;
};

// The path of every utterance: the one list of stages. `fade`: samples of a join.
WavePath make_wave_path(int64_t samples_per_token, int64_t fade, WatermarkPlan watermark = {});

}  // namespace loquor
