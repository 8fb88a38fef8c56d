// One engine and many callers: whatever fails, is cancelled or runs beside it, a request gives its own
// tokens.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <initializer_list>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gated_engine.hpp"
#include "refusal.hpp"
#include "temp_folder.hpp"

using namespace loquor;
using namespace loquor::testing;

TEST_CASE("threads that generate on one engine get the tokens that each gets alone") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"concat", "gqa"}) {
    CAPTURE(form);
    GatedEngine gated(faults, form);
    constexpr std::size_t kThreads = 4;
    const auto options = [](std::size_t i) { return i == 0 ? greedy(40) : sampled(20 + 30 * int(i), i); };
    std::vector<std::vector<int64_t>> alone(kThreads);
    for (std::size_t i = 0; i < kThreads; ++i) alone[i] = gated.generate(options(i));
    const Waveform spoken = gated.engine().decode(alone[0], gated.voice, nullptr);

    std::vector<std::vector<int64_t>> together(kThreads * 3);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        for (std::size_t round = 0; round < 3; ++round) {
          together[3 * i + round] = gated.generate(options(i));
        }
      });
    }
    for (int round = 0; round < 5; ++round) {  // the other graphs take their turns between them
      CHECK(gated.engine().decode(alone[0], gated.voice, nullptr).samples == spoken.samples);
      CHECK(gated.engine().encode_voice(recording(), nullptr).audio_tokens == gated.voice->audio_tokens);
    }
    for (auto& thread : threads) thread.join();
    for (std::size_t i = 0; i < together.size(); ++i) CHECK(together[i] == alone[i / 3]);
  }
}

TEST_CASE("an engine that is destroyed lets the running and the waiting requests finish") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  GatedEngine gated(faults, "gqa", 1);
  const auto expected = gated.generate(greedy(30));
  Gate gate(6);
  RunWithBinding::plan = through(gate);
  CreateRunOptions::calls = 0;
  std::vector<std::vector<int64_t>> got(3);
  std::vector<std::thread> threads;
  for (auto& ids : got) threads.emplace_back([&] { ids = gated.generate(greedy(30)); });
  gate.wait();  // one runs,
  while (CreateRunOptions::calls < 3) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // and all have a place in the queue
  std::thread closer([&] { gated.destroy(); });
  gate.open();
  for (auto& thread : threads) thread.join();
  closer.join();
  for (const auto& ids : got) CHECK(ids == expected);
}

TEST_CASE("a cancel that comes while the engine is destroyed touches nothing that is gone") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  GatedEngine gated(faults);
  CancelToken token;
  Gate running(6);
  Gate interrupting(1);
  RunWithBinding::plan = through(running);
  SetTerminate::plan = through(interrupting);
  std::thread worker(
      [&] { CHECK(refusal([&] { gated.generate(greedy(500), &token); }).kind == ErrorKind::kCancelled); });
  running.wait();
  std::thread canceller([&] { token.request(); });
  interrupting.wait();  // the token is raised, its listener still at work
  std::thread closer([&] { gated.destroy(); });
  running.open();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // time for a closer that would not wait
  interrupting.open();
  canceller.join();
  worker.join();
  closer.join();
}

TEST_CASE("a token raised before the start: nothing runs") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  GatedEngine gated(faults);
  CancelToken token;
  token.request();
  Run::calls = 0;
  CHECK(refusal([&] { gated.generate(greedy(5), &token); }).kind == ErrorKind::kCancelled);
  CHECK(refusal([&] { gated.engine().encode_voice(recording(), &token); }).kind == ErrorKind::kCancelled);
  CHECK(refusal([&] { gated.engine().decode(std::vector<int64_t>{1, 2}, gated.voice, &token); }).kind ==
        ErrorKind::kCancelled);
  CHECK(RunWithBinding::calls == 0);
  CHECK(Run::calls == 0);
  CHECK(gated.generate(greedy(5)).size() == 5);
}

