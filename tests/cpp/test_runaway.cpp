// What an engine does about speech that runs away.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "decode/watch.hpp"
#include "hall.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

constexpr std::size_t kCeiling = 80;  // tokens for a text of one character: 75 and 5

GenerationOptions guarded(GenerationOptions options, Guard guard) {
  options.guards = static_cast<uint32_t>(guard);
  return options;
}

RequestPtr open(const Hall& hall, const GenerationOptions& options, int32_t first_chunk) {
  RequestPtr request =
      hall.engine->prepare_stream({text_ids(), hall.voice, options, 1}, chunks_of(first_chunk), false);
  hall.engine->submit(request);
  return request;
}

Samples sound(const Hall& hall, const std::vector<int64_t>& tokens) {
  return hall.engine->decode(tokens, hall.voice, nullptr).samples;
}

std::vector<int64_t> plain(const Hall& hall, const GenerationOptions& options) {
  return hall.engine->generate({text_ids(), hall.voice, options}, nullptr, {}).ids;
}

std::vector<int64_t> start_of(std::vector<int64_t> tokens, std::size_t count) {
  tokens.resize(count);
  return tokens;
}

}  // namespace

TEST_CASE("greedy speech that is too long is cut at the ceiling, without a second attempt") {
  if (!have_bundles()) return;
  const Shim shim;
  for (const std::string form : {"concat", "gqa"}) {
    CAPTURE(form);
    const Hall hall(shim, form);
    const auto expected = start_of(plain(hall, greedy(200)), kCeiling);
    for (const int32_t chunk : {0, 7}) {
      CAPTURE(chunk);
      const auto request = open(hall, guarded(greedy(200), Guard::kLength), chunk);
      const Heard heard = read_all(*request);
      CHECK(heard.tokens == expected);
      CHECK(heard.samples == sound(hall, expected));
      const Outcome& outcome = request->outcome();
      CHECK(outcome.tokens.finish_reason == FinishReason::kGuard);
      CHECK(outcome.guards == static_cast<uint32_t>(Guard::kLength));
      CHECK(outcome.attempts == 1);
      CHECK(request->report().tokens == static_cast<int64_t>(kCeiling));
    }
  }
}

TEST_CASE(
    "while nothing was handed out there is a second attempt, and the shorter of two runaways is heard") {
  if (!have_bundles()) return;
  const Shim shim;
  const Hall hall(shim, "misleading");  // never stops
  const GenerationOptions options = guarded(sampled(200, 5), Guard::kLength);
  const auto expected = start_of(plain(hall, sampled(200, 5)), kCeiling);
  const auto whole = open(hall, options, 0);
  const Heard heard = read_all(*whole);
  CHECK(heard.tokens == expected);
  CHECK(heard.samples == sound(hall, expected));
  CHECK(heard.chunks == 1);
  CHECK(whole->outcome().attempts == 2);
  CHECK(whole->outcome().seed == 5);
  CHECK(whole->outcome().tokens.finish_reason == FinishReason::kGuard);

  const auto stream = open(hall, options, 7);
  const Heard in_chunks = read_all(*stream);
  CHECK(in_chunks.tokens == expected);
  CHECK(in_chunks.samples == sound(hall, expected));
  CHECK(in_chunks.chunks > 3);
  CHECK(stream->outcome().attempts == 1);  // the first chunk was out long before

  const auto late = open(hall, options, 100);
  CHECK(read_all(*late).tokens == expected);
  CHECK(late->outcome().attempts == 2);
}

