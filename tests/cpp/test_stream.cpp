// Streams of an engine: the tokens and the sound of one shot, cancelled or failed at any point, one beside
// others.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bundle.hpp"
#include "engine/engine.hpp"
#include "refusal.hpp"
#include "shim.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

using Samples = std::vector<float>;

StreamOptions chunks_of(int32_t first) {
  StreamOptions options;
  options.first_chunk = first;
  options.left_context = 5;
  return options;
}

// What a reader got from a stream that it read to its end.
struct Heard {
  Samples samples;
  std::vector<int64_t> tokens;
  int chunks = 0;
};

class Hall {
 public:
  explicit Hall(const Shim& shim, const std::string& form = "gqa", int32_t slots = 4, int32_t max_queue = 0,
                bool batching = true) {
    EngineOptions options = engine_options();
    options.limits = {slots, max_queue};
    options.batching = batching;
    engine = std::make_unique<Engine>(shim.api, bundle(form), options);
    voice = std::make_shared<const Voice>(engine->encode_voice(recording(), nullptr));
  }

  RequestPtr open(const GenerationOptions& options, const StreamOptions& stream) const {
    RequestPtr request = engine->prepare_stream({text_ids(), voice, options}, stream, false);
    engine->submit(request);
    return request;
  }
  Samples one_shot(const GenerationOptions& options) const {
    return engine->decode(engine->generate({text_ids(), voice, options}, nullptr, {}).ids, voice, nullptr)
        .samples;
  }

  std::unique_ptr<Engine> engine;
  std::shared_ptr<const Voice> voice;
};

Request::Next read(Request& request, Chunk& chunk) {
  const auto next = request.next(chunk, std::chrono::minutes(1), {});
  if (next == Request::Next::kPending) FAIL("nothing came for a minute");
  return next;
}

Heard read_all(Request& request) {
  Heard heard;
  Chunk chunk;
  while (read(request, chunk) == Request::Next::kChunk) {
    CHECK(chunk.first_code * 960 == static_cast<int64_t>(heard.samples.size()));
    CHECK(chunk.code_count * 960 == static_cast<int64_t>(chunk.samples.size()));
    heard.samples.insert(heard.samples.end(), chunk.samples.begin(), chunk.samples.end());
    ++heard.chunks;
  }
  heard.tokens = request.outcome().tokens.ids;
  return heard;
}

}  // namespace

