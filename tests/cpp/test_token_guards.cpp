#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "allocations.hpp"
#include "decode/token_guards.hpp"
#include "refusal.hpp"

using loquor::ErrorKind;
using loquor::LengthAllowance;
using loquor::Loop;
using loquor::LoopDetector;
using loquor::LoopOptions;
using loquor::SilenceRun;
using loquor::token_ceiling;

namespace {

constexpr int64_t kSilence = 4299;

std::vector<int64_t> random_tokens(std::size_t count, uint32_t seed, int64_t most = 6560) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int64_t> any(0, most);
  std::vector<int64_t> tokens(count);
  for (int64_t& token : tokens) token = any(random);
  return tokens;
}

std::vector<int64_t> operator+(std::vector<int64_t> a, const std::vector<int64_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<int64_t> times(const std::vector<int64_t>& tokens, int count) {
  std::vector<int64_t> all;
  for (int i = 0; i < count; ++i) all = all + tokens;
  return all;
}

// The rule as it is stated, by looking at the whole window anew.
Loop plain(const std::vector<int64_t>& tokens, std::size_t size, const LoopOptions& options) {
  for (int32_t period = 1; period <= LoopDetector::kLongestPeriod; ++period) {
    const int32_t span = std::max(options.least_span, options.copies * period);
    if (size < static_cast<std::size_t>(span)) continue;
    int32_t equal = 0;
    int32_t told = 0;
    for (std::size_t i = size - static_cast<std::size_t>(span - period); i < size; ++i) {
      const int64_t now = tokens[i];
      const int64_t before = tokens[i - static_cast<std::size_t>(period)];
      if (now == before && now == options.silence_token) continue;
      ++told;
      equal += now == before ? 1 : 0;
    }
    const int32_t window = span - period;
    const int32_t differing = told - equal;
    const bool alike = options.drift == 0 ? differing == 0 : differing * options.drift <= told;
    if (2 * told >= window && alike) return {period, span};
  }
  return {};
}

// The place of the token that completes a loop, and the loop; the size if there is none.
struct Found {
  std::size_t at;
  Loop loop;
};
Found first_loop(const std::vector<int64_t>& tokens, const LoopOptions& options = {}) {
  LoopDetector detector(options);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Loop loop = detector.push(tokens[i]);
    if (loop.period > 0) return {i, loop};
  }
  return {tokens.size(), {}};
}

}  // namespace

TEST_CASE("the ceiling of a text's tokens is far above what it needs") {
  CHECK(token_ceiling(0) == 75);
  CHECK(token_ceiling(250) == 1325);
  CHECK(token_ceiling(10, {2.41, 3}) == 28);
  CHECK(token_ceiling(2147483647, {1e6, 0}) == 2147483647);
  CHECK(refusal([] { token_ceiling(-1); }).kind == ErrorKind::kInvalidInput);
  CHECK(refusal([] { token_ceiling(1, {std::nan(""), 0}); }).names("tokens_per_character"));
  CHECK(refusal([] { token_ceiling(1, {1.0, -1}); }).names("tokens_at_least"));
}

TEST_CASE("a silence longer than a pause is noticed with its first token too many") {
  SilenceRun run(kSilence, 3);
  for (const int64_t token : {kSilence, kSilence, kSilence}) CHECK(!run.push(token));
  CHECK(!run.push(7));
  CHECK(run.length() == 0);
  for (int i = 0; i < 3; ++i) CHECK(!run.push(kSilence));
  CHECK(run.push(kSilence));
  CHECK(run.push(kSilence));
  run.reset();
  CHECK(!run.push(kSilence));
  CHECK(refusal([] { SilenceRun(kSilence, 0); }).kind == ErrorKind::kInvalidInput);
}

TEST_CASE("a loop is found when its copies span enough, with its shortest period") {
  const std::vector<int64_t> speech = random_tokens(200, 1);
  for (const int period : {1, 2, 3, 7, 10, 11, 16, 25, 40, 63, 64}) {
    CAPTURE(period);
    const std::vector<int64_t> phrase = random_tokens(static_cast<std::size_t>(period), 2);
    const Found found = first_loop(speech + times(phrase, 300 / period));
    CHECK(found.loop.period == period);
    CHECK(found.loop.span == std::max(32, 3 * period));
    // one token in eight may differ, so that the span may begin before the first copy
    const auto complete = 200 + static_cast<std::size_t>(found.loop.span);
    CHECK(found.at < complete);
    CHECK(found.at + 1 + static_cast<std::size_t>(found.loop.span) / 8 >= complete);
    const Found strict = first_loop(speech + times(phrase, 300 / period), {-1, 3, 32, 0});
    CHECK(strict.at + 1 == complete);
  }
}

