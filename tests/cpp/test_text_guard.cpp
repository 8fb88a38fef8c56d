// The guard that reads attention: made-up patterns that follow the text, skip, repeat and run on, and what an
// utterance makes of them, streamed and whole.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "allocations.hpp"
#include "decode/text_guard.hpp"
#include "engine/utterance.hpp"

using namespace loquor;

namespace {

using Path = std::vector<std::size_t>;  // the id that each code says

constexpr std::size_t kIds = 60;
constexpr std::size_t kPace = 2;  // codes an id
constexpr int64_t kCharacters = 70;

// Codes that say the ids in [from, to) in order.
void say(Path& path, std::size_t from, std::size_t to) {
  for (std::size_t id = from; id < to; ++id) path.insert(path.end(), kPace, id);
}

Path healthy() {
  Path path;
  say(path, 0, kIds);
  return path;
}

Path skipping() {
  Path path;
  say(path, 0, 20);
  say(path, 35, kIds);
  return path;
}

Path unfinished() {
  Path path;
  say(path, 0, 40);
  return path;
}

Path repeating() {
  Path path;
  say(path, 0, 40);
  say(path, 15, kIds);
  return path;
}

Path running_on() {
  Path path = healthy();
  path.insert(path.end(), 300, kIds - 1);
  return path;
}

Path starting_again() {
  Path path = healthy();
  say(path, 0, kIds);
  return path;
}

// Attention of a code that says `id`: most of it there, some beside it, some anywhere.
std::vector<float> attention(std::size_t id, std::size_t ids, std::mt19937& random, float noise) {
  std::uniform_real_distribution<float> level(0, noise / static_cast<float>(ids));
  std::vector<float> row(ids);
  for (float& weight : row) weight = level(random);
  row[id] += 0.5F;
  if (id > 0) row[id - 1] += 0.1F;
  if (id + 1 < ids) row[id + 1] += 0.1F;
  return row;
}

void hear(TextGuard& guard, const Path& path, float noise = 0.3F, uint32_t seed = 1) {
  std::mt19937 random(seed);
  for (const std::size_t id : path) guard.push(Span<const float>(attention(id, kIds, random, noise)));
}

TextFaults faults_of(const Path& path, bool whole = true) {
  TextGuard guard(kIds, kCharacters);
  hear(guard, path);
  return guard.faults(whole);
}

uint32_t bit(TextFault fault) { return static_cast<uint32_t>(fault); }

RequestSpec spec_of(TextGuardLevel level, int32_t first_chunk, float temperature = 1) {
  RequestSpec spec;
  spec.budget = {10, 1000};
  spec.prompt.options.seed = 5;
  spec.prompt.options.guards = 0;
  spec.prompt.options.text_guard = static_cast<int32_t>(level);
  spec.prompt.options.temperature = temperature;
  spec.prompt.characters = kCharacters;
  StreamOptions stream;
  stream.first_chunk = first_chunk;
  stream.growth = 1;
  stream.max_chunk = std::max(1, first_chunk);
  stream.look_ahead = 2;
  spec.stream = stream;
  return spec;
}

struct Spoken {
  Result result;
  std::vector<int64_t> heard;  // one number a code that was decoded
};

// Speaks: each attempt by a path of its own. The decoder's sound of a code is the code.
Spoken speak(const RequestSpec& spec, const std::vector<Path>& attempts) {
  const Manifest manifest(families()[0]);
  Utterance utterance(spec, manifest, make_wave_path(1, 0));
  Spoken spoken;
  Tokens tokens;
  double time = 0;
  std::size_t attempt = 0;
  const auto hand = [&](const std::optional<Chunk>& chunk) {
    if (!chunk) return;
    for (const float sample : chunk->samples) spoken.heard.push_back(std::lround(sample));
  };
  std::mt19937 random(3);
  while (utterance.state() != Utterance::State::kDone) {
    if (utterance.state() == Utterance::State::kStopping) {
      utterance.end_attempt(tokens, time);
      ++attempt;
    } else if (utterance.plan_window(time, {0, 0.001})) {
      Utterance::DecoderRun run = utterance.decoder_run();
      std::vector<float> wave;
      for (const int64_t code : run.codes) wave.push_back(static_cast<float>(code));
      hand(utterance.on_wave(run, wave, 0.001, time));
    } else if (tokens.ids.size() == attempts[attempt].size() &&
               utterance.state() != Utterance::State::kPrefilling) {
      utterance.on_stop();
    } else {
      if (utterance.state() == Utterance::State::kPrefilling) {
        tokens = {};
        utterance.on_prefilled();
      }
      const std::size_t at = tokens.ids.size();
      tokens.ids.push_back(static_cast<int64_t>(1000 * (attempt + 1) + at));
      utterance.on_token(tokens.ids.back(), time += 0.01,
                         Span<const float>(attention(attempts[attempt][at], kIds, random, 0.3F)));
    }
  }
  hand(utterance.take_rest(time));
  spoken.result = utterance.finish();
  return spoken;
}

}  // namespace