TEST_CASE("a stream's tokens and samples are those of one shot, however it is cut") {
  if (!have_bundles()) return;
  const Shim shim;
  for (const std::string form : {"concat", "gqa"}) {
    CAPTURE(form);
    Hall hall(shim, form);
    for (const GenerationOptions& options : {greedy(60), sampled(83, 5), sampled(1)}) {
      const Samples expected = hall.one_shot(options);
      const auto tokens = hall.engine->generate({text_ids(), hall.voice, options}, nullptr, {}).ids;
      for (const int32_t first : {0, 1, 7, 1000}) {
        CAPTURE(first);
        StreamOptions stream = chunks_of(first);
        for (const bool adaptive : {false, true}) {
          stream.adaptive = adaptive;
          const auto request = hall.open(options, stream);
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

TEST_CASE("requests beside others give the tokens that each gives alone, on every form") {
  if (!have_bundles()) return;
  const Shim shim;
  struct Setup {
    std::string form;
    bool batching;
  };
  for (const Setup& setup :
       {Setup{"concat", true}, Setup{"mha", true}, Setup{"gqa", true}, Setup{"gqa", false}}) {
    CAPTURE(setup.form);
    CAPTURE(setup.batching);
    Hall hall(shim, setup.form, 5, 0, setup.batching);
    CHECK(hall.engine->batched() == (setup.form == "gqa" && setup.batching));
    const auto options = [](int i) {
      return i % 4 == 0 ? greedy(30 + 11 * i) : sampled(20 + 17 * i, uint64_t(i));
    };
    std::vector<std::vector<int64_t>> alone;
    for (int i = 0; i < 12; ++i) {
      alone.push_back(hall.engine->generate({text_ids(), hall.voice, options(i)}, nullptr, {}).ids);
    }
    for (int round = 0; round < 3; ++round) {
      std::vector<RequestPtr> together;
      for (int i = 0; i < 12; ++i) together.push_back(hall.open(options(i), chunks_of(i % 3 * 5)));
      for (int i = 11; i >= 0; --i) CHECK(read_all(*together[size_t(i)]).tokens == alone[size_t(i)]);
    }
  }
}

TEST_CASE("a batched step serves all in one run") {
  if (!have_bundles()) return;
  const Shim shim;
  Hall hall(shim, "gqa", 4);
  std::atomic<int> most{0};
  hall.one_shot(greedy(5));
  CreateTensor::plan = [&](auto*, void*, size_t, const int64_t* shape, size_t rank, auto, auto**) {
    if (rank == 3 && shape[2] == 6563) most = std::max(most.load(), int(shape[0]));
    return abi::ORT_OK;
  };
  std::vector<RequestPtr> all;
  for (int i = 0; i < 4; ++i) all.push_back(hall.open(sampled(200, uint64_t(i)), chunks_of(0)));
  for (const auto& request : all) read_all(*request);
  CHECK(most == 4);
}

TEST_CASE("a cancelled stream ends its reader at once, frees its slot, and tells what was heard") {
  if (!have_bundles()) return;
  const Shim shim;
  for (const std::string form : {"concat", "gqa"}) {
    CAPTURE(form);
    Hall hall(shim, form, 1);
    const auto expected = hall.one_shot(greedy(20));
    const auto request = hall.open(greedy(7000), chunks_of(5));
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
    CHECK(hall.one_shot(greedy(20)) == expected);  // in the only slot
  }
}

TEST_CASE("a cancel interrupts the run that is under way: the prompt, a step, a window") {
  if (!have_bundles()) return;
  const Shim shim;
  for (const int run : {2, 9, 0}) {
    CAPTURE(run);
    Hall hall(shim);
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
    const auto request = hall.open(greedy(30), chunks_of(run == 0 ? 4 : 20));
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
    CHECK(hall.engine->generate({text_ids(), hall.voice, greedy(5)}, nullptr, {}).ids.size() == 5);
  }
}

TEST_CASE("a cancel ends no step of others") {
  if (!have_bundles()) return;
  const Shim shim;
  Hall hall(shim);
  const auto expected = hall.engine->generate({text_ids(), hall.voice, greedy(300)}, nullptr, {}).ids;
  const auto kept = hall.open(greedy(300), chunks_of(0));
  std::vector<RequestPtr> others;
  for (int i = 0; i < 3; ++i) others.push_back(hall.open(greedy(7000), chunks_of(3)));
  Chunk chunk;
  for (const auto& other : others) {
    read(*other, chunk);
    other->cancel();
  }
  CHECK(read_all(*kept).tokens == expected);
}

TEST_CASE("a reader that leaves: its handle goes, the engine goes on") {
  if (!have_bundles()) return;
  const Shim shim;
  Hall hall(shim, "gqa", 2);
  for (int i = 0; i < 20; ++i) {
    auto request = hall.open(greedy(7000), chunks_of(2));
    Chunk chunk;
    if (i % 2 == 0) read(*request, chunk);
    request->cancel();
  }
  CHECK(hall.engine->generate({text_ids(), hall.voice, greedy(5)}, nullptr, {}).ids.size() == 5);
}

TEST_CASE("a failure midway reaches the reader behind the chunks that were made, and nobody else") {
  if (!have_bundles()) return;
  const Shim shim;
  Hall hall(shim);
  const auto request = hall.open(greedy(7000), chunks_of(5));
  Chunk chunk;
  REQUIRE(read(*request, chunk) == Request::Next::kChunk);
  Run::plan = fail_call(1);  // the decoder
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
  CHECK(request->report().taken_codes > 0);
  CHECK(hall.one_shot(greedy(5)).size() == 8 * 960);
}

TEST_CASE("a failed step of several is tried one by one: only who cannot be run fails") {
  if (!have_bundles()) return;
  const Shim shim;
  Hall hall(shim);
  std::vector<std::vector<int64_t>> expected;
  for (int i = 0; i < 3; ++i) {
    expected.push_back(
        hall.engine->generate({text_ids(), hall.voice, sampled(150, uint64_t(i))}, nullptr, {}).ids);
  }
  std::atomic<bool> several{false};
  std::atomic<int> failures{0};
  CreateTensor::plan = [&](auto*, void*, size_t, const int64_t* shape, size_t rank, auto, auto**) {
    if (rank == 3 && shape[2] == 6563) several = shape[0] == 3;
    return abi::ORT_OK;
  };
  // Fails the first step of three, and the second of the single ones that then follow.
  RunWithBinding::plan = [&, singles = 0](auto&&...) mutable {
    if (several && failures == 0) return ++failures, abi::ORT_FAIL;
    if (failures == 1 && !several && ++singles == 4)
      return ++failures, abi::ORT_FAIL;  // table, model, table, model
    return abi::ORT_OK;
  };
  std::vector<RequestPtr> together;
  for (int i = 0; i < 3; ++i) together.push_back(hall.open(sampled(150, uint64_t(i)), chunks_of(0)));
  int failed = 0;
  for (size_t i = 0; i < 3; ++i) {
    try {
      const auto tokens = read_all(*together[i]).tokens;
      CHECK(tokens == expected[i]);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::kExecution);
      ++failed;
    }
  }
  CHECK(failures == 2);
  CHECK(failed == 1);
}

TEST_CASE("more requests than may wait are refused as busy, cancelled ones make room") {
  if (!have_bundles()) return;
  const Shim shim;
  Hall hall(shim, "gqa", 1, 2);
  const auto running = hall.open(greedy(7000), chunks_of(3));
  Chunk chunk;
  read(*running, chunk);
  const auto first = hall.open(greedy(5), chunks_of(0));
  const auto second = hall.open(greedy(5), chunks_of(0));
  const Refusal busy = refusal([&] { hall.open(greedy(5), chunks_of(0)); });
  CHECK(busy.kind == ErrorKind::kBusy);
  CHECK(busy.names("2 requests wait already"));
  CHECK(refusal([&] { hall.engine->generate({text_ids(), hall.voice, greedy(5)}, nullptr, {}); }).kind ==
        ErrorKind::kBusy);
  first->cancel();
  const auto third = hall.open(greedy(5), chunks_of(0));
  running->cancel();
  CHECK(read_all(*second).tokens.size() == 5);
  CHECK(read_all(*third).tokens.size() == 5);
}

TEST_CASE("a request longer than the pool waits until it can grow, and those behind it are served") {
  if (!have_bundles()) return;
  const Shim shim;
  Hall hall(shim, "gqa", 3);
  const auto expected = hall.engine->generate({text_ids(), hall.voice, greedy(3000)}, nullptr, {}).ids;
  Hall fresh(shim, "gqa", 3);
  std::vector<RequestPtr> all;
  all.push_back(fresh.open(greedy(200), chunks_of(0)));
  all.push_back(fresh.open(greedy(3000), chunks_of(0)));
  all.push_back(fresh.open(greedy(100), chunks_of(0)));
  const auto ids_of = [](const std::vector<int64_t>& ids, size_t count) {
    return std::vector<int64_t>(ids.begin(), ids.begin() + std::ptrdiff_t(count));
  };
  CHECK(read_all(*all[0]).tokens == ids_of(expected, 200));
  CHECK(read_all(*all[1]).tokens == expected);
  CHECK(read_all(*all[2]).tokens == ids_of(expected, 100));
}

TEST_CASE("closing an engine ends its streams, whose handles may be read afterwards") {
  if (!have_bundles()) return;
  const Shim shim;
  Hall hall(shim, "gqa", 1);
  const auto running = hall.open(greedy(7000), chunks_of(3));
  const auto waiting = hall.open(greedy(7000), chunks_of(3));
  const auto done = hall.open(greedy(7000), chunks_of(3));
  done->cancel();
  Chunk chunk;
  read(*running, chunk);
  hall.engine.reset();
  const Refusal closed = refusal([&] { read(*running, chunk); });
  CHECK(closed.kind == ErrorKind::kCancelled);
  CHECK(closed.text == "the engine was closed");
  CHECK(refusal([&] { read(*waiting, chunk); }).text == "the engine was closed");
  CHECK(refusal([&] { read(*done, chunk); }).text == "the request was cancelled");
  running->cancel();
}

TEST_CASE("readiness is told once for what is there and for everything new, and never behind its end") {
  if (!have_bundles()) return;
  const Shim shim;
  Hall hall(shim);
  std::atomic<int> calls{0};
  const auto ready = [](void* user) { ++*static_cast<std::atomic<int>*>(user); };
  const auto request = hall.open(greedy(60), chunks_of(10));
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

TEST_CASE("many threads open, read, cancel and leave streams; each ends in sound or Cancelled") {
  if (!have_bundles()) return;
  const Shim shim;
  for (const std::string form : {"concat", "gqa"}) {
    Hall hall(shim, form, 3);
    const auto expected = hall.one_shot(sampled(25, 3));
    std::atomic<int> whole{0};
    std::atomic<int> cancelled{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 12; ++i) {
          const auto request = hall.open(sampled(25, 3), chunks_of(1 + (t + i) % 9));
          std::thread canceller;
          if ((t * 7 + i) % 3 == 0) canceller = std::thread([&] { request->cancel(); });
          try {
            const Samples samples = read_all(*request).samples;
            CHECK(samples == expected);
            ++whole;
          } catch (const Error& error) {
            CHECK(error.kind() == ErrorKind::kCancelled);
            ++cancelled;
          }
          if (canceller.joinable()) canceller.join();
        }
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(whole + cancelled == 8 * 12);
    CHECK(whole >= 8 * 8);
  }
}