TEST_CASE("two copies or a longer period are no loop") {
  const std::vector<int64_t> phrase = random_tokens(40, 3);
  CHECK(first_loop(times(phrase, 2) + random_tokens(200, 4)).loop.period == 0);
  CHECK(first_loop(times(phrase, 2), {-1, 2, 32, 0}).loop.period == 40);
  CHECK(first_loop(times(random_tokens(65, 5), 6)).loop.period == 0);
  CHECK(first_loop(std::vector<int64_t>(31, 5) + random_tokens(100, 6), {-1, 3, 32, 0}).loop.period == 0);
}

TEST_CASE("copies may differ a little") {
  std::mt19937 random(7);
  const std::vector<int64_t> phrase = random_tokens(20, 8);
  for (const int one_in : {16, 4}) {
    std::vector<int64_t> copies = times(phrase, 12);
    for (std::size_t i = 0; i < copies.size(); i += static_cast<std::size_t>(one_in))
      copies[i] = 7000 + static_cast<int64_t>(random() % 9);
    CAPTURE(one_in);
    CHECK((first_loop(copies).loop.period == 20) == (one_in == 16));
  }
}

TEST_CASE("pauses are no loops, but a phrase with a pause in it may be one") {
  const std::vector<int64_t> pause(100, kSilence);
  const LoopOptions options{kSilence, 3, 32, 8};
  CHECK(first_loop(random_tokens(50, 9) + pause + random_tokens(50, 10), options).loop.period == 0);
  CHECK(first_loop(random_tokens(50, 9) + pause).loop.period == 1);  // if nobody says what silence is
  const std::vector<int64_t> phrase = random_tokens(15, 11) + std::vector<int64_t>(10, kSilence);
  CHECK(first_loop(times(phrase, 5), options).loop.period == 25);
  // words with pauses between: alike where they are silent, and nowhere else
  std::vector<int64_t> words;
  for (uint32_t i = 0; i < 30; ++i)
    words = words + random_tokens(6, 20 + i) + std::vector<int64_t>(14, kSilence);
  CHECK(first_loop(words, options).loop.period == 0);
}

TEST_CASE("random tokens are never a loop") {
  for (uint32_t seed = 0; seed < 20; ++seed) CHECK(first_loop(random_tokens(1000, seed)).loop.period == 0);
}

TEST_CASE("every push says what looking at the whole window would say") {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    const LoopOptions options{seed % 2 == 0 ? 1 : -1, 2 + static_cast<int32_t>(seed % 3), 8 << (seed % 6),
                              static_cast<int32_t>(seed % 5) * 4};
    std::vector<int64_t> tokens;
    while (tokens.size() < 900) {  // few different tokens, many repeats
      const std::vector<int64_t> phrase =
          random_tokens(1 + random() % 70, static_cast<uint32_t>(random()), 1 + seed % 4);
      tokens = tokens + times(phrase, 1 + static_cast<int>(random() % 5));
    }
    LoopDetector detector(options);
    bool agrees = true;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const Loop loop = detector.push(tokens[i]);
      const Loop expected = plain(tokens, i + 1, options);
      agrees = agrees && loop.period == expected.period && loop.span == expected.span;
    }
    CAPTURE(seed);
    CHECK(agrees);
  }
}

TEST_CASE("a reset forgets") {
  LoopDetector detector({});
  const std::vector<int64_t> phrase = random_tokens(10, 12);
  for (const int64_t token : times(phrase, 3)) detector.push(token);
  detector.reset();
  Loop loop;
  for (const int64_t token : times(phrase, 3)) loop = detector.push(token);
  CHECK(loop.period == 0);
}

TEST_CASE("a push allocates nothing") {
  LoopDetector detector({kSilence, 3, 32, 8});
  SilenceRun run(kSilence, 50);
  const std::vector<int64_t> tokens = times(random_tokens(30, 13), 40);
  const int64_t before = allocations();
  int64_t seen = 0;
  for (const int64_t token : tokens) seen += detector.push(token).period + (run.push(token) ? 1 : 0);
  CHECK(allocations() == before);
  CHECK(seen > 0);
}

TEST_CASE("a detector refuses options out of range") {
  CHECK(refusal([] { LoopDetector({-1, 1, 32, 8}); }).names("copies"));
  CHECK(refusal([] { LoopDetector({-1, 5, 32, 8}); }).names("copies"));
  CHECK(refusal([] { LoopDetector({-1, 3, 7, 8}); }).names("least_span"));
  CHECK(refusal([] { LoopDetector({-1, 3, 257, 8}); }).names("least_span"));
  CHECK(refusal([] { LoopDetector({-1, 3, 32, -1}); }).names("drift"));
}