TEST_CASE("a second attempt that stops by itself is what the derived seed gives alone") {
  if (!have_bundles()) return;
  const Shim shim;
  const Hall hall(shim, "stopping");
  int healed = 0;
  int healthy = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const auto first = plain(hall, sampled(300, seed));
    const auto second = plain(hall, sampled(300, retry_seed(seed)));
    const auto request = open(hall, guarded(sampled(300, seed), Guard::kLength), 0);
    const Heard heard = read_all(*request);
    const Outcome& outcome = request->outcome();
    if (first.size() <= kCeiling) {
      ++healthy;
      CHECK(heard.tokens == first);
      CHECK(outcome.guards == 0);
      CHECK(outcome.attempts == 1);
      CHECK(outcome.seed == seed);
    } else if (second.size() <= kCeiling) {
      ++healed;
      CHECK(heard.tokens == second);
      CHECK(heard.samples == sound(hall, second));
      CHECK(outcome.tokens.finish_reason == FinishReason::kStop);
      CHECK(outcome.guards == static_cast<uint32_t>(Guard::kLength));
      CHECK(outcome.attempts == 2);
      CHECK(outcome.seed == retry_seed(seed));
    }
  }
  CHECK(healthy > 10);
  CHECK(healed > 3);
}

TEST_CASE("speech that repeats itself is cut behind the first copy") {
  if (!have_bundles()) return;
  const Shim shim;
  const Hall hall(shim);
  GenerationOptions options = greedy(400);
  options.repetition_penalty = 0.01F;  // what was said once is said again
  const auto all = plain(hall, options);
  Watch watch(static_cast<uint32_t>(Guard::kLoop), hall.engine->model().manifest, 0);
  std::size_t keep = 0;
  for (std::size_t i = 0; i < all.size() && keep == 0; ++i) {
    if (const auto found = watch.push(all[i])) keep = found->keep;
  }
  REQUIRE(keep > 0);
  const auto request = open(hall, guarded(options, Guard::kLoop), 0);
  const Heard heard = read_all(*request);
  CHECK(heard.tokens == start_of(all, keep));
  CHECK(heard.samples == sound(hall, heard.tokens));
  CHECK(request->outcome().guards == static_cast<uint32_t>(Guard::kLoop));
}

TEST_CASE("a second attempt joins the others' steps, and nobody's tokens change") {
  if (!have_bundles()) return;
  const Shim shim;
  const Hall hall(shim, "gqa", 2);
  REQUIRE(hall.engine->batched());
  std::vector<std::vector<int64_t>> expected;
  std::vector<RequestPtr> requests;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    expected.push_back(plain(hall, sampled(200, seed)));
    const bool runs_away = seed % 2 == 0;
    requests.push_back(
        open(hall, runs_away ? guarded(sampled(200, seed), Guard::kLength) : sampled(200, seed), 0));
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Heard heard = read_all(*requests[i]);
    if (i % 2 == 0) CHECK(requests[i]->outcome().attempts == 2);
    CHECK(heard.tokens == (i % 2 == 0 ? start_of(expected[i], kCeiling) : expected[i]));
  }
}

TEST_CASE("a cancel or a failure in the second attempt ends the request as in the first") {
  if (!have_bundles()) return;
  const Shim shim;
  const Hall hall(shim, "misleading", 1);
  const GenerationOptions options = guarded(sampled(300, 1), Guard::kLength);
  // The 200th run of a graph: table and model take turns, the first attempt has 81 of each.
  RunWithBinding::plan = fail_call(200);
  const auto failing = open(hall, options, 0);
  Chunk chunk;
  CHECK_THROWS_AS(static_cast<void>(read(*failing, chunk)), Error);
  RunWithBinding::plan = nullptr;

  RequestPtr cancelled;
  RunWithBinding::plan = [&, calls = 0](auto&&...) mutable {
    if (++calls == 200) cancelled->cancel();
    return abi::ORT_OK;
  };
  cancelled = hall.engine->prepare_stream({text_ids(), hall.voice, options, 1}, chunks_of(0), false);
  hall.engine->submit(cancelled);
  CHECK_THROWS_AS(static_cast<void>(read(*cancelled, chunk)), Error);
  RunWithBinding::plan = nullptr;
  CHECK(plain(hall, sampled(5)).size() == 5);
}
