// What an engine does about speech that runs away.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "decode/monitor.hpp"
#include "engine_fixture.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

constexpr std::size_t kCeiling = 80;  // tokens for a text of one character: 75 and 5

GenerationOptions guarded(GenerationOptions options, Guard guard) {
  options.guards = static_cast<uint32_t>(guard);
  return options;
}

RequestPtr open(const EngineFixture& fixture, const GenerationOptions& options, int32_t first_chunk) {
  RequestPtr request =
      fixture.engine->prepare_stream({text_ids(), fixture.voice, options, 1}, chunks_of(first_chunk), false);
  fixture.engine->submit(request);
  return request;
}

Samples sound(const EngineFixture& fixture, const std::vector<int64_t>& tokens) {
  return fixture.engine->decode(tokens, fixture.voice, nullptr).samples;
}

std::vector<int64_t> plain(const EngineFixture& fixture, const GenerationOptions& options) {
  return fixture.engine->generate({text_ids(), fixture.voice, options}, nullptr, {}).ids;
}

std::vector<int64_t> start_of(std::vector<int64_t> tokens, std::size_t count) {
  tokens.resize(count);
  return tokens;
}

}  // namespace

TEST_CASE("greedy speech that is too long is cut at the ceiling, without a second attempt") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"concat", "gqa"}) {
    CAPTURE(form);
    const EngineFixture fixture(faults, form);
    const auto expected = start_of(plain(fixture, greedy(200)), kCeiling);
    for (const int32_t chunk : {0, 7}) {
      CAPTURE(chunk);
      const auto request = open(fixture, guarded(greedy(200), Guard::kLength), chunk);
      const Heard heard = read_all(*request);
      CHECK(heard.tokens == expected);
      CHECK(heard.samples == sound(fixture, expected));
      const Result& result = request->result();
      CHECK(result.tokens.finish_reason == FinishReason::kGuard);
      CHECK(result.guards == static_cast<uint32_t>(Guard::kLength));
      CHECK(result.attempts == 1);
      CHECK(request->report().tokens == static_cast<int64_t>(kCeiling));
    }
  }
}

TEST_CASE(
    "while nothing was handed out there is a second attempt, and the shorter of two runaways is heard") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const EngineFixture fixture(faults, "misleading");  // never stops
  const GenerationOptions options = guarded(sampled(200, 5), Guard::kLength);
  const auto expected = start_of(plain(fixture, sampled(200, 5)), kCeiling);
  const auto whole = open(fixture, options, 0);
  const Heard heard = read_all(*whole);
  CHECK(heard.tokens == expected);
  CHECK(heard.samples == sound(fixture, expected));
  CHECK(heard.chunks == 1);
  CHECK(whole->result().attempts == 2);
  CHECK(whole->result().seed == 5);
  CHECK(whole->result().tokens.finish_reason == FinishReason::kGuard);

  const auto stream = open(fixture, options, 7);
  const Heard in_chunks = read_all(*stream);
  CHECK(in_chunks.tokens == expected);
  CHECK(in_chunks.samples == sound(fixture, expected));
  CHECK(in_chunks.chunks > 3);
  CHECK(stream->result().attempts == 1);  // the first chunk was out long before

  const auto late = open(fixture, options, 100);
  CHECK(read_all(*late).tokens == expected);
  CHECK(late->result().attempts == 2);
}

TEST_CASE("a second attempt that stops by itself is what the derived seed gives alone") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const EngineFixture fixture(faults, "stopping");
  int healed = 0;
  int healthy = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const auto first = plain(fixture, sampled(300, seed));
    const auto second = plain(fixture, sampled(300, retry_seed(seed)));
    const auto request = open(fixture, guarded(sampled(300, seed), Guard::kLength), 0);
    const Heard heard = read_all(*request);
    const Result& result = request->result();
    if (first.size() <= kCeiling) {
      ++healthy;
      CHECK(heard.tokens == first);
      CHECK(result.guards == 0);
      CHECK(result.attempts == 1);
      CHECK(result.seed == seed);
    } else if (second.size() <= kCeiling) {
      ++healed;
      CHECK(heard.tokens == second);
      CHECK(heard.samples == sound(fixture, second));
      CHECK(result.tokens.finish_reason == FinishReason::kStop);
      CHECK(result.guards == static_cast<uint32_t>(Guard::kLength));
      CHECK(result.attempts == 2);
      CHECK(result.seed == retry_seed(seed));
    }
  }
  CHECK(healthy > 10);
  CHECK(healed > 3);
}

TEST_CASE("speech that repeats itself is cut behind the first copy") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const EngineFixture fixture(faults);
  GenerationOptions options = greedy(400);
  options.repetition_penalty = 0.01F;  // what was said once is said again
  const auto all = plain(fixture, options);
  Monitor monitor(static_cast<uint32_t>(Guard::kLoop), fixture.engine->model().manifest, 0);
  std::size_t keep = 0;
  for (std::size_t i = 0; i < all.size() && keep == 0; ++i) {
    if (const auto found = monitor.push(all[i])) keep = found->keep;
  }
  REQUIRE(keep > 0);
  const auto request = open(fixture, guarded(options, Guard::kLoop), 0);
  const Heard heard = read_all(*request);
  CHECK(heard.tokens == start_of(all, keep));
  CHECK(heard.samples == sound(fixture, heard.tokens));
  CHECK(request->result().guards == static_cast<uint32_t>(Guard::kLoop));
}

TEST_CASE("a second attempt joins the others' steps, and nobody's tokens change") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const EngineFixture fixture(faults, "gqa", 2);
  REQUIRE(fixture.engine->batched());
  std::vector<std::vector<int64_t>> expected;
  std::vector<RequestPtr> requests;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    expected.push_back(plain(fixture, sampled(200, seed)));
    const bool runs_away = seed % 2 == 0;
    requests.push_back(
        open(fixture, runs_away ? guarded(sampled(200, seed), Guard::kLength) : sampled(200, seed), 0));
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Heard heard = read_all(*requests[i]);
    if (i % 2 == 0) CHECK(requests[i]->result().attempts == 2);
    CHECK(heard.tokens == (i % 2 == 0 ? start_of(expected[i], kCeiling) : expected[i]));
  }
}

TEST_CASE("a cancel or a failure in the second attempt ends the request as in the first") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const EngineFixture fixture(faults, "misleading", 1);
  const GenerationOptions options = guarded(sampled(300, 1), Guard::kLength);
  // The 200th run of a graph: table and model take turns, the first attempt has 81 of each.
  RunWithBinding::plan = fail_call(200);
  const auto failing = open(fixture, options, 0);
  Chunk chunk;
  CHECK_THROWS_AS(static_cast<void>(read(*failing, chunk)), Error);
  RunWithBinding::plan = nullptr;

  RequestPtr cancelled;
  RunWithBinding::plan = [&, calls = 0](auto&&...) mutable {
    if (++calls == 200) cancelled->cancel();
    return abi::ORT_OK;
  };
  cancelled = fixture.engine->prepare_stream({text_ids(), fixture.voice, options, 1}, chunks_of(0), false);
  fixture.engine->submit(cancelled);
  CHECK_THROWS_AS(static_cast<void>(read(*cancelled, chunk)), Error);
  RunWithBinding::plan = nullptr;
  CHECK(plain(fixture, sampled(5)).size() == 5);
}
