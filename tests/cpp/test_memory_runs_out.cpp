// Memory that runs out on the engine's thread, at each of its allocations in turn: a request fails with an
// error or does without, the engine and the process go on.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "allocations.hpp"
#include "engine_fixture.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

// Everything an engine does, with requests that share its steps; how many of them failed.
int use(EngineFixture& fixture) {
  int failed = 0;
  const auto expect_error = [&](auto work) {
    try {
      work();
    } catch (const Error& error) {
      CHECK((error.kind() == ErrorKind::kInternal || error.kind() == ErrorKind::kExecution));
      CHECK_FALSE(std::string(error.what()).empty());
      ++failed;
    }
  };
  std::vector<RequestPtr> streams;
  for (uint64_t seed = 1; seed < 4; ++seed) streams.push_back(fixture.open(sampled(12, seed), chunks_of(4)));
  fixture.open(sampled(500), chunks_of(4))->cancel();
  for (const RequestPtr& stream : streams) expect_error([&] { read_all(*stream); });
  expect_error([&] { fixture.engine->decode(std::vector<int64_t>{1, 2, 3}, fixture.voice, nullptr); });
  expect_error([&] { fixture.engine->encode_voice(recording(), nullptr); });
  return failed;
}

}  // namespace

TEST_CASE("memory runs out on the engine's thread, at each allocation in turn") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  EngineFixture fixture(faults);
  const Samples expected = fixture.one_shot(greedy(6));
  int failures = 0;
  bool reached = true;
  for (int64_t n = 1; reached; n += n < 150 ? 1 : n / 50) {
    CAPTURE(n);
    fail_allocation(n);
    const int failed = use(fixture);
    reached = fail_allocation(0) <= 0;
    CHECK(failed <= 6);
    failures += failed;
    CHECK(fixture.one_shot(greedy(6)) == expected);
  }
  CHECK(failures > 50);
}