TEST_CASE("a token raised from another thread interrupts the run that is under way") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const int run : {1, 2, 9, 10}) {  // the prompt and a step, in the table and in the model
    CAPTURE(run);
    GatedEngine gated(faults);
    const auto expected = gated.generate(greedy(20));
    RunWithBinding::calls = 0;
    Gate gate(run);
    RunWithBinding::plan = through(gate);
    CancelToken token;
    std::thread canceller([&] {
      gate.wait();
      token.request();
      gate.open();
    });
    const Refusal found = refusal([&] { gated.generate(greedy(20), &token); });
    canceller.join();
    CHECK(found.kind == ErrorKind::kCancelled);
    CHECK(RunWithBinding::calls == run);  // had that run gone on, another would have followed
    CHECK(SetTerminate::calls == 1);
    SetTerminate::calls = 0;
    RunWithBinding::plan = nullptr;
    CHECK(gated.generate(greedy(20)) == expected);
  }
}

TEST_CASE("encoding and decoding are interrupted as well") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  GatedEngine gated(faults);
  const auto cancelled_in_run = [&](auto work) {
    Gate gate(1);
    Run::plan = through(gate);
    CancelToken token;
    std::thread canceller([&] {
      gate.wait();
      token.request();
      gate.open();
    });
    const Refusal found = refusal([&] { work(&token); });
    canceller.join();
    Run::plan = nullptr;
    return found.kind == ErrorKind::kCancelled;
  };
  const std::vector<int64_t> codes = {1, 2, 3};
  CHECK(cancelled_in_run([&](CancelToken* token) { gated.engine().encode_voice(recording(), token); }));
  CHECK(cancelled_in_run([&](CancelToken* token) { gated.engine().decode(codes, gated.voice, token); }));
}

TEST_CASE("a request that waits for its turn is cancelled without one") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  GatedEngine gated(faults, "gqa", 1);
  const auto expected = gated.generate(greedy(10));
  Gate gate(3);
  RunWithBinding::plan = through(gate);
  std::vector<int64_t> got;
  std::thread running([&] { got = gated.generate(greedy(10)); });
  gate.wait();
  RunWithBinding::calls = 0;
  CreateRunOptions::calls = 0;
  CancelToken token;
  auto waiting = std::async(std::launch::async, [&] {
    CHECK(refusal([&] { gated.generate(greedy(10), &token); }).kind == ErrorKind::kCancelled);
  });
  while (CreateRunOptions::calls < 1) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // time to fall asleep in the queue
  token.request();
  CHECK(waiting.wait_for(std::chrono::minutes(1)) == std::future_status::ready);
  CHECK(RunWithBinding::calls == 0);
  gate.open();
  running.join();
  CHECK(got == expected);
}

TEST_CASE("a failed call of the runtime is an Error of its kind, and the next request is as before") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"concat", "gqa"}) {
    CAPTURE(form);
    GatedEngine gated(faults, form);
    const auto expected = gated.generate(sampled(12));
    const auto fails = [&](auto slot, std::initializer_list<int> calls, ErrorKind kind, const char* doing) {
      for (const int n : calls) {
        CAPTURE(n);
        decltype(slot)::plan = fail_call(n);
        const Refusal found = refusal([&] { gated.generate(sampled(300)); });
        decltype(slot)::plan = nullptr;
        CHECK(found.kind == kind);
        CHECK(found.text == std::string(doing) + ": a failure made by the test");
        CHECK(gated.generate(sampled(12)) == expected);
      }
    };
    fails(RunWithBinding(), {1, 3, 23}, ErrorKind::kExecution, "running embed_tokens.onnx");
    fails(RunWithBinding(), {2, 4, 24}, ErrorKind::kExecution, "running language_model.onnx");
    fails(CreateTensor(), {1, 2, 3, 7, 12, 30}, ErrorKind::kInternal, "making a tensor view");
    fails(BindInput(), {1, 2, 3, 4, 5, 20}, ErrorKind::kInternal, "binding an input");
    fails(BindOutput(), {1, 2, 3, 5, 20}, ErrorKind::kInternal, "binding an output");
    fails(CreateRunOptions(), {1}, ErrorKind::kInternal, "making run options");
  }
}

