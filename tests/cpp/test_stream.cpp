// Streams of an engine: the tokens and the sound of one shot, cancelled or failed at any point.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine_fixture.hpp"
#include "refusal.hpp"

using namespace loquor;
using namespace loquor::testing;

TEST_CASE("a stream's tokens and samples are those of one shot, however it is cut") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"concat", "gqa"}) {
    CAPTURE(form);
    EngineFixture fixture(faults, form);
    for (const GenerationOptions& options : {greedy(60), sampled(83, 5), sampled(1)}) {
      const Samples expected = fixture.one_shot(options);
      const auto tokens = fixture.engine->generate({text_ids(), fixture.voice, options}, nullptr, {}).ids;
      for (const int32_t first : {0, 1, 7, 1000}) {
        CAPTURE(first);
        StreamOptions stream = chunks_of(first);
        for (const bool adaptive : {false, true}) {
          stream.adaptive = adaptive;
          const auto request = fixture.open(options, stream);
          const Heard heard = read_all(*request);
          CHECK(heard.tokens == tokens);
          CHECK(heard.samples == expected);  // the tiny decoder hears one code at a time
          if (first == 0) CHECK(heard.chunks == 1);
          if (first == 7 && options.max_new_tokens > 1) CHECK(heard.chunks > 1);
          const Report report = request->report();
          CHECK(report.tokens == static_cast<int64_t>(tokens.size()));
          CHECK(report.taken_codes == static_cast<int64_t>(tokens.size()) + 3);
          CHECK(report.taken_samples == static_cast<int64_t>(expected.size()));
          CHECK(report.ended);
          CHECK_FALSE(report.cancelled);
        }
      }
    }
  }
}

TEST_CASE("a fed stream says its tokens as one decode of them would, however they are fed and cut") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  EngineFixture fixture(faults);
  std::vector<int64_t> codes;
  for (int64_t i = 0; i < 90; ++i) codes.push_back((i * i * 31 + 7 * i) % 4000);
  DecodeOptions decode;
  decode.seed = 4;
  Samples expected = fixture.engine->decode(codes, fixture.voice, nullptr, decode).samples;
  expected.resize(codes.size() * 960);  // without the closing silence
  for (const int32_t first : {0, 1, 7, 1000}) {
    for (const std::size_t fed : {std::size_t{1}, std::size_t{13}, codes.size()}) {
      CAPTURE(first);
      CAPTURE(fed);
      const auto request = fixture.engine->prepare_fed(fixture.voice, chunks_of(first), decode);
      fixture.engine->submit(request);
      for (std::size_t at = 0; at < codes.size(); at += fed) {
        request->feed({codes.data() + at, std::min(fed, codes.size() - at)}, false);
      }
      request->feed({}, true);
      const Heard heard = read_all(*request);
      CHECK(heard.tokens == codes);
      CHECK(heard.samples == expected);
      CHECK(request->report().tokens == static_cast<int64_t>(codes.size()));
    }
  }
  CHECK(fixture.one_shot(greedy(5)) == fixture.one_shot(greedy(5)));  // speech goes on beside it
}

