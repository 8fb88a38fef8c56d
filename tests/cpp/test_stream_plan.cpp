// Windows and chunks as arithmetic.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.hpp"
#include "engine/stream_plan.hpp"
#include "refusal.hpp"

using namespace loquor;

namespace {

StreamOptions plan(int32_t first, float growth, int32_t most, int32_t left, int32_t ahead) {
  StreamOptions options;
  options.first_chunk = first;
  options.growth = growth;
  options.max_chunk = most;
  options.left_context = left;
  options.look_ahead = ahead;
  return options;
}

// All windows of a stream whose codes come one by one.
std::vector<Window> all_windows(const StreamOptions& options, int64_t codes) {
  std::vector<Window> windows;
  StreamState state;
  for (; state.codes <= codes; ++state.codes) {
    state.ended = state.codes == codes;
    while (const auto window = next_window(options, state, planned_chunk(options, state.chunks))) {
      windows.push_back(*window);
      state.handed = window->end;
      ++state.chunks;
    }
  }
  return windows;
}

}  // namespace

TEST_CASE("the last codes that nobody hears are given to the decoder, and held back till the end") {
  for (const int64_t codes : {2, 5, 10, 11, 40, 137}) {
    CAPTURE(codes);
    for (const StreamOptions& options :
         {plan(10, 1.5f, 50, 20, 3), plan(1, 1, 1, 0, 0), plan(0, 2, 9, 5, 5)}) {
      StreamState state;
      state.cut = 1;
      Window last;
      for (; state.codes <= codes; ++state.codes) {
        state.ended = state.codes == codes;
        while (const auto window = next_window(options, state, planned_chunk(options, state.chunks))) {
          CHECK(window->begin == state.handed);
          CHECK(window->end < state.codes);
          CHECK(window->to >= window->end);
          CHECK(window->to <= state.codes);
          state.handed = window->end;
          ++state.chunks;
          last = *window;
        }
      }
      CHECK(last.end == codes - 1);
      CHECK(last.to == codes);
    }
  }
}

TEST_CASE("windows tile the codes without a gap, with the context that was asked for") {
  for (const int64_t codes : {1, 5, 9, 10, 11, 14, 40, 137, 400}) {
    CAPTURE(codes);
    for (const StreamOptions& options : {plan(10, 1.5f, 50, 20, 3), plan(1, 1, 1, 0, 0),
                                         plan(7, 2, 30, kAllContext, 14), plan(0, 2, 9, 5, 5)}) {
      int64_t end = 0;
      const auto windows = all_windows(options, codes);
      for (const Window& window : windows) {
        CHECK(window.begin == end);
        CHECK(window.end > window.begin);
        end = window.end;
        CHECK(window.from == (options.left_context == kAllContext
                                  ? 0
                                  : std::max<int64_t>(0, window.begin - options.left_context)));
        CHECK(window.to == std::min(codes, window.end + options.look_ahead));
      }
      CHECK(end == codes);
      if (options.first_chunk == 0) CHECK(windows.size() == 1);
    }
  }
}

TEST_CASE("a window comes as soon as its codes and its look-ahead are there") {
  const StreamOptions options = plan(8, 2, 40, 50, 3);
  CHECK_FALSE(next_window(options, {10, false, 0, 0}, 8));
  CHECK(next_window(options, {11, false, 0, 0}, 8)->end == 8);
  CHECK_FALSE(next_window(options, {0, true, 0, 0}, 8));
  CHECK_FALSE(next_window(options, {11, true, 11, 1}, 16));
}

TEST_CASE("what is left at the end is not cut into a chunk and a crumb") {
  const StreamOptions options = plan(10, 1, 10, 50, 3);
  CHECK(next_window(options, {15, true, 0, 0}, 10)->end == 15);
  CHECK(next_window(options, {16, true, 0, 0}, 10)->end == 10);
}

TEST_CASE("chunks grow to the largest") {
  const StreamOptions options = plan(10, 1.5f, 50, 50, 6);
  std::vector<int64_t> chunks;
  for (int i = 0; i < 7; ++i) chunks.push_back(planned_chunk(options, i));
  CHECK(chunks == std::vector<int64_t>{10, 15, 22, 33, 50, 50, 50});
  CHECK(planned_chunk(options, 100000) == 50);
  CHECK(planned_chunk(plan(60, 2, 50, 0, 0), 3) == 60);
}