TEST_CASE("failed encoding and decoding name their graph") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  GatedEngine gated(faults);
  const std::vector<int64_t> codes = {1, 2, 3};
  const auto samples = gated.engine().decode(codes, gated.voice, nullptr).samples;
  Run::plan = fail_call(1);
  const Refusal encoding = refusal([&] { gated.engine().encode_voice(recording(), nullptr); });
  CHECK(encoding.kind == ErrorKind::kExecution);
  CHECK(encoding.text == "running speech_encoder.onnx: a failure made by the test");
  Run::plan = fail_call(1);
  const Refusal decoding = refusal([&] { gated.engine().decode(codes, gated.voice, nullptr); });
  CHECK(decoding.kind == ErrorKind::kExecution);
  CHECK(decoding.text == "running conditional_decoder.onnx: a failure made by the test");
  CHECK(gated.engine().decode(codes, gated.voice, nullptr).samples == samples);
  CHECK(gated.engine().encode_voice(recording(), nullptr).audio_features == gated.voice->audio_features);
}

TEST_CASE("an engine whose graph cannot be loaded is kModel, whichever graph it is") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (int graph = 0; graph < static_cast<int>(kGraphCount); ++graph) {
    CAPTURE(graph);
    // This one and all behind it: they load at the same time, the first to fail in their order is told of.
    CreateSession::plan = [graph](auto*, const auto* path, auto&&...) {
      for (int i = graph; i < static_cast<int>(kGraphCount); ++i) {
        const std::string name = std::string(kGraphNames[static_cast<std::size_t>(i)]) + ".onnx";
        if (std::filesystem::path(path).filename() == name) return abi::ORT_FAIL;
      }
      return abi::ORT_OK;
    };
    EngineOptions options = engine_options();
    options.keep_encoder = true;  // all four are loaded now
    const Refusal found = refusal([&] { Engine(faults.api, bundle("gqa"), options); });
    CHECK(found.kind == ErrorKind::kModel);
    CHECK(found.names(std::string(kGraphNames[static_cast<std::size_t>(graph)]) +
                      ".onnx: a failure made by the test"));
  }
}

TEST_CASE("no graph is loaded where the weights of one lie outside the bundle") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const TempFolder folder;
  const auto copy = std::filesystem::path(folder.path()) / "bundle";
  std::filesystem::copy(bundle("gqa"), copy, std::filesystem::copy_options::recursive);
  const auto weights = copy / "onnx" / "conditional_decoder.onnx_data";
  std::filesystem::rename(weights, folder.path() + "/elsewhere");
  std::filesystem::create_symlink("../../elsewhere", weights);
  const Refusal found = refusal([&] { Engine(faults.api, copy.string(), engine_options()); });
  CHECK(found.kind == ErrorKind::kModel);
  CHECK(found.names("outside the bundle"));
  CHECK(CreateSession::calls == 0);
}

TEST_CASE("the speech encoder is loaded by the first recording and goes when speech begins") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const bool keep : {false, true}) {
    CAPTURE(keep);
    EngineOptions options = engine_options();
    options.keep_encoder = keep;
    CreateSession::calls = 0;
    Engine engine(faults.api, bundle("gqa"), options);
    CHECK(CreateSession::calls == (keep ? 4 : 3));
    CHECK(engine.memory().encoder_loaded == keep);
    CHECK((engine.model().speech_encoder_facts() != nullptr) == keep);
    const auto voice = std::make_shared<const Voice>(engine.encode_voice(recording(), nullptr));
    CHECK(engine.encode_voice(recording(), nullptr).audio_features == voice->audio_features);
    CHECK(CreateSession::calls == 4);
    CHECK(engine.memory().encoder_loaded);
    CHECK(engine.model().speech_encoder_facts()->level == "all");
    engine.generate({text_ids(), voice, greedy(3)}, nullptr, {});
    CHECK(engine.memory().encoder_loaded == keep);
    CHECK(engine.encode_voice(recording(), nullptr).audio_features == voice->audio_features);
    CHECK(CreateSession::calls == (keep ? 4 : 5));
  }
}

