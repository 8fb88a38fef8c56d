// Marked speech: the stage that marks, the limiter behind it, and an engine with both.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "engine/limiter.hpp"
#include "engine/watermark.hpp"
#include "engine_fixture.hpp"
#include "model/watermark_encoder.hpp"
#include "refusal.hpp"
#include "small_graphs.hpp"
#include "temp_folder.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

constexpr int64_t kFrame = WatermarkEncoder::kFrame;
constexpr double kPi = 3.14159265358979323846;

Samples some_wave(std::size_t size, float level = 0.3F) {
  Samples wave(size);
  for (std::size_t i = 0; i < size; ++i) {
    const auto t = static_cast<double>(i);
    wave[i] = level * static_cast<float>(std::sin(t * 0.05) + std::sin(t * 0.0031) * std::sin(t * 0.11));
  }
  return wave;
}

double squared_window(int64_t i) {
  const double hann = 0.5 - 0.5 * std::cos(2 * kPi * static_cast<double>(i) / kFrame);
  return hann * hann;
}

// Makes each frame louder by half: so does the whole wave become, whatever its edges.
Samples half_as_loud_again(Span<const float> frames) {
  Samples change(frames.begin(), frames.end());
  for (std::size_t i = 0; i < change.size(); ++i)
    change[i] *= static_cast<float>(0.5 * squared_window(static_cast<int64_t>(i) % kFrame));
  return change;
}

// A network that hears 15 frames to both sides, and knows at the ends of what it is given that nothing is
// there.
Samples by_neighbours(Span<const float> frames) {
  const auto count = static_cast<int64_t>(frames.size()) / kFrame;
  std::vector<double> energy;
  for (int64_t frame = 0; frame < count; ++frame) {
    const float* const first = frames.begin() + frame * kFrame;
    energy.push_back(std::inner_product(first, first + kFrame, first, 0.0) / kFrame);
  }
  Samples change(frames.begin(), frames.end());
  for (int64_t frame = 0; frame < count; ++frame) {
    double heard = 0;
    for (int64_t near = frame - 15; near <= frame + 15; ++near) {
      if (near >= 0 && near < count)
        heard += energy[static_cast<std::size_t>(near)] * double(near - frame + 20);
    }
    for (int64_t i = 0; i < kFrame; ++i)
      change[static_cast<std::size_t>(frame * kFrame + i)] *= static_cast<float>(heard * squared_window(i));
  }
  return change;
}