TEST_CASE("speech that says its text has no fault, however noisy, fast or slow") {
  CHECK(faults_of(healthy()).bits == 0);
  for (uint32_t seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    Path path;
    for (std::size_t id = 0; id < kIds; ++id) path.insert(path.end(), id % 7 == 3 ? 0 : 1 + random() % 4, id);
    path.insert(path.end(), 15, kIds - 1);  // a last breath
    TextGuard guard(kIds, kCharacters);
    hear(guard, path, 0.6F, seed);
    CHECK_FALSE(guard.past_end());
    CHECK(guard.faults(true).bits == 0);
    CHECK(guard.certain() + 8 >= path.size());
  }
}

TEST_CASE("text that is left out is told, with its ids, in the middle and at the end") {
  const TextFaults middle = faults_of(skipping());
  CHECK(middle.bits == bit(TextFault::kSkipped));
  CHECK(std::abs(middle.skipped_from - 20) <= 1);
  CHECK(std::abs(middle.skipped_to - 35) <= 1);
  const TextFaults end = faults_of(unfinished());
  CHECK(end.bits == bit(TextFault::kSkipped));
  CHECK(std::abs(end.skipped_from - 40) <= 1);
  CHECK(end.skipped_to == kIds);
  CHECK(faults_of(unfinished(), false).bits == 0);  // it was cut, and is not to blame
}

TEST_CASE("text that is said again is told") {
  const TextFaults found = faults_of(repeating());
  CHECK(found.bits == bit(TextFault::kRepeated));
  CHECK(found.repeats == 1);
}

TEST_CASE("speech behind its text's end is long, or says text again") {
  for (const Path& path : {running_on(), starting_again()}) {
    TextGuard guard(kIds, kCharacters);
    std::mt19937 random(1);
    std::size_t codes = 0;
    while (codes < path.size() && !guard.past_end())
      guard.push(Span<const float>(attention(path[codes++], kIds, random, 0.3F)));
    REQUIRE(guard.past_end());
    CHECK(codes < kIds * kPace + 40);
    CHECK(guard.certain() <= codes);
    CHECK(guard.certain() >= kIds * kPace);
    CHECK(guard.faults(true).bits == bit(TextFault::kPastEnd));
  }
}

TEST_CASE("a model whose attention follows no text is told nothing of") {
  std::mt19937 random(2);
  TextGuard guard(kIds, kCharacters);
  for (int code = 0; code < 400; ++code) {
    std::vector<float> row(kIds);
    for (float& weight : row) weight = std::uniform_real_distribution<float>(0, 0.03F)(random);
    guard.push(Span<const float>(row));
  }
  CHECK_FALSE(guard.past_end());
  CHECK(guard.certain() == 400);
  CHECK(guard.faults(true).bits == 0);
}

TEST_CASE("attention that jumps to the end at first ends nothing") {
  Path path(6, kIds - 1);
  say(path, 0, kIds);
  TextGuard guard(kIds, kCharacters);
  hear(guard, path);
  CHECK_FALSE(guard.past_end());
  CHECK(guard.certain() == path.size());
}

