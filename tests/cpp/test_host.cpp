// What hosts of the C ABI need beside speech: who ended a request, callbacks, voices made without waiting,
// chunks to keep, small stacks, the log from any thread.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "capi_scene.hpp"

#ifndef _WIN32
#include <pthread.h>
#endif

using namespace loquor::testing;
using namespace std::chrono_literals;

namespace {

loquor_chunk empty_chunk() {
  loquor_chunk chunk = {};
  chunk.struct_size = sizeof(chunk);
  return chunk;
}

// What ends a stream.
loquor_status end_of(loquor_stream* stream) {
  loquor_chunk chunk = empty_chunk();
  for (;;) {
    const loquor_status status = loquor_stream_next(stream, 60, &chunk);
    if (status != LOQUOR_OK) return status;
  }
}

// Counts calls, and knows the thread of the last one.
struct Ready {
  std::atomic<int> calls{0};
  std::atomic<std::thread::id> thread{};
  static void call(void* self) {
    auto& ready = *static_cast<Ready*>(self);
    ready.thread = std::this_thread::get_id();
    ++ready.calls;
  }
  bool await(int count) const {
    const auto until = std::chrono::steady_clock::now() + 60s;
    while (calls < count && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
    return calls >= count;
  }
};

using EncodingHandle = Handle<loquor_encoding, loquor_encoding_destroy>;
using VoiceHandle = Handle<loquor_voice, loquor_voice_destroy>;
using StreamHandle = Handle<loquor_stream, loquor_stream_destroy>;

std::vector<float> features(const loquor_voice* voice) {
  loquor_voice_tensors tensors = {};
  tensors.struct_size = sizeof(tensors);
  REQUIRE(loquor_voice_get_tensors(voice, &tensors) == LOQUOR_OK);
  return {tensors.audio_features, tensors.audio_features + tensors.prefix_length * tensors.hidden_size};
}

}  // namespace

TEST_CASE("who cancelled is told so, and who lost the engine that") {
  if (!have_bundles()) return;
  Scene scene;
  StreamHandle other;
  REQUIRE(loquor_engine_stream(scene.engine.it, &scene.request, nullptr, &other.it) == LOQUOR_OK);
  loquor_stream_cancel(scene.stream.it);
  CHECK(end_of(scene.stream.it) == LOQUOR_CANCELLED);
  loquor_engine_halt(scene.engine.it);
  CHECK(end_of(other.it) == LOQUOR_ERROR_CLOSED);
  CHECK(std::string(loquor_last_error()) == "the engine was halted");
  loquor_stream* late = nullptr;
  CHECK(loquor_engine_stream(scene.engine.it, &scene.request, nullptr, &late) == LOQUOR_ERROR_CLOSED);
  EncodingHandle encoding;
  CHECK(loquor_engine_start_voice(scene.engine.it, scene.samples.data(), scene.samples.size(),
                                  &encoding.it) == LOQUOR_ERROR_CLOSED);
  CHECK(encoding.it == nullptr);
}

TEST_CASE("an engine that is closed ends its streams, one that is released speaks on for them") {
  if (!have_bundles()) return;
  for (const bool released : {false, true}) {
    CAPTURE(released);
    Scene scene;
    scene.options.max_new_tokens = 40;
    StreamHandle next;
    REQUIRE(loquor_engine_stream(scene.engine.it, &scene.request, nullptr, &next.it) == LOQUOR_OK);
    loquor_stream_cancel(scene.stream.it);
    (released ? loquor_engine_release : loquor_engine_close)(scene.engine.it);
    scene.engine.it = nullptr;
    CHECK(end_of(next.it) == (released ? LOQUOR_DONE : LOQUOR_ERROR_CLOSED));
  }  // what is destroyed last closes the engine
  loquor_engine_release(nullptr);
}

TEST_CASE(
    "a callback for one time: not on the caller's thread, not twice, not where there is something now") {
  if (!have_bundles()) return;
  Scene scene;
  Ready ready;
  REQUIRE(loquor_stream_on_ready(scene.stream.it, &Ready::call, &ready) == LOQUOR_OK);
  REQUIRE(ready.await(1));
  CHECK(loquor_stream_on_ready_once(scene.stream.it, &Ready::call, &ready) == LOQUOR_OK);
  const int before = ready.calls;
  loquor_chunk chunk = empty_chunk();
  Ready once;
  int told = 0;
  for (int chunks = 0; chunks < 8;) {
    const loquor_status status = loquor_stream_next(scene.stream.it, 0, &chunk);
    if (status == LOQUOR_OK) {
      ++chunks;
      continue;
    }
    REQUIRE(status == LOQUOR_PENDING);
    if (loquor_stream_on_ready_once(scene.stream.it, &Ready::call, &once) == LOQUOR_OK) continue;
    REQUIRE(once.await(++told));
    CHECK(once.thread.load() != std::this_thread::get_id());
  }
  loquor_stream_cancel(scene.stream.it);  // nobody is told any more
  CHECK(ready.calls == before);
  CHECK(once.calls == told);
  CHECK(loquor_stream_on_ready_once(scene.stream.it, nullptr, nullptr) == LOQUOR_ERROR_INVALID_INPUT);
}

TEST_CASE("a voice is made while its caller goes on, and is the one that a caller waits for") {
  if (!have_bundles()) return;
  Scene scene;
  REQUIRE(loquor_engine_unload_encoder(scene.engine.it) == LOQUOR_OK);  // nor does he wait for its load
  EncodingHandle encoding;
  Ready ready;
  REQUIRE(loquor_engine_start_voice(scene.engine.it, scene.samples.data(), scene.samples.size(),
                                    &encoding.it) == LOQUOR_OK);
  REQUIRE(loquor_encoding_on_ready(encoding.it, &Ready::call, &ready) == LOQUOR_OK);
  REQUIRE(ready.await(1));
  VoiceHandle voice;
  VoiceHandle again;
  REQUIRE(loquor_encoding_get_voice(encoding.it, 0, &voice.it) == LOQUOR_OK);
  REQUIRE(loquor_encoding_get_voice(encoding.it, -1, &again.it) == LOQUOR_OK);
  CHECK(features(voice.it) == features(scene.voice.it));
  CHECK(features(again.it) == features(scene.voice.it));
  CHECK(ready.calls == 1);

  EncodingHandle refused;
  CHECK(loquor_engine_start_voice(scene.engine.it, scene.samples.data(), 10, &refused.it) ==
        LOQUOR_ERROR_INVALID_INPUT);
  CHECK(refused.it == nullptr);
}

TEST_CASE("a voice that is being made can be waited for, cancelled, and lost with its engine") {
  if (!have_bundles()) return;
  Scene scene;
  loquor_stream_cancel(scene.stream.it);
  const std::vector<float> samples(scene.samples.size() * 10, 0.1f);
  std::vector<EncodingHandle> encodings(3);
  for (EncodingHandle& encoding : encodings) {
    REQUIRE(loquor_engine_start_voice(scene.engine.it, samples.data(), samples.size(), &encoding.it) ==
            LOQUOR_OK);
  }
  VoiceHandle voice;
  loquor_encoding_cancel(encodings[1].it);
  CHECK(loquor_encoding_get_voice(encodings[1].it, -1, &voice.it) == LOQUOR_CANCELLED);
  REQUIRE(loquor_encoding_get_voice(encodings[0].it, -1, &voice.it) == LOQUOR_OK);
  loquor_voice* none = nullptr;
  EncodingHandle last;
  REQUIRE(loquor_engine_start_voice(scene.engine.it, samples.data(), samples.size(), &last.it) == LOQUOR_OK);
  const loquor_status now = loquor_encoding_get_voice(last.it, 0, &none);
  CHECK(now == LOQUOR_PENDING);
  loquor_engine_halt(scene.engine.it);
  CHECK(loquor_encoding_get_voice(last.it, -1, &none) == LOQUOR_ERROR_CLOSED);
  CHECK(none == nullptr);
  CHECK(loquor_encoding_get_voice(nullptr, 0, &none) == LOQUOR_ERROR_INVALID_INPUT);
  loquor_encoding_cancel(nullptr);
  loquor_encoding_destroy(nullptr);
}

TEST_CASE("samples that are kept stay where they are, though the stream goes on and goes away") {
  if (!have_bundles()) return;
  Handle<loquor_samples, loquor_samples_destroy> kept;
  std::vector<float> copied;
  loquor_chunk first = empty_chunk();
  {
    Scene scene;
    CHECK(loquor_stream_keep_samples(scene.stream.it, &kept.it) == LOQUOR_ERROR_INVALID_INPUT);
    REQUIRE(loquor_stream_next(scene.stream.it, 60, &first) == LOQUOR_OK);
    copied.assign(first.samples, first.samples + first.count);
    REQUIRE(loquor_stream_keep_samples(scene.stream.it, &kept.it) == LOQUOR_OK);
    loquor_samples* again = nullptr;
    CHECK(loquor_stream_keep_samples(scene.stream.it, &again) == LOQUOR_ERROR_INVALID_INPUT);
    CHECK(std::strstr(loquor_last_error(), "keep it once") != nullptr);
    loquor_chunk second = empty_chunk();
    CHECK(loquor_stream_next(scene.stream.it, 60, &second) == LOQUOR_OK);
  }
  CHECK(std::vector<float>(first.samples, first.samples + first.count) == copied);
}

TEST_CASE("the log's sink may be set on any thread while others log") {
  static std::atomic<int> lines;
  lines = 0;
  const auto sink = [](void* user, int, const char* message) {
    if (*static_cast<char*>(user) == message[0]) ++lines;
  };
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) loquor::log::write(loquor::log::Level::kWarning, "line");
    });
  }
  for (int i = 0; i < 200 || lines == 0; ++i) {
    char first = 'l';  // gone behind the second call: no line may come then
    loquor_set_log(sink, &first, LOQUOR_LOG_DEBUG);
    std::this_thread::yield();
    loquor_set_log(nullptr, nullptr, LOQUOR_LOG_ERROR);
    first = 'x';
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(lines > 0);
}

