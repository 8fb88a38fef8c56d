// Windows, chunks and joins as arithmetic.
#include <doctest/doctest.h>

#include <cmath>
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

// A decoder that hears `before` codes back and `after` ahead: what it says of a code depends on those alone.
std::vector<float> decode(const std::vector<int64_t>& codes, const Window& window, int before, int after,
                          int64_t token) {
  std::vector<float> wave;
  for (int64_t code = window.from; code < window.to; ++code) {
    double value = 0;
    for (int64_t i = code - before; i <= code + after; ++i) {
      if (i >= window.from && i < window.to)
        value += std::sin(static_cast<double>(codes[static_cast<std::size_t>(i)] * (i - code + 20)));
    }
    for (int64_t s = 0; s < token; ++s) wave.push_back(static_cast<float>(value + 0.01 * double(s)));
  }
  return wave;
}

}  // namespace

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

TEST_CASE("windows with all the context that the decoder hears give the whole wave, sample for sample") {
  std::vector<int64_t> codes;
  for (int i = 0; i < 120; ++i) codes.push_back((i * 37) % 101);
  for (const int64_t token : {1, 4, 9}) {
    const StreamOptions options = plan(6, 1.5f, 25, 5, 3 + 2);  // what is faded must be right too
    const auto whole = decode(codes, {0, 0, 120, 120}, 5, 3, token);
    Crossfader crossfader(token, 2 * token);
    std::vector<float> streamed;
    for (const Window& window : all_windows(options, 120)) {
      const auto samples = crossfader.join(window, decode(codes, window, 5, 3, token));
      CHECK(static_cast<int64_t>(samples.size()) == (window.end - window.begin) * token);
      streamed.insert(streamed.end(), samples.begin(), samples.end());
    }
    CHECK(streamed == whole);
  }
}

TEST_CASE("where windows disagree the join glides from one to the other") {
  Crossfader crossfader(100, 50);
  const auto first = crossfader.join({0, 0, 2, 3}, std::vector<float>(300, 1.0f));
  const auto second = crossfader.join({1, 2, 4, 4}, std::vector<float>(300, 2.0f));
  CHECK(first == std::vector<float>(200, 1.0f));
  REQUIRE(second.size() == 200);
  CHECK(second[0] < 1.01f);
  CHECK(second[49] > 1.99f);
  CHECK(second[50] == 2.0f);
  for (int i = 1; i < 51; ++i) {
    CHECK(second[static_cast<std::size_t>(i)] >= second[static_cast<std::size_t>(i - 1)]);
    CHECK(second[static_cast<std::size_t>(i)] - second[static_cast<std::size_t>(i - 1)] < 0.04f);
  }
}

TEST_CASE("a voice of an odd number of mel frames shifts every window alike") {
  std::vector<float> whole(10 * 100 + 50);  // half a token more than the codes
  for (std::size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<float>(i);
  Crossfader crossfader(100, 0);
  std::vector<float> streamed = crossfader.join({0, 0, 4, 6}, {whole.begin(), whole.begin() + 650});
  const auto rest = crossfader.join({2, 4, 10, 10}, {whole.begin() + 200, whole.end()});
  streamed.insert(streamed.end(), rest.begin(), rest.end());
  CHECK(streamed == whole);
}

TEST_CASE("adaptive chunks: short while playback is close, long when there is time") {
  const StreamOptions options = plan(8, 1.5f, 60, 40, 4);
  const StreamState state{8, false, 8, 1};
  Pace pace;
  pace.seconds_per_code = 0.04;
  pace.seconds_per_token = 0.02;
  pace.seconds_per_decode = 0.001;
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
  pace.seconds_per_decode = 0;
  pace.ahead = 0;  // nothing is saved by waiting for more
  pace.seconds_per_token = 0.05;
  CHECK(adaptive_chunk(options, {30, false, 8, 1}, pace) >= 8);
}

TEST_CASE("a stream paced by adaptive chunks never runs dry where speed allows it") {
  for (const double token : {0.01, 0.02, 0.03}) {
    CAPTURE(token);
    const StreamOptions options = plan(10, 1, 75, 30, 4);
    Pace pace;
    pace.seconds_per_code = 0.04;
    pace.seconds_per_token = token;
    pace.seconds_per_decode = 0.0008;
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