TEST_CASE("adaptive chunks: short while playback is close, long when there is time") {
  const StreamOptions options = plan(8, 1.5f, 60, 40, 4);
  const StreamState state{8, false, 8, 1};
  Pace pace;
  pace.seconds_per_code = 0.04;
  pace.seconds_per_token = 0.02;
  pace.decode.each = 0.001;
  pace.prompt = 100;
  CHECK(adaptive_chunk(options, {0, false, 0, 0}, pace) == 8);  // the first one is what was asked for
  int64_t before = 0;
  for (const double ahead : {0.5, 0.8, 1.2, 1.6, 2.5, 5.0}) {
    pace.ahead = ahead;
    const int64_t chunk = adaptive_chunk(options, state, pace);
    CHECK(chunk >= before);
    before = chunk;
    const double takes = double(chunk + 4) * 0.02 + double(100 + 8 + chunk + 4) * 0.001;
    CHECK((chunk == 8 || takes <= ahead));
  }
  CHECK(before == 60);
  pace.ahead = -1;  // dry already: a longer chunk has the shorter silence for its length
  CHECK(adaptive_chunk(options, state, pace) > 8);
  pace.decode.each = 0;
  pace.ahead = 0;  // nothing is saved by waiting for more
  pace.seconds_per_token = 0.05;
  CHECK(adaptive_chunk(options, {30, false, 8, 1}, pace) >= 8);
}

TEST_CASE("an adaptive chunk is the one that a search of all would find, however many there are") {
  const CounterRng rng(7);
  uint64_t drawn = 0;
  const auto upto = [&](double most) { return most * double(rng.uniform(drawn++)); };
  for (int trial = 0; trial < 2000; ++trial) {
    CAPTURE(trial);
    const StreamOptions options =
        plan(1 + int(upto(20)), 1.5f, 1 + int(upto(300)), int(upto(60)), int(upto(8)));
    const int64_t handed = int64_t(upto(400));
    const StreamState state{handed + int64_t(upto(200)), upto(1) < 0.3, handed, 1};
    Pace pace;
    pace.ahead = upto(8) - 2;
    pace.seconds_per_code = 0.04;
    pace.seconds_per_token = upto(0.06);
    pace.decode.each = upto(0.01);
    pace.prompt = int64_t(upto(300));
    const auto takes = [&](int64_t chunk) {
      const int64_t missing =
          state.ended ? 0 : std::max<int64_t>(0, handed + chunk + options.look_ahead - state.codes);
      const int64_t given =
          pace.prompt + std::min<int64_t>(handed, options.left_context) + chunk + options.look_ahead;
      return double(missing) * pace.seconds_per_token + double(given) * pace.decode.each;
    };
    const int64_t most = std::max(options.first_chunk, options.max_chunk);
    int64_t in_time = 0;
    double least = std::numeric_limits<double>::infinity();
    for (int64_t chunk = options.first_chunk; chunk <= most; ++chunk) {
      if (takes(chunk) <= 0.75 * pace.ahead) in_time = chunk;
      least = std::min(least, (takes(chunk) - pace.ahead) / double(chunk));
    }
    const int64_t chunk = adaptive_chunk(options, state, pace);
    if (in_time > 0) {
      CHECK(chunk == in_time);
    } else {
      CHECK((takes(chunk) - pace.ahead) / double(chunk) == doctest::Approx(least).epsilon(1e-9));
    }
  }
  StreamOptions endless = plan(8, 1.5f, 1 << 20, 40, 4);
  Pace pace;
  pace.ahead = 1e9;
  CHECK(adaptive_chunk(endless, {8, false, 8, 1}, pace) == 1 << 20);
}

TEST_CASE("a stream paced by adaptive chunks never runs dry where speed allows it") {
  for (const double token : {0.01, 0.02, 0.03}) {
    CAPTURE(token);
    const StreamOptions options = plan(10, 1, 75, 30, 4);
    Pace pace;
    pace.seconds_per_code = 0.04;
    pace.seconds_per_token = token;
    pace.decode.each = 0.0008;
    pace.prompt = 50;
    StreamState state;
    double time = 0;
    double dry_at = 0;
    int decoded = 0;
    while (state.handed < 400) {
      pace.ahead = dry_at - time;
      const int64_t chunk = adaptive_chunk(options, state, pace);
      const auto window = next_window(options, state, chunk);
      if (!window) {
        time += token;
        ++state.codes;
        state.ended = state.codes == 400;
        continue;
      }
      time += double(50 + window->to - window->from) * 0.0008;
      decoded += int(window->to - window->from);
      if (state.chunks > 0) CHECK(time <= dry_at);
      dry_at = std::max(dry_at, time) + 0.04 * double(window->end - window->begin);
      state.handed = window->end;
      ++state.chunks;
    }
    CHECK(state.chunks < 40);  // not all of them short
  }
}

TEST_CASE("stream options out of range are refused by name") {
  validate(StreamOptions());
  const auto refused = [](auto change, const char* name) {
    StreamOptions options;
    change(options);
    const Refusal found = refusal([&] { validate(options); });
    CHECK(found.kind == ErrorKind::kInvalidInput);
    CHECK(found.names(name));
  };
  refused([](StreamOptions& o) { o.first_chunk = -1; }, "first_chunk");
  refused([](StreamOptions& o) { o.growth = 0.5f; }, "growth");
  refused([](StreamOptions& o) { o.growth = std::nanf(""); }, "growth");
  refused([](StreamOptions& o) { o.max_chunk = 0; }, "max_chunk");
  refused([](StreamOptions& o) { o.left_context = -2; }, "left_context");
  refused([](StreamOptions& o) { o.look_ahead = -1; }, "look_ahead");
  refused([](StreamOptions& o) { o.fade_samples = -1; }, "fade_samples");
}