TEST_CASE(
    "what is no number, or of another text, does no harm; a reset forgets; a code costs no allocation") {
  TextGuard guard(4, 0);
  const std::vector<float> other(5, 1.0F), broken = {NAN, -1.0F, INFINITY, 0.2F};
  guard.push(Span<const float>(other));
  CHECK(guard.certain() == 0);
  guard.push(Span<const float>(broken));
  CHECK(guard.faults(true).bits == 0);
  TextGuard long_one(kIds, kCharacters);
  hear(long_one, running_on());
  CHECK(long_one.past_end());
  long_one.reset();
  CHECK(long_one.faults(true).bits == 0);
  const std::vector<float> row(kIds, 0.1F);
  const int64_t before = allocations();
  for (int code = 0; code < 100; ++code) long_one.push(Span<const float>(row));
  CHECK(allocations() == before);
}

TEST_CASE("a request's level says what is done, the same streamed and whole") {
  const std::size_t text = kIds * kPace;
  for (const int32_t chunk : {0, 5, 30}) {
    CAPTURE(chunk);
    Spoken off = speak(spec_of(TextGuardLevel::kOff, chunk), {running_on()});
    CHECK(off.result.text_faults.bits == 0);
    CHECK(off.result.tokens.ids.size() == text + 300);
    Spoken told = speak(spec_of(TextGuardLevel::kTell, chunk), {running_on()});
    CHECK(told.result.text_faults.bits == bit(TextFault::kPastEnd));
    CHECK(told.heard == off.heard);
    CHECK(told.result.guards == 0);
    const Spoken ended = speak(spec_of(TextGuardLevel::kEnd, chunk), {running_on()});
    CHECK(ended.result.text_faults.bits == bit(TextFault::kPastEnd));
    CHECK(ended.result.guards == static_cast<uint32_t>(Guard::kText));
    CHECK(ended.result.tokens.finish_reason == FinishReason::kGuard);
    CHECK(ended.result.attempts == 1);
    CHECK(ended.result.tokens.ids.size() > text);
    CHECK(ended.result.tokens.ids.size() < text + 20);
    CHECK(ended.heard == speak(spec_of(TextGuardLevel::kEnd, 0), {running_on()}).heard);
    const Spoken fine = speak(spec_of(TextGuardLevel::kEnd, chunk), {healthy()});
    CHECK(fine.heard == speak(spec_of(TextGuardLevel::kOff, chunk), {healthy()}).heard);
  }
}

TEST_CASE("text that was skipped or repeated is made again where that is asked for and nothing was heard") {
  const RequestSpec retry = spec_of(TextGuardLevel::kRetry, 0);
  const Spoken healed = speak(retry, {skipping(), healthy()});
  CHECK(healed.result.attempts == 2);
  CHECK(healed.result.seed == retry_seed(5));
  CHECK(healed.result.text_faults.bits == 0);
  CHECK(healed.result.guards == static_cast<uint32_t>(Guard::kText));
  CHECK(healed.result.tokens.ids[0] == 2000);
  const Spoken no_better = speak(retry, {skipping(), unfinished()});  // of which the first is less wrong
  CHECK(no_better.result.attempts == 2);
  CHECK(no_better.result.seed == 5);
  CHECK(no_better.result.tokens.ids[0] == 1000);
  CHECK(no_better.result.tokens.ids.size() == skipping().size());
  CHECK(no_better.result.text_faults.bits == bit(TextFault::kSkipped));
  CHECK(speak(spec_of(TextGuardLevel::kEnd, 0), {repeating()}).result.attempts == 1);
  CHECK(speak(spec_of(TextGuardLevel::kRetry, 0, 0), {repeating()}).result.attempts == 1);  // greedy
  const Spoken streamed = speak(spec_of(TextGuardLevel::kRetry, 5), {repeating()});
  CHECK(streamed.result.attempts == 1);
  CHECK(streamed.result.text_faults.bits == bit(TextFault::kRepeated));
}