TEST_CASE("a speech encoder that somebody still holds is not loaded twice") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  GatedEngine gated(faults);
  Engine& engine = gated.engine();
  const auto held = engine.model().speech_encoder();
  CreateSession::calls = 0;
  engine.unload_encoder();
  CHECK(engine.memory().encoder_loaded);  // it is
  CHECK(engine.encode_voice(recording(), nullptr).audio_features == gated.voice->audio_features);
  CHECK(CreateSession::calls == 0);
}

TEST_CASE("a prepared speech encoder that cannot be loaded is taken as published") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  EngineOptions options = engine_options();
  options.prepared[static_cast<std::size_t>(Graph::kSpeechEncoder)] =
      bundle("gqa") + "/onnx/embed_tokens.onnx";
  Engine engine(faults.api, bundle("gqa"), options);
  GatedEngine published(faults);
  CHECK(engine.encode_voice(recording(), nullptr).audio_features == published.voice->audio_features);
}

TEST_CASE("speech goes on while the speech encoder is loaded for a voice, and sends it away") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  GatedEngine gated(faults);
  Engine& engine = gated.engine();
  const auto expected = gated.generate(sampled(20));  // which sent the encoder away
  Gate load(1);
  CreateSession::plan = through(load);
  auto voice = std::async(std::launch::async, [&] { return engine.encode_voice(recording(), nullptr); });
  load.wait();
  auto speech = std::async(std::launch::async, [&] { return gated.generate(sampled(20)); });
  auto memory = std::async(std::launch::async, [&] { return engine.memory().encoder_loaded; });
  const bool spoke = speech.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  const bool told = memory.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  load.open();
  CHECK(spoke);
  CHECK(told);
  CHECK_FALSE(memory.get());
  CHECK(speech.get() == expected);
  CHECK(voice.get().audio_features == gated.voice->audio_features);
  CHECK(engine.encode_voice(recording(), nullptr).audio_features == gated.voice->audio_features);
  CHECK(CreateSession::calls == 6);  // four at first, and each voice's
}

TEST_CASE("the speech encoder is unloaded when nobody uses it, and loaded again for the next voice") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  GatedEngine gated(faults);
  Engine& engine = gated.engine();
  const auto expected = gated.generate(sampled(20));
  CreateSession::calls = 0;
  engine.unload_encoder();
  engine.unload_encoder();
  CHECK_FALSE(engine.memory().encoder_loaded);
  CHECK(gated.generate(sampled(20)) == expected);
  CHECK(CreateSession::calls == 0);
  CreateSession::plan = fail_call(1);
  CHECK(refusal([&] { engine.encode_voice(recording(), nullptr); }).kind == ErrorKind::kModel);
  CreateSession::plan = nullptr;
  CHECK(engine.encode_voice(recording(), nullptr).audio_features == gated.voice->audio_features);
  CHECK(CreateSession::calls == 2);
  CHECK(engine.memory().encoder_loaded);

  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        if (engine.encode_voice(recording(), nullptr).audio_features != gated.voice->audio_features) ++wrong;
        engine.unload_encoder();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("memory tells of the cache and the prefixes") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"gqa", "concat"}) {
    CAPTURE(form);
    GatedEngine gated(faults, form, 2);
    CHECK(gated.engine().memory().kv_bytes == 0);
    gated.generate(greedy(5));
    gated.generate(greedy(5));
    const Engine::Memory memory = gated.engine().memory();
    const KvLayout& kv = gated.engine().model().language_model.signature().kv;
    const auto position = static_cast<int64_t>(kv.position_bytes() * kv.past_names.size());
    CHECK(memory.kv_bytes % (256 * position) == 0);
    CHECK(memory.kv_bytes >= 2 * 256 * position);
    CHECK(memory.prefixes.bytes == static_cast<std::size_t>(gated.voice->prefix_length * position));
    CHECK(memory.prefixes.hits == 1);
    CHECK(memory.prefixes.misses == 1);
  }
}

