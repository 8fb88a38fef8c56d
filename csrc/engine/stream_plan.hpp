// Which speech tokens the conditional decoder is given next. Pure arithmetic: no thread, no runtime, no
// clock.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/linear_cost.hpp"
#include "model/stream_options.hpp"

namespace loquor {

// Half-open ranges of a request's speech codes.
struct Window {
  int64_t from = 0;   // first code given to the decoder: left context begins here
  int64_t begin = 0;  // first code whose sound is handed out
  int64_t end = 0;    // behind the last of those
  int64_t to = 0;     // behind the last code given: look-ahead
};

// How far a stream is.
struct StreamState {
  int64_t codes = 0;   // speech codes so far; closing silence included once `ended`
  bool ended = false;  // no more will come
  int64_t handed = 0;  // codes whose sound was handed out
  int32_t chunks = 0;  // in so many chunks
  int64_t cut = 0;     // the last codes, which the decoder is given and whose sound nobody hears

  int64_t heard() const { return codes - cut; }  // once `ended`
};

// The next window of `chunk` codes of sound, if its codes are there. At the end what is left is not cut into
// a chunk and a crumb. `chunk` 0: everything at once, at the end.
std::optional<Window> next_window(const StreamOptions& options, const StreamState& state, int64_t chunk);

// Codes of the chunk with this number: the first chunk, growing to the largest.
int64_t planned_chunk(const StreamOptions& options, int32_t number);

// What is known of the speed, for chunks that keep playback from running dry.
struct Pace {
  double ahead = 0;              // seconds of sound that were handed out and are not yet played
  double seconds_per_code = 0;   // of sound
  double seconds_per_token = 0;  // measured between two tokens of this stream, whatever else ran in between
  LinearCost::Line decode;       // a decoder run by the codes it is given, as measured
  int64_t prompt = 0;            // codes of the voice that every run is given as well
  int64_t spoken = 0;  // most of those spoken last that prompt a run; 0: left context is decoded again
};

// Codes that run through the decoder's two parts for a chunk, prompt and context included. A decoder in one
// part runs those of the flow through both.
struct DecoderWork {
  int64_t flow = 0;
  int64_t vocoder = 0;
};
DecoderWork decoder_work(const StreamOptions& options, const StreamState& state, const Pace& pace,
                         int64_t chunk);

// Takes a measurement into a running average: the newest counts for a quarter.
inline void average(double& value, double measured) {
  value = value == 0 ? measured : 0.75 * value + 0.25 * measured;
}

// The longest chunk that will be there before playback runs dry, since longer ones cost less in all; if none
// will be, the one with the shortest silence for its length.
int64_t adaptive_chunk(const StreamOptions& options, const StreamState& state, const Pace& pace);

// Whether playback that begins now runs dry before `total` codes are heard, if speeds stay as they are.
bool runs_dry(const StreamOptions& options, StreamState state, Pace pace, int64_t total);

// The first chunk of an adaptive stream that may be kept waiting: the shortest behind which playback does not
// run dry, or all of its `total` codes where there is none; the longest that is made in `patience` seconds if
// that is shorter, but no less than what was asked for. What is made and not yet heard is `pace.ahead`.
int64_t waiting_chunk(const StreamOptions& options, const StreamState& state, const Pace& pace, int64_t total,
                      double patience);

// Seconds of the decoder for the next chunk, and for each code of sound in windows of the usual length.
double decode_seconds(const StreamOptions& options, const StreamState& state, const Pace& pace,
                      int64_t chunk);
double decode_seconds_per_code(const StreamOptions& options, const Pace& pace);

}  // namespace loquor
