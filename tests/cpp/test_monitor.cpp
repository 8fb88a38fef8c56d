// All guards together, on made-up tokens and waves.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "allocations.hpp"
#include "decode/monitor.hpp"
#include "refusal.hpp"

using loquor::families;
using loquor::Guard;
using loquor::kAllGuards;
using loquor::Manifest;
using loquor::Monitor;
using loquor::retry_seed;
using loquor::spoken_characters;

namespace {

constexpr int64_t kSilence = 4299;

uint32_t bit(Guard guard) { return static_cast<uint32_t>(guard); }

// Tokens that never repeat in a pattern.
int64_t healthy(int at) { return (static_cast<int64_t>(at) * at * 31 + 7 * at) % 4000; }

struct Trip {
  int at;  // tokens, or chunks, when it tripped
  Guard guard;
  std::size_t keep;
};

template <class Token>
std::optional<Trip> first_trip(Monitor& monitor, int count, Token token) {
  for (int at = 0; at < count; ++at) {
    if (const auto found = monitor.push(token(at))) return Trip{at + 1, found->guard, found->keep};
  }
  return std::nullopt;
}

std::vector<float> hum(double seconds) {
  std::vector<float> wave(static_cast<std::size_t>(seconds * 24000));
  for (std::size_t i = 0; i < wave.size(); ++i) {
    const double t = static_cast<double>(i) / 24000;
    wave[i] = static_cast<float>(0.2 * (1.2 + std::sin(18 * t)) * std::sin(900 * t));
  }
  return wave;
}

std::vector<float> noise(double seconds) {
  std::mt19937 random(5);
  std::normal_distribution<float> level(0.0F, 0.05F);
  std::vector<float> wave(static_cast<std::size_t>(seconds * 24000));
  for (float& sample : wave) sample = level(random);
  return wave;
}

}  // namespace

TEST_CASE("a text's size goes by the time it takes to say") {
  CHECK(spoken_characters("") == 0);
  CHECK(spoken_characters("two words") == 9);
  CHECK(spoken_characters("Hi, you.") == 3 + 1 + 2 + 1 + 3 + 2);
  CHECK(spoken_characters("USA") == 9);
  CHECK(spoken_characters("7%") == 24);
  CHECK(spoken_characters("[sigh]") == 28);
  CHECK(spoken_characters("\xC3\xA9\xE4\xBD\xA0") == 8);  // an accent and a character of Chinese
  CHECK(spoken_characters("\x80\xFF\xC3") == 8);          // no UTF-8, and no harm
}

TEST_CASE("slow speech as it was measured elsewhere stays below half the ceiling, digits read as words too") {
  const auto slow = [](std::size_t characters) { return 2.4 * static_cast<double>(characters) + 20; };
  for (std::size_t letters = 1; letters <= 350; ++letters) {
    const auto ceiling = loquor::token_ceiling(spoken_characters(std::string(letters, 'a')));
    CHECK(slow(letters) < 0.5 * static_cast<double>(ceiling));
  }
  const std::string said =
      "one billion seven hundred seventy-seven million seven hundred seventy-seven thousand seven hundred "
      "seventy-seven";
  CHECK(slow(said.size()) <
        0.5 * static_cast<double>(loquor::token_ceiling(spoken_characters("1,777,777,777"))));
}

TEST_CASE("nothing healthy trips a guard") {
  Monitor monitor(kAllGuards, Manifest(families()[0]), 200);
  CHECK_FALSE(first_trip(monitor, 1000, healthy));
  CHECK_FALSE(monitor.hear(hum(3)));
  CHECK_FALSE(monitor.hear(hum(0.02)));
}