TEST_CASE("a fed stream gives what it can before its last tokens, may be cancelled, and refuses more") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  EngineFixture fixture(faults, "gqa", 1);
  const std::vector<int64_t> codes(40, 7);
  const auto waiting = fixture.engine->prepare_fed(fixture.voice, chunks_of(5));
  fixture.engine->submit(waiting);
  waiting->feed(codes, false);
  Chunk chunk;
  REQUIRE(read(*waiting, chunk) == Request::Next::kChunk);
  CHECK(chunk.code_count == 5);
  while (waiting->next(chunk, std::chrono::milliseconds(200), {}) == Request::Next::kChunk) {
  }
  waiting->cancel();
  CHECK(refusal([&] { waiting->next(chunk, {}, {}); }).kind == ErrorKind::kCancelled);
  waiting->feed(codes, false);  // told by next() alone

  const auto nothing = fixture.engine->prepare_fed(fixture.voice, chunks_of(5));
  fixture.engine->submit(nothing);
  nothing->feed({}, true);
  CHECK(read(*nothing, chunk) == Request::Next::kDone);
  CHECK(refusal([&] { nothing->feed(codes, true); }).kind == ErrorKind::kInvalidInput);
  CHECK(refusal([&] { fixture.open(greedy(5), chunks_of(5))->feed(codes, true); }).kind ==
        ErrorKind::kInvalidInput);
  CHECK(refusal([&] { check_codes(std::vector<int64_t>{3, 6561}, 6561); }).kind == ErrorKind::kInvalidInput);
  const std::vector<int64_t> many(Request::kMostFed + 1);
  const auto full = fixture.engine->prepare_fed(fixture.voice, chunks_of(5));
  CHECK(refusal([&] { full->feed(many, false); }).kind == ErrorKind::kBusy);
  const auto open = fixture.engine->prepare_fed(fixture.voice, chunks_of(5));
  fixture.engine->submit(open);
  fixture.engine.reset();  // which cancels those who are never fed
  CHECK(refusal([&] { open->next(chunk, {}, {}); }).kind == ErrorKind::kClosed);
}

TEST_CASE("a cancelled stream ends its reader at once, frees its slot, and tells what was heard") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"concat", "gqa"}) {
    CAPTURE(form);
    EngineFixture fixture(faults, form, 1);
    const auto expected = fixture.one_shot(greedy(20));
    const auto request = fixture.open(greedy(7000), chunks_of(5));
    Chunk chunk;
    REQUIRE(read(*request, chunk) == Request::Next::kChunk);
    REQUIRE(read(*request, chunk) == Request::Next::kChunk);
    std::thread([&] { request->cancel(); }).join();
    CHECK(refusal([&] { request->next(chunk, {}, {}); }).kind == ErrorKind::kCancelled);
    CHECK(refusal([&] { request->next(chunk, {}, {}); }).kind == ErrorKind::kCancelled);
    const Report report = request->report();
    CHECK(report.cancelled);
    CHECK(report.taken_codes == 5 + 7);
    CHECK(report.taken_samples == (5 + 7) * 960);
    CHECK(report.ready_samples == 0);
    CHECK(fixture.one_shot(greedy(20)) == expected);  // in the only slot
  }
}

TEST_CASE("a cancel interrupts the run that is under way: the prompt, a step, a window") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const int run : {2, 9, 0}) {
    CAPTURE(run);
    EngineFixture fixture(faults);
    std::atomic<bool> reached{false};
    std::atomic<bool> let{false};
    const auto wait = [&] {
      reached = true;
      while (!let) std::this_thread::yield();
      return abi::ORT_OK;
    };
    RunWithBinding::calls = 0;
    Run::calls = 0;
    if (run > 0)
      RunWithBinding::plan = [&](auto&&...) { return RunWithBinding::calls == run ? wait() : abi::ORT_OK; };
    if (run == 0) Run::plan = [&](auto&&...) { return Run::calls == 1 ? wait() : abi::ORT_OK; };
    const auto request = fixture.open(greedy(30), chunks_of(run == 0 ? 4 : 20));
    while (!reached) std::this_thread::yield();
    request->cancel();
    Chunk chunk;
    CHECK(refusal([&] { request->next(chunk, {}, {}); }).kind == ErrorKind::kCancelled);
    CHECK_FALSE(request->report().ended);  // the engine is still in that run
    let = true;
    CHECK(refusal([&] { request->wait({}); }).kind == ErrorKind::kCancelled);
    if (run > 0) CHECK(RunWithBinding::calls == run);
    if (run == 0) CHECK(Run::calls == 1);
    RunWithBinding::plan = nullptr;
    Run::plan = nullptr;
    CHECK(fixture.engine->generate({text_ids(), fixture.voice, greedy(5)}, nullptr, {}).ids.size() == 5);
  }
}

