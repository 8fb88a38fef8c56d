#include "engine/stream_plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/vocoder.hpp"

namespace loquor {

std::optional<Window> next_window(const StreamOptions& options, const StreamState& state, int64_t chunk) {
  const int64_t left = (state.ended ? state.heard() : state.codes) - state.handed;
  Window window;
  window.begin = state.handed;
  if (state.ended) {
    if (left <= 0) return std::nullopt;
    window.end = chunk == 0 || left <= chunk + chunk / 2 ? state.heard() : state.handed + chunk;
    const int64_t ahead = std::max<int64_t>(options.look_ahead, window.end == state.heard() ? state.cut : 0);
    window.to = std::min(state.codes, window.end + ahead);
  } else {
    if (chunk == 0 || left < chunk + std::max<int64_t>(options.look_ahead, state.cut)) return std::nullopt;
    window.end = state.handed + chunk;
    window.to = window.end + options.look_ahead;
  }
  if (options.left_context != kAllContext) {
    window.from = std::max<int64_t>(0, window.begin - options.left_context);
  }
  return window;
}

int64_t planned_chunk(const StreamOptions& options, int32_t number) {
  const double most = std::max(options.first_chunk, options.max_chunk);
  const double grown = options.first_chunk * std::pow(static_cast<double>(options.growth), number);
  return static_cast<int64_t>(std::min(grown, most));
}

DecoderWork decoder_work(const StreamOptions& options, const StreamState& state, const Pace& pace,
                         int64_t chunk) {
  const int64_t all = std::numeric_limits<int64_t>::max();
  const int64_t most =
      pace.spoken > 0 ? pace.spoken : (options.left_context == kAllContext ? all : options.left_context);
  const int64_t before = std::min(state.handed, most);
  const int64_t behind = chunk + options.look_ahead;
  return {pace.prompt + before + behind, std::min(before, Vocoder::kContext) + behind};
}

int64_t adaptive_chunk(const StreamOptions& options, const StreamState& state, const Pace& pace) {
  if (options.first_chunk == 0 || state.chunks == 0) return options.first_chunk;
  const int64_t most = std::max(options.first_chunk, options.max_chunk);
  // Not all of what is ahead: the measured speeds are those of the past.
  constexpr double kReserve = 0.75;
  const auto takes = [&](int64_t chunk) {  // grows with the chunk
    const int64_t needed = state.handed + chunk + options.look_ahead;
    const int64_t missing = state.ended ? 0 : std::max<int64_t>(0, needed - state.codes);
    const auto given = static_cast<double>(decoder_work(options, state, pace, chunk).flow);
    return static_cast<double>(missing) * pace.seconds_per_token + given * pace.seconds_per_decode;
  };
  int64_t in_time = options.first_chunk;
  if (takes(in_time) <= kReserve * pace.ahead) {
    for (int64_t late = most + 1; late - in_time > 1;) {
      const int64_t middle = in_time + (late - in_time) / 2;
      (takes(middle) <= kReserve * pace.ahead ? in_time : late) = middle;
    }
    return in_time;
  }
  // The least silence for each second of sound: at an end, or where the codes that are there end.
  const auto silence = [&](int64_t chunk) {
    return (takes(chunk) - pace.ahead) / (static_cast<double>(chunk) * pace.seconds_per_code);
  };
  const int64_t there = state.codes - state.handed - options.look_ahead;
  int64_t best = most;
  for (const int64_t chunk :
       {std::clamp<int64_t>(there, options.first_chunk, most), int64_t{options.first_chunk}}) {
    if (silence(chunk) < silence(best)) best = chunk;
  }
  return best;
}

}  // namespace loquor