#ifndef _WIN32

namespace {

constexpr std::size_t kStack = std::size_t{256} << 10;
constexpr std::size_t kPromised = std::size_t{192} << 10;  // as loquor.h has it

// Everything that a host calls, on one small stack.
void* whole_life(void*) {
  Scene scene;
  loquor_stream_cancel(scene.stream.it);
  scene.options.max_new_tokens = 20;
  StreamHandle stream;
  REQUIRE(loquor_engine_stream(scene.engine.it, &scene.request, nullptr, &stream.it) == LOQUOR_OK);
  REQUIRE(end_of(stream.it) == LOQUOR_DONE);
  Handle<loquor_tokens, loquor_tokens_destroy> tokens;
  REQUIRE(loquor_engine_generate_tokens(scene.engine.it, &scene.request, &tokens.it) == LOQUOR_OK);
  return nullptr;
}

}  // namespace

TEST_CASE("192 KB of stack suffice" * doctest::skip(kSanitized)) {
  if (!have_bundles()) return;
  void* memory = nullptr;
  REQUIRE(posix_memalign(&memory, 4096, kStack) == 0);
  auto* const bytes = static_cast<unsigned char*>(memory);
  std::memset(bytes, 0xA5, kStack);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstack(&attributes, memory, kStack) == 0);
  pthread_t thread{};
  REQUIRE(pthread_create(&thread, &attributes, &whole_life, nullptr) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  std::size_t untouched = 0;  // it grows down
  while (untouched < kStack && bytes[untouched] == 0xA5) ++untouched;
  MESSAGE("stack used: " << (kStack - untouched) / 1024 << " KB");
  CHECK(kStack - untouched <= kPromised);
  std::free(memory);
}

#endif
