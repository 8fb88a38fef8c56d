// The samples' way out: joins, stages behind them, and that chunks make no difference.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "engine/wave_path.hpp"

using namespace loquor;

namespace {

using Samples = std::vector<float>;

StreamOptions plan(int32_t first, float growth, int32_t most, int32_t left, int32_t ahead) {
  StreamOptions options;
  options.first_chunk = first;
  options.growth = growth;
  options.max_chunk = most;
  options.left_context = left;
  options.look_ahead = ahead;
  return options;
}

// All windows of a stream whose codes are there.
std::vector<Window> all_windows(const StreamOptions& options, int64_t codes) {
  std::vector<Window> windows;
  StreamState state{codes, true, 0, 0};
  while (const auto window = next_window(options, state, planned_chunk(options, state.chunks))) {
    windows.push_back(*window);
    state.handed = window->end;
    ++state.chunks;
  }
  return windows;
}

// A decoder that hears 5 codes back and 3 ahead: what it says of a code depends on those alone.
Samples decode(const std::vector<int64_t>& codes, const Window& window, int64_t token) {
  Samples wave;
  for (int64_t code = window.from; code < window.to; ++code) {
    double value = 0;
    for (int64_t i = code - 5; i <= code + 3; ++i) {
      if (i >= window.from && i < window.to)
        value += std::sin(static_cast<double>(codes[static_cast<std::size_t>(i)] * (i - code + 20)));
    }
    for (int64_t s = 0; s < token; ++s) wave.push_back(static_cast<float>(value + 0.01 * double(s)));
  }
  return wave;
}

std::vector<int64_t> some_codes(int count) {
  std::vector<int64_t> codes;
  for (int i = 0; i < count; ++i) codes.push_back((i * 37) % 101);
  return codes;
}

// Marks samples by their place.
class Mark : public WaveStage {
 public:
  void process(Samples& block, int64_t place) override {
    for (float& sample : block) sample += place++ % 7 == 0 ? 0.5F : 0.0F;
  }
};

// The mean of a sample and those ahead of it: keeps back what it cannot know yet.
class Smooth : public WaveStage {
 public:
  void process(Samples& block, int64_t) override {
    held_.insert(held_.end(), block.begin(), block.end());
    block.clear();
    while (held_.size() > kAhead) give(block);
  }
  void flush(Samples& block) override {
    while (!held_.empty()) give(block);
  }

 private:
  static constexpr std::size_t kAhead = 11;
  void give(Samples& block) {
    float sum = 0;
    const std::size_t count = std::min(held_.size(), kAhead + 1);
    for (std::size_t i = 0; i < count; ++i) sum += held_[i];
    block.push_back(sum / static_cast<float>(count));
    held_.erase(held_.begin());
  }
  Samples held_;
};

WavePath path_of(int64_t token, int64_t fade, WaveStages stages = {}) {
  return {Crossfader(token, fade), std::move(stages)};
}

WavePath marked_and_smooth(int64_t token, int64_t fade) {
  WaveStages stages;
  stages.push_back(std::make_unique<Mark>());
  stages.push_back(std::make_unique<Smooth>());
  stages.push_back(std::make_unique<Mark>());
  return path_of(token, fade, std::move(stages));
}

Samples pass_all(WavePath& path, const std::vector<int64_t>& codes, const StreamOptions& options,
                 int64_t token) {
  Samples streamed;
  const auto count = static_cast<int64_t>(codes.size());
  for (const Window& window : all_windows(options, count)) {
    const Samples samples = path.pass(path.join(window, decode(codes, window, token)), window.end == count);
    streamed.insert(streamed.end(), samples.begin(), samples.end());
  }
  return streamed;
}

}  // namespace

TEST_CASE("windows with all the context that the decoder hears give the whole wave, sample for sample") {
  const auto codes = some_codes(120);
  for (const int64_t token : {1, 4, 9}) {
    const StreamOptions options = plan(6, 1.5f, 25, 5, 3 + 2);  // what is faded must be right too
    const Samples whole = decode(codes, {0, 0, 120, 120}, token);
    WavePath path = path_of(token, 2 * token);
    Samples streamed;
    for (const Window& window : all_windows(options, 120)) {
      const Samples samples = path.pass(path.join(window, decode(codes, window, token)), false);
      CHECK(static_cast<int64_t>(samples.size()) == (window.end - window.begin) * token);
      streamed.insert(streamed.end(), samples.begin(), samples.end());
    }
    CHECK(streamed == whole);
    CHECK(path_of(token, 2 * token).pass_whole(whole, 120) == whole);
  }
}

TEST_CASE("where windows disagree the join glides from one to the other") {
  WavePath path = path_of(100, 50);
  const Samples first = path.pass(path.join({0, 0, 2, 3}, Samples(300, 1.0f)), false);
  const Samples second = path.pass(path.join({1, 2, 4, 4}, Samples(300, 2.0f)), true);
  CHECK(first == Samples(200, 1.0f));
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
  for (const std::size_t extra : {50, 0}) {  // half a token more than the codes
    Samples whole(10 * 100 + extra);
    for (std::size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<float>(i);
    WavePath path = path_of(100, 0);
    Samples streamed = path.pass(
        path.join({0, 0, 4, 6}, {whole.begin(), whole.begin() + 600 + std::ptrdiff_t(extra)}), false);
    const Samples rest = path.pass(path.join({2, 4, 10, 10}, {whole.begin() + 200, whole.end()}), true);
    streamed.insert(streamed.end(), rest.begin(), rest.end());
    CHECK(streamed == whole);
    CHECK(path_of(100, 0).pass_whole(whole, 10) == whole);
  }
}

TEST_CASE("a window that was looked at and dropped leaves no trace") {
  WavePath path = path_of(100, 50);
  WavePath other = path_of(100, 50);
  for (WavePath* each : {&path, &other}) each->pass(each->join({0, 0, 2, 3}, Samples(300, 1.0f)), false);
  static_cast<void>(path.join({1, 2, 6, 7}, Samples(600, 5.0f)));
  CHECK(path.pass(path.join({1, 2, 4, 4}, Samples(300, 2.0f)), true) ==
        other.pass(other.join({1, 2, 4, 4}, Samples(300, 2.0f)), true));
}

TEST_CASE("behind stages that count, look ahead and keep back, chunks give the samples of the whole") {
  const int64_t token = 13;
  for (const int count : {1, 2, 120}) {
    CAPTURE(count);
    const auto codes = some_codes(count);
    WavePath whole = marked_and_smooth(token, 2 * token);
    const Samples expected = whole.pass_whole(decode(codes, {0, 0, count, count}, token), count);
    CHECK(static_cast<int64_t>(expected.size()) == count * token);
    for (const StreamOptions& options :
         {plan(1, 1, 1, 5, 5), plan(6, 1.5f, 25, 5, 5), plan(200, 1, 200, 5, 5)}) {
      WavePath path = marked_and_smooth(token, 2 * token);
      CHECK(pass_all(path, codes, options, token) == expected);
    }
  }
}
