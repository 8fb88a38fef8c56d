// What runs needed of memory is given back once nothing more is asked for, and not between requests.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "gated_engine.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

Engine open(const FaultInjection& faults, std::chrono::milliseconds quiet) {
  EngineOptions options = engine_options();
  options.quiet = quiet;
  return Engine(faults.api, bundle("gqa"), options);
}

std::shared_ptr<const Voice> voice_of(Engine& engine) {
  return std::make_shared<const Voice>(engine.encode_voice(recording(), nullptr));
}

std::vector<int64_t> codes(int64_t count) {
  std::vector<int64_t> made;
  for (int64_t i = 0; i < count; ++i) made.push_back(i * 37 % 6000);
  return made;
}

// What the arenas hold when they hold no more than this; fails behind a minute.
int64_t arenas_below(const Engine& engine, int64_t most) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (engine.memory().arena_bytes > most && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return engine.memory().arena_bytes;
}

}  // namespace

TEST_CASE("an engine that is left alone gives back what a long decode took, and decodes the same again") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Engine engine = open(faults, std::chrono::milliseconds(20));
  const auto voice = voice_of(engine);
  engine.decode(codes(3), voice, nullptr);
  const int64_t small = engine.memory().arena_bytes;
  const auto first = engine.decode(codes(1500), voice, nullptr).samples;
  CHECK(arenas_below(engine, small) <= small);
  CHECK(engine.decode(codes(1500), voice, nullptr).samples == first);
  CHECK(arenas_below(engine, small) <= small);
  // Once, not again and again: nothing ran since.
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  do {
    Run::calls = 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  } while (Run::calls > 0 && std::chrono::steady_clock::now() < until);
  CHECK(Run::calls == 0);
}

TEST_CASE("requests in a row find the memory of the one before") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  Engine engine = open(faults, std::chrono::minutes(10));
  const auto voice = voice_of(engine);
  engine.decode(codes(1500), voice, nullptr);
  const int64_t large = engine.memory().arena_bytes;
  Run::calls = 0;
  engine.decode(codes(3), voice, nullptr);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(Run::calls == 1);
  CHECK(engine.memory().arena_bytes == large);
}

TEST_CASE("memory that cannot be given back costs nobody anything") {
  if (!have_bundles()) return;
  std::atomic<bool> opened{false};
  std::atomic<int> failed{0};
  const FaultInjection faults;
  // The engine's thread makes run options for this alone. The plan stands before there is any such thread,
  // and spares the threads that probe the graphs while the engine opens.
  CreateRunOptions::plan = [&](auto&&...) {
    if (!opened || std::this_thread::get_id() == faults.made_on) return abi::ORT_OK;
    ++failed;
    return abi::ORT_FAIL;
  };
  Engine engine = open(faults, std::chrono::milliseconds(1));
  opened = true;
  const auto voice = voice_of(engine);
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (failed == 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  CHECK(failed > 0);
  CHECK_FALSE(engine.decode(codes(3), voice, nullptr).samples.empty());
}
