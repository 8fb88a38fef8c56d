// With `realtime` speech begins only where it can be kept up with: here a decoder that is slower than
// playback.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "engine_fixture.hpp"
#include "refusal.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

StreamOptions short_chunks() {
  StreamOptions options = chunks_of(5);
  options.growth = 1;
  options.max_chunk = 5;
  return options;
}

}  // namespace

TEST_CASE("a stream that could not be kept up with waits until the one before has ended") {
  if (!have_bundles()) return;
  std::atomic<bool> slow{true};
  const FaultInjection faults;
  EngineFixture fixture(faults);
  EngineOptions options = engine_options();
  options.slots = 4;
  options.realtime = true;
  options.max_queue = 2;
  fixture.engine = std::make_unique<Engine>(faults.api, bundle("gqa"), options);
  Run::plan = [&slow](auto*, auto*, const char* const* names, auto&&...) {
    if (slow && names[0] == std::string("speech_tokens"))
      std::this_thread::sleep_for(std::chrono::milliseconds(250));
    return abi::ORT_OK;
  };
  const RequestPtr first = fixture.open(sampled(15, 3), short_chunks());
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (first->report().tokens == 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  const RequestPtr second = fixture.open(sampled(10, 4), short_chunks());
  const RequestPtr third = fixture.open(sampled(10, 5), short_chunks());
  CHECK(refusal([&] { fixture.open(sampled(10, 6), short_chunks()); }).kind == ErrorKind::kBusy);
  Chunk chunk;
  for (int i = 0; i < 2; ++i) {  // its first chunk tells what a window takes
    REQUIRE(read(*first, chunk) == Request::Next::kChunk);
    CHECK_FALSE(first->report().ended);
    CHECK(second->report().tokens == 0);
  }
  second->cancel();
  CHECK(refusal([&] { read(*second, chunk); }).kind == ErrorKind::kCancelled);
  CHECK(third->report().tokens == 0);
  slow = false;  // the plan itself is read on the lane
  while (read(*first, chunk) == Request::Next::kChunk) {
  }
  CHECK(read_all(*third).tokens.size() == 10);
}