TEST_CASE("a recording without usable samples is refused") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  GatedEngine gated(faults);
  Run::calls = 0;
  const auto refused = [&](const std::vector<float>& samples, const char* why) {
    const Refusal found = refusal([&] { gated.engine().encode_voice(samples, nullptr); });
    CAPTURE(found.text);
    CHECK(found.kind == ErrorKind::kInvalidInput);
    CHECK(found.names(why));
  };
  std::vector<float> damaged = recording();
  damaged[31000] = std::numeric_limits<float>::quiet_NaN();
  refused(damaged, "not finite");
  damaged[31000] = -std::numeric_limits<float>::infinity();
  refused(damaged, "not finite");
  refused({}, "has 0 samples, less than one token (960)");
  refused(std::vector<float>(959), "has 959 samples");
  CHECK(Run::calls == 0);
  std::vector<float> longer = recording();
  longer.resize(longer.size() + 959, 0.5f);  // part of a token at the end is left out
  CHECK(gated.engine().encode_voice(longer, nullptr).audio_features == gated.voice->audio_features);
}

TEST_CASE("tokens to decode: ids that are no codes are left out, those outside the vocabulary refused") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  GatedEngine gated(faults);
  const auto decode = [&](const std::vector<int64_t>& tokens) {
    return gated.engine().decode(tokens, gated.voice, nullptr).samples;
  };
  constexpr std::size_t kToken = 960;
  const auto three = decode({10, 20, 30});
  CHECK(three.size() == (3 + 3) * kToken);  // three of closing silence
  CHECK(decode({6561, 10, 20, 6561, 30, 6562}) == three);
  CHECK(decode({}).size() == 3 * kToken);
  CHECK(decode({10, 20, 31}) != three);
  for (const int64_t token : {int64_t{-1}, int64_t{6563}}) {
    const Refusal found = refusal([&] { decode({1, token}); });
    CHECK(found.kind == ErrorKind::kInvalidInput);
    CHECK(found.names("must lie in [0, 6563), not " + std::to_string(token)));
  }
  const auto damaged = std::make_shared<Voice>(*gated.voice);
  damaged->speaker_embeddings.pop_back();
  CHECK(refusal([&] { gated.engine().decode(std::vector<int64_t>{1}, damaged, nullptr); }).kind ==
        ErrorKind::kInvalidInput);
}

TEST_CASE("a halted engine cancels everything: nothing more runs, and what comes later is refused") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  GatedEngine gated(faults);
  const auto request =
      gated.engine().prepare_stream({text_ids(), gated.voice, greedy(7000)}, StreamOptions(), false);
  gated.engine().submit(request);
  Chunk chunk;
  CHECK(request->next(chunk, {}, {}) == Request::Next::kChunk);
  auto waiting = std::async(std::launch::async, [&] {
    CHECK(refusal([&] { gated.generate(greedy(7000)); }).text == "the engine was halted");
  });
  while (CreateRunOptions::calls < 2) std::this_thread::yield();
  gated.engine().halt();
  const int stopped_at = RunWithBinding::calls;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(RunWithBinding::calls == stopped_at);
  waiting.get();
  CHECK(refusal([&] { request->next(chunk, {}, {}); }).text == "the engine was halted");
  CHECK(refusal([&] { gated.generate(greedy(5)); }).kind == ErrorKind::kClosed);
  gated.engine().halt();
}