TEST_CASE("the work of a chunk counts prompt, context and look-ahead, the vocoder's only what it hears") {
  StreamOptions options;
  options.left_context = 50;
  options.look_ahead = 6;
  StreamState state;
  Pace pace;
  pace.prompt = 250;
  const auto work = [&](int64_t handed, int64_t chunk) {
    state.handed = handed;
    const DecoderWork found = decoder_work(options, state, pace, chunk);
    return std::pair<int64_t, int64_t>(found.flow, found.vocoder);
  };
  CHECK(work(0, 10) == std::pair<int64_t, int64_t>(266, 16));
  CHECK(work(5, 10) == std::pair<int64_t, int64_t>(271, 21));
  CHECK(work(80, 10) == std::pair<int64_t, int64_t>(316, 24));
  options.left_context = kAllContext;
  CHECK(work(80, 10) == std::pair<int64_t, int64_t>(346, 24));
  pace.prompt = pace.spoken = 25;
  CHECK(work(80, 10) == std::pair<int64_t, int64_t>(66, 24));
}

namespace {

// Plays a stream of `total` codes whose chunks are as they are planned, on a made-up clock: seconds of
// silence behind the first sound, and when that came.
struct Played {
  double first = 0;
  double silence = 0;
  int64_t first_codes = 0;
};

Played play(const StreamOptions& options, Pace pace, int64_t total, double patience) {
  StreamState state;
  Played played;
  double time = 0;
  double dry_at = 0;
  while (state.handed < total) {
    pace.ahead = state.chunks == 0 ? 0 : dry_at - time;
    const int64_t chunk = state.chunks == 0 ? waiting_chunk(options, state, pace, total, patience - time)
                                            : adaptive_chunk(options, state, pace);
    const auto window = next_window(options, state, chunk);
    if (!window) {
      time += pace.seconds_per_token;
      ++state.codes;
      state.ended = state.codes == total;
      continue;
    }
    time += pace.decode.of(static_cast<double>(pace.prompt + window->to - window->from));
    if (state.chunks == 0) {
      played.first = dry_at = time;
      played.first_codes = window->end;
    }
    played.silence += std::max(0.0, time - dry_at);
    dry_at =
        std::max(dry_at, time) + pace.seconds_per_code * static_cast<double>(window->end - window->begin);
    state.handed = window->end;
    ++state.chunks;
  }
  return played;
}

Pace speeds(double token, double fixed, double each) {
  Pace pace;
  pace.seconds_per_code = 0.04;
  pace.seconds_per_token = token;
  pace.decode = {fixed, each};
  pace.prompt = 75;
  return pace;
}

}  // namespace

TEST_CASE("a stream that is made as fast as it is played does not wait, a slower one just long enough") {
  const StreamOptions options = plan(10, 1.5f, 50, 50, 6);
  const Played fast = play(options, speeds(0.008, 0.02, 0.0008), 125, 100);
  CHECK(fast.first_codes == 10);
  CHECK(fast.silence == 0);
  double before = 0;
  for (const double each : {0.002, 0.004, 0.006, 0.008, 0.012}) {
    CAPTURE(each);
    const Pace pace = speeds(0.01, 0.1, each);
    const Played played = play(options, pace, 125, 100);
    CHECK(played.silence == 0);
    CHECK(played.first_codes >= before);
    before = static_cast<double>(played.first_codes);
  }
  CHECK(before > 80);  // most of it
}

TEST_CASE("a stream waits no longer than it may") {
  const StreamOptions options = plan(10, 1.5f, 50, 50, 6);
  const Pace pace = speeds(0.01, 0.1, 0.012);
  const Played patient = play(options, pace, 125, 100);
  for (const double patience : {0.0, 1.5, 2.0, 2.5}) {
    CAPTURE(patience);
    const Played played = play(options, pace, 125, patience);
    CHECK(played.first <= std::max(patience, 10 * 0.01 + 6 * 0.01 + 0.1 + 91 * 0.012) + 1e-9);
    CHECK(played.first < patient.first);
    CHECK(played.silence > 0);
  }
}

TEST_CASE("the decoder's share of a code of sound counts prompt and context of every window") {
  const StreamOptions options = plan(10, 1.5f, 50, 50, 6);
  CHECK(decode_seconds_per_code(options, speeds(0, 0.5, 0.001)) == doctest::Approx((0.5 + 0.181) / 50));
  CHECK(decode_seconds_per_code(plan(0, 1, 50, 50, 6), speeds(0, 0.5, 0.001)) == doctest::Approx(0.001));
}