Samples passed(WaveStage& stage, const Samples& wave, const std::vector<std::size_t>& sizes) {
  Samples all;
  std::size_t at = 0;
  for (std::size_t i = 0; at < wave.size(); ++i) {
    const std::size_t end = std::min(wave.size(), at + sizes[i % sizes.size()]);
    Samples block(wave.begin() + static_cast<std::ptrdiff_t>(at),
                  wave.begin() + static_cast<std::ptrdiff_t>(end));
    stage.process(block, static_cast<int64_t>(at));
    all.insert(all.end(), block.begin(), block.end());
    at = end;
    CHECK(all.size() <= at);
  }
  Samples rest;
  stage.flush(rest);
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

float largest_difference(const Samples& a, const Samples& b, std::size_t from = 0) {
  REQUIRE(a.size() == b.size());
  float largest = 0;
  for (std::size_t i = from; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

const std::vector<std::vector<std::size_t>> kCuts = {{1'000'000},    {960},      {9600, 14400},
                                                     {1, 240, 5000}, {3, 30000}, {768, 769}};

}  // namespace

TEST_CASE("a change that is a factor becomes that of the wave, to both ends") {
  for (const std::size_t size : {960UL, 1UL, 768UL, 769UL, 2880UL, 100'001UL}) {
    CAPTURE(size);
    const Samples wave = some_wave(size);
    Samples expected = wave;
    for (float& sample : expected) sample *= 1.5F;
    Watermark stage(half_as_loud_again, false);
    CHECK(largest_difference(passed(stage, wave, {2000}), expected) < 1e-6F);
  }
}

TEST_CASE("with all its look-ahead, chunks have the samples of the whole") {
  for (const std::size_t size : {500UL, 5000UL, 200'000UL}) {
    const Samples wave = some_wave(size);
    Watermark at_once(by_neighbours, false);
    const Samples whole = passed(at_once, wave, {size});
    CHECK(largest_difference(whole, wave) > 0.001F);
    for (const auto& cut : kCuts) {
      Watermark stage(by_neighbours, false);
      CHECK(largest_difference(passed(stage, wave, cut), whole) < 1e-6F);
    }
  }
}

TEST_CASE("it keeps back no more than it must") {
  const Samples wave = some_wave(60'000);
  for (const std::size_t cut : {960UL, 9600UL, 10'007UL}) {
    Watermark stage(by_neighbours, false);
    std::size_t came = 0;
    std::size_t went = 0;
    for (; came + cut <= wave.size();) {
      Samples block(wave.begin() + static_cast<std::ptrdiff_t>(came),
                    wave.begin() + static_cast<std::ptrdiff_t>(came + cut));
      stage.process(block, static_cast<int64_t>(came));
      came += cut;
      went += block.size();
      CHECK(came - went <= std::max<std::size_t>(5134, came < 5134 ? came : 0));
    }
  }
}

TEST_CASE("early, the first block keeps 840 samples back, and only its end differs from the whole") {
  const Samples wave = some_wave(100'000);
  Watermark at_once(by_neighbours, false);
  const Samples whole = passed(at_once, wave, {wave.size()});
  for (const std::size_t first : {841UL, 960UL, 2880UL, 9600UL, 48'000UL}) {
    CAPTURE(first);
    Watermark stage(by_neighbours, true);
    Samples block(wave.begin(), wave.begin() + static_cast<std::ptrdiff_t>(first));
    stage.process(block, 0);
    CHECK(block.size() == first - 840);
    Samples rest(wave.begin() + static_cast<std::ptrdiff_t>(first), wave.end());
    stage.process(rest, static_cast<int64_t>(first));
    block.insert(block.end(), rest.begin(), rest.end());
    Samples last;
    stage.flush(last);
    block.insert(block.end(), last.begin(), last.end());
    CHECK(largest_difference(block, whole, first + 800) < 1e-6F);
    if (first > 6000) {  // before its end, where all was heard
      const auto same = static_cast<std::ptrdiff_t>(first - 6000);
      CHECK(largest_difference({block.begin(), block.begin() + same}, {whole.begin(), whole.begin() + same}) <
            1e-6F);
    }
    // No seam: between two samples the change moves no more than it does anywhere.
    const auto step = [&](const Samples& marked, std::size_t i) {
      return std::abs((marked[i] - wave[i]) - (marked[i - 1] - wave[i - 1]));
    };
    float most = 0;
    for (std::size_t i = 1; i < wave.size(); ++i) most = std::max(most, step(whole, i));
    for (std::size_t i = 1; i < wave.size(); ++i) CHECK(step(block, i) <= 1.5F * most);
  }
}

TEST_CASE("a whole that comes early is the whole") {
  const Samples wave = some_wave(700);
  Watermark early(by_neighbours, true);
  Watermark late(by_neighbours, false);
  CHECK(passed(early, wave, {700}) == passed(late, wave, {700}));
}

TEST_CASE("the limiter keeps peaks below full scale, and quiet sound as it is") {
  Samples wave = some_wave(20'000, 0.4F);
  Limiter quiet;
  CHECK(passed(quiet, wave, {960}) == wave);
  wave[0] = 1.4F;
  wave[5000] = -1.2F;
  wave[5001] = -1.21F;
  wave[19'999] = 3.0F;
  Limiter at_once;
  const Samples whole = passed(at_once, wave, {wave.size()});
  for (const auto& cut : kCuts) {
    Limiter stage;
    CHECK(passed(stage, wave, cut) == whole);
  }
  for (std::size_t i = 0; i < wave.size(); ++i) {
    CHECK(std::abs(whole[i]) <= 0.99F);
    if (std::abs(static_cast<double>(i) - 5000) > 130 && i > 130 && i < 19'860) CHECK(whole[i] == wave[i]);
  }
  for (std::size_t i = 4880; i < 5120; ++i) {  // the gain glides
    const auto gain = [&](std::size_t at) { return whole[at] / wave[at]; };
    if (std::abs(wave[i]) > 0.1F && std::abs(wave[i + 1]) > 0.1F)
      CHECK(std::abs(gain(i) - gain(i + 1)) < 0.01F);
  }
}

namespace {

struct Marked {
  TempFolder folder;
  FaultInjection faults;
  EngineOptions options = engine_options();

  explicit Marked(const std::string& op = "Identity") {
    options.watermark = folder.write("watermark.onnx", SmallGraphs::of_frames(op));
  }
};

}  // namespace

TEST_CASE("an engine with a watermark marks speech as a whole, in chunks, and tokens decoded at once") {
  if (!have_bundles()) return;
  Marked marked;
  Engine plain(marked.faults.api, bundle("gqa"), engine_options());
  Engine engine(marked.faults.api, bundle("gqa"), marked.options);
  CHECK(engine.model().watermark_encoder != nullptr);
  const auto voice = std::make_shared<const Voice>(engine.encode_voice(recording(), nullptr));
  GenerationOptions options = engine.model().manifest.defaults;
  options.max_new_tokens = 40;
  options.guards = 0;
  const auto tokens = engine.generate({text_ids(), voice, options}, nullptr, {}).ids;
  const Samples whole = engine.decode(tokens, voice, nullptr).samples;
  const Samples unmarked = plain.decode(tokens, voice, nullptr).samples;
  CHECK(largest_difference(whole, unmarked) > 0);
  for (const float sample : whole) CHECK(std::abs(sample) <= 0.99F);

  for (const int32_t first : {0, 1, 5}) {
    StreamOptions stream = chunks_of(first);
    stream.left_context = kAllContext;
    stream.look_ahead = 100;  // each window is right to its end
    stream.fade_samples = 0;
    stream.watermark_early = false;
    const RequestPtr request = engine.prepare_stream({text_ids(), voice, options}, stream, false);
    engine.submit(request);
    Samples heard;
    int64_t codes = 0;
    Chunk chunk;
    while (read(*request, chunk) == Request::Next::kChunk) {
      CHECK(!chunk.samples.empty());
      CHECK(chunk.first_code == codes);  // none is lost where a stage kept all of a window back
      codes += chunk.code_count;
      heard.insert(heard.end(), chunk.samples.begin(), chunk.samples.end());
    }
    CHECK(codes * 960 == static_cast<int64_t>(heard.size()));
    // What the same windows of the decoder give without a mark, marked as a whole.
    const RequestPtr unmarked_request = plain.prepare_stream({text_ids(), voice, options}, stream, false);
    plain.submit(unmarked_request);
    const Samples before = read_all(*unmarked_request).samples;
    Watermark stage([](Span<const float> frames) { return Samples(frames.begin(), frames.end()); }, false);
    Limiter limiter;
    const Samples expected = passed(limiter, passed(stage, before, {before.size()}), {before.size()});
    CHECK(largest_difference(heard, expected) < 1e-6F);
    if (first == 0) CHECK(largest_difference(heard, whole) < 1e-6F);
  }
}

TEST_CASE("a mark that cannot be made ends the request before any sound") {
  if (!have_bundles()) return;
  Marked marked("Log");  // of negative samples: not a number
  Engine engine(marked.faults.api, bundle("gqa"), marked.options);
  const auto voice = std::make_shared<const Voice>(engine.encode_voice(recording(), nullptr));
  GenerationOptions options = engine.model().manifest.defaults;
  options.max_new_tokens = 20;
  options.guards = 0;
  for (const int32_t first : {0, 5}) {
    const RequestPtr request = engine.prepare_stream({text_ids(), voice, options}, chunks_of(first), false);
    engine.submit(request);
    Chunk chunk;
    const Refusal refused = refusal([&] { read(*request, chunk); });
    CHECK(refused.kind == ErrorKind::kExecution);
    CHECK(refused.names("not handed out unmarked"));
    CHECK(request->report().taken_samples == 0);
  }
  const std::vector<int64_t> codes = {1, 2, 3};
  const Refusal refused = refusal([&] { engine.decode(codes, voice, nullptr); });
  CHECK(refused.kind == ErrorKind::kExecution);
}

TEST_CASE("a watermark that is none of ours does not open an engine") {
  if (!have_bundles()) return;
  Marked marked;
  marked.options.watermark = marked.folder.write("other.onnx", SmallGraphs::of_frames("Identity", 2048));
  CHECK(refusal([&] { Engine(marked.faults.api, bundle("gqa"), marked.options); }).kind == ErrorKind::kModel);
  marked.options.watermark = marked.folder.path() + "/missing.onnx";
  CHECK(refusal([&] { Engine(marked.faults.api, bundle("gqa"), marked.options); }).kind == ErrorKind::kModel);
}
