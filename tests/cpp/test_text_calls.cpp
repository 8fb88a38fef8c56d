// Text through the C ABI, on a tiny bundle: prompts, streams, whole speech, cancel.
#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "bundle.hpp"
#include "capi/handles.hpp"
#include "loquor/loquor.hpp"
#include "small_graphs.hpp"
#include "temp_folder.hpp"

using namespace loquor::testing;
using loquor::check;
using loquor::info_of;
using loquor::made;
namespace v5 = loquor::v5;

namespace {

struct Scene {
  explicit Scene(const char* form = "stopping", const char* watermark = nullptr)
      : runtime(v5::open_runtime(environment("LOQUOR_TEST_RUNTIME"))),
        engine(runtime, bundle(form), &options(watermark)),
        voice(engine.encode_voice(recording().data(), recording().size())),
        generation(engine.default_options()) {
    generation.max_new_tokens = 20;
    loquor_request_init(&request);
    request.voice = voice.get();
    request.options = &generation;
  }
  static const loquor_engine_options& options(const char* watermark) {
    static loquor_engine_options given;
    loquor_engine_options_init(&given);
    if (watermark != nullptr) given.watermark = watermark;
    given.device = "cpu";
    given.threads = 1;
    return given;
  }

  v5::Runtime runtime;
  v5::Engine engine;
  v5::Voice voice;
  loquor_generation_options generation;
  loquor_request request{};
};

std::vector<float> read(const v5::Stream& stream) {
  std::vector<float> samples;
  loquor_chunk chunk;
  while (stream.next(chunk) == LOQUOR_OK)
    samples.insert(samples.end(), chunk.samples, chunk.samples + chunk.count);
  return samples;
}

}  // namespace

TEST_CASE("a text becomes a prompt, and says what it lost") {
  if (!have_bundles()) return;
  const Scene scene;
  const v5::Text text = scene.engine.prepare_text("hi");
  const auto info = info_of<loquor_text_info>(loquor_text_get_info, text.get());
  CHECK(std::vector<int64_t>(info.ids, info.ids + info.id_count) ==
        std::vector<int64_t>{39, 72, 13, 50256, 50256});
  CHECK(std::string(info.text) == "Hi.");
  CHECK(loquor_text_warning(text.get(), 0) == nullptr);
  const v5::Text tagged = scene.engine.prepare_text("[sob] [laugh] [sob]");
  CHECK(std::string(loquor_text_warning(tagged.get(), 0)).find("[sob] is no tag") == 0);
  CHECK(loquor_text_warning(tagged.get(), 1) == nullptr);

  loquor_text* none = nullptr;
  for (const char* bad : {"", "\x01", "\xFF", "<|endoftext|>"}) {
    CHECK(loquor_engine_prepare_text(nullptr, bad, nullptr, &none) == LOQUOR_ERROR_INVALID_INPUT);
    CHECK_THROWS_AS(scene.engine.prepare_text(bad), v5::StatusError);
  }
  CHECK(none == nullptr);
  const auto read_bundle = made<v5::Bundle>(loquor_bundle_open, bundle("gqa").c_str(), "fp32", "");
  loquor_text_options options;
  loquor_text_options_init(&options);
  options.language = "de";
  CHECK(loquor_bundle_prepare_text(read_bundle.get(), "hi", &options, &none) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(std::string(loquor_last_error()).find("English only, not German") != std::string::npos);
  CHECK(loquor_bundle_prepare_text(read_bundle.get(), nullptr, nullptr, &none) == LOQUOR_ERROR_INVALID_INPUT);
  CHECK(std::string(loquor_last_error()) == "text must not be NULL");
}

TEST_CASE("speech of a text is that of its ids, whole and in chunks") {
  if (!have_bundles()) return;
  const Scene scene;
  loquor_request by_ids = scene.request;
  by_ids.input_ids = text_ids().data();
  by_ids.input_id_count = text_ids().size();
  by_ids.text = "Hi.";
  loquor_stream_options chunks = scene.engine.default_stream_options();
  const std::vector<float> expected = read(scene.engine.stream(by_ids, &chunks));
  CHECK(!expected.empty());
  const v5::Stream stream = scene.engine.stream_text("hi", scene.request, nullptr, &chunks);
  CHECK(read(stream) == expected);
  CHECK(loquor_stream_warning(stream.get(), 0) == nullptr);

  chunks.first_chunk = 0;
  const std::vector<float> whole = read(scene.engine.stream(by_ids, &chunks));
  const v5::Waveform wave = scene.engine.speak_text("hi", scene.request);
  const auto info = info_of<loquor_waveform_info>(loquor_waveform_get_info, wave.get());
  CHECK(std::vector<float>(info.samples, info.samples + info.count) == whole);
  CHECK(info.sample_rate == 24000);
  CHECK(std::string(loquor_stream_warning(scene.engine.stream_text("[sob]", scene.request).get(), 0))
            .find("no tag") != std::string::npos);
}

TEST_CASE("a text that is spoken can be cancelled, by its stream and by its token") {
  if (!have_bundles()) return;
  Scene scene("gqa");
  scene.generation.max_new_tokens = 1000;
  const v5::Stream stream = scene.engine.stream_text("hi", scene.request);
  stream.cancel();
  loquor_chunk chunk;
  CHECK_THROWS_AS(stream.next(chunk), v5::StatusError);
  const v5::CancelToken token = v5::make_cancel_token();
  loquor_cancel_request(token.get());
  scene.request.cancel = token.get();
  loquor_waveform* wave = nullptr;
  const auto refused = [&] {
    try {
      scene.engine.speak_text("hi", scene.request);
    } catch (const v5::StatusError& error) {
      return error.status();
    }
    return LOQUOR_OK;
  };
  CHECK(refused() == LOQUOR_CANCELLED);
  CHECK(wave == nullptr);
}

TEST_CASE("a stream says whether its speech is marked") {
  if (!have_bundles()) return;
  const TempFolder folder;
  const std::string graph = folder.write("watermark.onnx", SmallGraphs::of_frames("Identity"));
  for (const bool marked : {false, true}) {
    CAPTURE(marked);
    const Scene scene("stopping", marked ? graph.c_str() : nullptr);
    const v5::Stream stream = scene.engine.stream_text("Hello there.", scene.request);
    CHECK(std::string(stream.info().watermark) == (marked ? "perth" : "none"));
    CHECK_FALSE(read(stream).empty());
    CHECK(std::string(stream.info().watermark) == (marked ? "perth" : "none"));
  }
}