TEST_CASE("each guard finds its own runaway, says what to keep, and can be off") {
  const Manifest manifest(families()[0]);
  const auto loop = [](int at) { return at < 30 ? healthy(at) : healthy(30 + at % 20); };
  const auto silent = [](int at) { return at < 30 ? healthy(at) : kSilence; };
  const auto long_one = [](int at) { return healthy(at); };

  Monitor monitor(kAllGuards, manifest, 10);
  auto found = first_trip(monitor, 200, loop);
  REQUIRE(found);
  CHECK(found->guard == Guard::kLoop);
  CHECK(found->at < 30 + 3 * 20 + 1);
  CHECK(found->keep == static_cast<std::size_t>(found->at) - 40);  // one copy of three

  monitor.reset();
  found = first_trip(monitor, 200, silent);
  REQUIRE(found);
  CHECK(found->guard == Guard::kSilence);
  CHECK(found->at == 30 + 51);
  CHECK(found->keep == 35);

  monitor.reset();
  found = first_trip(monitor, 200, long_one);
  REQUIRE(found);
  CHECK(found->guard == Guard::kLength);
  CHECK(found->at == 126);
  CHECK(found->keep == 125);

  Monitor no_loop(kAllGuards - bit(Guard::kLoop), manifest, 0);
  CHECK_FALSE(first_trip(no_loop, 200, loop));
  Monitor no_silence(kAllGuards - bit(Guard::kSilence), manifest, 0);
  CHECK_FALSE(first_trip(no_silence, 200, silent));
  Monitor no_length(kAllGuards - bit(Guard::kLength), manifest, 10);
  CHECK_FALSE(first_trip(no_length, 200, long_one));
  Monitor no_text(kAllGuards, manifest, 0);
  CHECK_FALSE(first_trip(no_text, 200, long_one));
}

TEST_CASE("the bundle's numbers count") {
  Manifest manifest(families()[0]);
  manifest.guard_limits.length = {1.0, 3};
  manifest.guard_limits.pause_tokens = 1;
  Monitor monitor(kAllGuards, manifest, 10);
  CHECK(first_trip(monitor, 100, healthy)->at == 14);
  monitor.reset();
  const auto found = first_trip(monitor, 100, [](int at) { return at < 2 ? healthy(at) : kSilence; });
  REQUIRE(found);
  CHECK(found->at == 4);
  CHECK(found->keep == 4);  // no more than there is
}

TEST_CASE("a tail is found where it begins, however the wave is cut into chunks") {
  for (const std::size_t chunk : {std::size_t{960}, std::size_t{9000}, std::size_t{1000000}}) {
    CAPTURE(chunk);
    for (const double before : {0.8, 7.0}) {
      std::vector<float> wave = hum(before);
      const std::vector<float> hiss = noise(3);
      wave.insert(wave.end(), hiss.begin(), hiss.end());
      Monitor monitor(kAllGuards, Manifest(families()[0]), 0);
      std::optional<Monitor::Runaway> found;
      for (std::size_t at = 0; at < wave.size() && !found; at += chunk) {
        found = monitor.hear({wave.data() + at, std::min(chunk, wave.size() - at)});
      }
      REQUIRE(found);
      CHECK(found->guard == Guard::kTail);
      CHECK(std::abs(static_cast<double>(found->keep) / 24000 - before) < 0.08);
      Monitor off(kAllGuards - bit(Guard::kTail), Manifest(families()[0]), 0);
      CHECK_FALSE(off.hear(wave));
    }
  }
}

TEST_CASE("a wave that is nothing but silence or noise has no tail: there is nothing to keep") {
  Monitor monitor(kAllGuards, Manifest(families()[0]), 0);
  CHECK_FALSE(monitor.hear(noise(4)));
  monitor.reset();
  CHECK_FALSE(monitor.hear(std::vector<float>(100000, 0.0F)));
}

TEST_CASE("a token costs no allocation") {
  Monitor monitor(kAllGuards, Manifest(families()[0]), 10);
  const int64_t before = allocations();
  CHECK(first_trip(monitor, 200, healthy));
  CHECK(allocations() == before);
}

TEST_CASE("the second attempt has a seed of its own, always the same") {
  CHECK(retry_seed(1) == retry_seed(1));
  CHECK(retry_seed(0) != retry_seed(1));
  CHECK(retry_seed(0) == 0xB4D055FCF2CBBD7Bu);  // SplitMix64's mix of ~0, computed elsewhere
}