TEST_CASE("a reader that leaves: its handle goes, the engine goes on") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  EngineFixture fixture(faults, "gqa", 2);
  for (int i = 0; i < 20; ++i) {
    auto request = fixture.open(greedy(7000), chunks_of(2));
    Chunk chunk;
    if (i % 2 == 0) read(*request, chunk);
    request->cancel();
  }
  CHECK(fixture.engine->generate({text_ids(), fixture.voice, greedy(5)}, nullptr, {}).ids.size() == 5);
}

TEST_CASE("a failure midway reaches the reader behind the chunks that were made, and nobody else") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  EngineFixture fixture(faults);
  Run::plan = [windows = 0](auto*, auto*, const char* const* names, auto&&...) mutable {
    return names[0] == std::string("speech_tokens") && ++windows == 3 ? abi::ORT_FAIL : abi::ORT_OK;
  };
  const auto request = fixture.open(greedy(7000), chunks_of(5));
  Chunk chunk;
  REQUIRE(read(*request, chunk) == Request::Next::kChunk);
  Refusal found{};
  int chunks = 1;
  for (;;) {
    try {
      read(*request, chunk);
      ++chunks;
    } catch (const Error& error) {
      found = {error.kind(), error.what()};
      break;
    }
  }
  CHECK(found.kind == ErrorKind::kExecution);
  CHECK(found.names("conditional_decoder.onnx"));
  Run::plan = nullptr;
  const auto thrown = [&] {
    try {
      read(*request, chunk);
    } catch (...) {
      return std::current_exception();
    }
    return std::exception_ptr();
  };
  const auto one = thrown();
  const auto other = thrown();
  CHECK(one);
  CHECK(one != other);  // each reader's own: no object that the engine's thread has, too
  CHECK(request->report().taken_codes > 0);
  CHECK(fixture.one_shot(greedy(5)).size() == 8 * 960);
}

TEST_CASE("closing an engine ends its streams, whose handles may be read afterwards") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  EngineFixture fixture(faults, "gqa", 1);
  const auto running = fixture.open(greedy(7000), chunks_of(3));
  const auto waiting = fixture.open(greedy(7000), chunks_of(3));
  const auto done = fixture.open(greedy(7000), chunks_of(3));
  done->cancel();
  Chunk chunk;
  read(*running, chunk);
  fixture.engine.reset();
  const Refusal closed = refusal([&] { read(*running, chunk); });
  CHECK(closed.kind == ErrorKind::kClosed);
  CHECK(closed.text == "the engine was closed");
  CHECK(refusal([&] { read(*waiting, chunk); }).text == "the engine was closed");
  CHECK(refusal([&] { read(*done, chunk); }).text == "the request was cancelled");
  running->cancel();
}

TEST_CASE("readiness is told once for what is there and for everything new, and never behind its end") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  EngineFixture fixture(faults);
  std::atomic<int> calls{0};
  const auto ready = [](void* user) { ++*static_cast<std::atomic<int>*>(user); };
  const auto request = fixture.open(greedy(600), chunks_of(10));  // more than is made before the next line
  request->on_ready(ready, &calls);
  Chunk chunk;
  int chunks = 0;
  for (;;) {
    const auto next = request->next(chunk, std::chrono::seconds(0), {});
    if (next == Request::Next::kDone) break;
    if (next == Request::Next::kChunk) ++chunks;
    if (next == Request::Next::kPending) {
      const int before = calls;
      while (calls == before &&
             request->next(chunk, std::chrono::seconds(0), {}) == Request::Next::kPending) {
        std::this_thread::yield();
      }
      break;
    }
  }
  request->wait({});
  CHECK(calls >= 2);
  request->on_ready(nullptr, nullptr);
  const int before = calls;
  request->cancel();
  CHECK(calls == before);
  request->on_ready(ready, &calls);
  CHECK(calls == before + 1);
}
