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

double decode_seconds(const StreamOptions& options, const StreamState& state, const Pace& pace,
                      int64_t chunk) {
  return pace.decode.of(static_cast<double>(decoder_work(options, state, pace, chunk).flow));
}

namespace {

// Seconds until the next chunk is there, if it is so long; grows with it.
double takes(const StreamOptions& options, const StreamState& state, const Pace& pace, int64_t chunk) {
  const int64_t needed = state.handed + chunk + options.look_ahead;
  const int64_t missing = state.ended ? 0 : std::max<int64_t>(0, needed - state.codes);
  return static_cast<double>(missing) * pace.seconds_per_token + decode_seconds(options, state, pace, chunk);
}

}  // namespace

int64_t adaptive_chunk(const StreamOptions& options, const StreamState& state, const Pace& pace) {
  if (options.first_chunk == 0 || state.chunks == 0) return options.first_chunk;
  const int64_t most = std::max(options.first_chunk, options.max_chunk);
  // Not all of what is ahead: the measured speeds are those of the past.
  constexpr double kReserve = 0.75;
  const auto takes = [&](int64_t chunk) { return loquor::takes(options, state, pace, chunk); };
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

bool runs_dry(const StreamOptions& options, StreamState state, Pace pace, int64_t total) {
  constexpr double kSlower = 1.15;  // than measured, since speeds change
  pace.seconds_per_token *= kSlower;
  pace.decode = {kSlower * pace.decode.fixed, kSlower * pace.decode.each};
  state.chunks = std::max(state.chunks, 1);
  while (state.handed < total) {
    int64_t chunk = adaptive_chunk(options, state, pace);
    const int64_t left = total - state.handed;
    if (left <= chunk + chunk / 2) chunk = left;
    const double needed = takes(options, state, pace, chunk);
    if (needed > pace.ahead) return true;
    pace.ahead += static_cast<double>(chunk) * pace.seconds_per_code - needed;
    state.handed += chunk;
    state.codes = std::max(state.codes, std::min(total, state.handed + options.look_ahead));
    ++state.chunks;
  }
  return false;
}

int64_t waiting_chunk(const StreamOptions& options, const StreamState& state, const Pace& pace, int64_t total,
                      double patience) {
  const int64_t whole = std::max<int64_t>(total - state.handed, options.first_chunk);
  int64_t chunk = options.first_chunk;
  for (int64_t longer = chunk;; longer = std::min(whole, longer + std::max<int64_t>(1, longer / 8))) {
    if (longer > chunk && takes(options, state, pace, longer) > patience) return chunk;
    chunk = longer;
    StreamState then = state;
    then.handed += chunk;
    then.codes = std::max(state.codes, then.handed + options.look_ahead);
    Pace heard = pace;
    heard.ahead += static_cast<double>(chunk) * pace.seconds_per_code;
    if (chunk >= whole || !runs_dry(options, then, heard, total)) return chunk;
  }
}

double decode_seconds_per_code(const StreamOptions& options, const Pace& pace) {
  if (options.first_chunk == 0) return pace.decode.each;
  const int64_t chunk = std::max(options.first_chunk, options.max_chunk);
  StreamState state;  // with all of the context that is bounded
  state.handed = pace.spoken > 0 ? pace.spoken : std::max(0, options.left_context);
  return decode_seconds(options, state, pace, chunk) / static_cast<double>(chunk);
}

}  // namespace loquor
