// Requests beside others: each gives what it gives alone, whoever joins, leaves, is cancelled or fails.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "allocations.hpp"
#include "engine_fixture.hpp"
#include "refusal.hpp"

using namespace loquor;
using namespace loquor::testing;

TEST_CASE("requests beside others give the tokens that each gives alone, on every form") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  struct Setup {
    std::string form;
    bool batching;
  };
  for (const Setup& setup :
       {Setup{"concat", true}, Setup{"mha", true}, Setup{"gqa", true}, Setup{"gqa", false}}) {
    CAPTURE(setup.form);
    CAPTURE(setup.batching);
    EngineFixture fixture(faults, setup.form, 5, 0, setup.batching);
    CHECK(fixture.engine->batched() == (setup.form == "gqa" && setup.batching));
    const auto options = [](int i) {
      return i % 4 == 0 ? greedy(30 + 11 * i) : sampled(20 + 17 * i, uint64_t(i));
    };
    std::vector<std::vector<int64_t>> alone;
    for (int i = 0; i < 12; ++i) {
      alone.push_back(fixture.engine->generate({text_ids(), fixture.voice, options(i)}, nullptr, {}).ids);
    }
    for (int round = 0; round < 3; ++round) {
      std::vector<RequestPtr> together;
      for (int i = 0; i < 12; ++i) together.push_back(fixture.open(options(i), chunks_of(i % 3 * 5)));
      for (int i = 11; i >= 0; --i) CHECK(read_all(*together[size_t(i)]).tokens == alone[size_t(i)]);
    }
  }
}

TEST_CASE("a batched step serves all in one run") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  EngineFixture fixture(faults, "gqa", 4);
  std::atomic<int> most{0};
  fixture.one_shot(greedy(5));
  CreateTensor::plan = [&](auto*, void*, size_t, const int64_t* shape, size_t rank, auto, auto**) {
    if (rank == 3 && shape[2] == 6563) most = std::max(most.load(), int(shape[0]));
    return abi::ORT_OK;
  };
  std::vector<RequestPtr> all;
  for (int i = 0; i < 4; ++i) all.push_back(fixture.open(sampled(200, uint64_t(i)), chunks_of(0)));
  for (const auto& request : all) read_all(*request);
  CHECK(most == 4);
}

TEST_CASE("a cancel ends no step of others") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  EngineFixture fixture(faults);
  const auto expected = fixture.engine->generate({text_ids(), fixture.voice, greedy(300)}, nullptr, {}).ids;
  const auto kept = fixture.open(greedy(300), chunks_of(0));
  std::vector<RequestPtr> others;
  for (int i = 0; i < 3; ++i) others.push_back(fixture.open(greedy(7000), chunks_of(3)));
  Chunk chunk;
  for (const auto& other : others) {
    read(*other, chunk);
    other->cancel();
  }
  CHECK(read_all(*kept).tokens == expected);
}

TEST_CASE("a failed step of several is tried one by one: only who cannot be run fails") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  EngineFixture fixture(faults);
  std::vector<std::vector<int64_t>> expected;
  for (int i = 0; i < 3; ++i) {
    expected.push_back(
        fixture.engine->generate({text_ids(), fixture.voice, sampled(150, uint64_t(i))}, nullptr, {}).ids);
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
  for (int i = 0; i < 3; ++i) together.push_back(fixture.open(sampled(150, uint64_t(i)), chunks_of(0)));
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
  const FaultInjection faults;
  EngineFixture fixture(faults, "gqa", 1, 2);
  const auto running = fixture.open(greedy(7000), chunks_of(3));
  Chunk chunk;
  read(*running, chunk);
  const auto first = fixture.open(greedy(5), chunks_of(0));
  const auto second = fixture.open(greedy(5), chunks_of(0));
  const Refusal busy = refusal([&] { fixture.open(greedy(5), chunks_of(0)); });
  CHECK(busy.kind == ErrorKind::kBusy);
  CHECK(busy.names("2 requests wait already"));
  CHECK(refusal([&] {
          fixture.engine->generate({text_ids(), fixture.voice, greedy(5)}, nullptr, {});
        }).kind == ErrorKind::kBusy);
  first->cancel();
  const auto third = fixture.open(greedy(5), chunks_of(0));
  running->cancel();
  CHECK(read_all(*second).tokens.size() == 5);
  CHECK(read_all(*third).tokens.size() == 5);
}

TEST_CASE("a request longer than the pool makes it grow under those that are under way") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const auto longer = [](const RequestPtr& request) { return request->report().tokens > 0; };
  EngineFixture fixture(faults, "gqa", 3);
  const auto expected = fixture.engine->generate({text_ids(), fixture.voice, greedy(3000)}, nullptr, {}).ids;
  for (const bool memory : {true, false}) {
    CAPTURE(memory);
    EngineFixture fresh(faults, "gqa", 3);
    RequestPtr first;
    RequestPtr second;
    std::atomic<int> begun_beside{-1};
    // The first run of the decoder is that of the first request, at its end.
    Run::plan = [&](auto&&...) {
      if (begun_beside < 0) begun_beside = longer(second) ? 1 : 0;
      return abi::ORT_OK;
    };
    first = fresh.engine->prepare_stream({text_ids(), fresh.voice, greedy(600)}, chunks_of(0), false);
    second = fresh.engine->prepare_stream({text_ids(), fresh.voice, greedy(3000)}, chunks_of(0), false);
    fresh.engine->submit(first);
    while (!longer(first)) std::this_thread::yield();
    if (!memory) fail_allocation(5);  // a step makes none, so that it is one of the larger pool
    fresh.engine->submit(second);
    const auto first_tokens = read_all(*first).tokens;
    CHECK(first_tokens == std::vector<int64_t>(expected.begin(), expected.begin() + 600));
    CHECK(read_all(*second).tokens == expected);
    CHECK(begun_beside == (memory ? 1 : 0));  // without memory it waited for the first to go
    CHECK(fail_allocation(0) <= 0);
    Run::plan = nullptr;
  }
}

TEST_CASE("requests longer and shorter than the pool, all at once") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  EngineFixture fixture(faults, "gqa", 3);
  const auto expected = fixture.engine->generate({text_ids(), fixture.voice, greedy(3000)}, nullptr, {}).ids;
  EngineFixture fresh(faults, "gqa", 3);
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

TEST_CASE("many threads open, read, cancel and leave streams; each ends in sound or Cancelled") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"concat", "gqa"}) {
    EngineFixture fixture(faults, form, 3);
    const auto expected = fixture.one_shot(sampled(25, 3));
    std::atomic<int> whole{0};
    std::atomic<int> cancelled{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 12; ++i) {
          const auto request = fixture.open(sampled(25, 3), chunks_of(1 + (t + i) % 9));
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
