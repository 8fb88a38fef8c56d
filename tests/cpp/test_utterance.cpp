// One utterance from its first token to its last sample, on made-up tokens and waves: no graph, no thread, no
// clock.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "engine/utterance.hpp"

using namespace loquor;

namespace {

using State = Utterance::State;
using Samples = std::vector<float>;

constexpr int64_t kToken = 960;
constexpr int64_t kSilentTokens = 3;
constexpr int64_t kCeiling = 80;  // tokens for a text of one character

// Tokens that never repeat in a pattern.
int64_t healthy(int64_t at) { return (at * at * 31 + 7 * at) % 4000; }

RequestSpec spec_of(int32_t first_chunk, uint32_t guards = 0, float temperature = 1) {
  RequestSpec spec;
  spec.budget = {10, 1000};
  spec.prompt.options.seed = 5;
  spec.prompt.options.guards = guards;
  spec.prompt.options.temperature = temperature;
  spec.prompt.characters = 1;
  StreamOptions stream;
  stream.first_chunk = first_chunk;
  stream.growth = 1;
  stream.max_chunk = std::max(1, first_chunk);
  stream.left_context = 4;
  stream.look_ahead = 2;
  spec.stream = stream;
  return spec;
}

uint32_t bit(Guard guard) { return static_cast<uint32_t>(guard); }

// A decoder that hears one code at a time.
Samples wave_of(Span<const int64_t> codes) {
  Samples wave;
  for (const int64_t code : codes) {
    for (int64_t s = 0; s < kToken; ++s)
      wave.push_back(static_cast<float>(0.3 * std::sin(static_cast<double>(code + s * (1 + code % 5)))));
  }
  return wave;
}

Samples wave_of(std::vector<int64_t> tokens, bool closing) {
  if (closing) tokens.insert(tokens.end(), kSilentTokens, families()[0].facts.silence_token);
  return wave_of(Span<const int64_t>(tokens));
}

// A language model and a decoder for an utterance; `noisy_from`: codes whose sound is noise.
struct Player {
  Player(const RequestSpec& given, WavePath path, int64_t window_prompt = 0,
         Manifest of = Manifest{families()[0]})
      : spec(given), manifest(std::move(of)), utterance(spec, manifest, std::move(path), window_prompt) {}
  explicit Player(const RequestSpec& given) : Player(given, make_wave_path(kToken, 240)) {}

  const RequestSpec spec;
  const Manifest manifest;
  Utterance utterance;
  Tokens attempt;  // as the language model has it
  double time = 0;
  Samples heard;
  std::vector<Chunk> chunks;
  std::vector<Continuation> went_on_from;  // by window
  int64_t noisy_from = 1 << 30;
  int64_t stops_at = 1 << 30;  // tokens
  LinearCost::Line cost = {0, 0.001};
  bool learns = false;  // the cost, by the first window
  double dry_at = 0;    // when playback of what was heard ends
  double silence = 0;   // that it met

  void token(int64_t id) {
    if (utterance.state() == State::kPrefilling) {
      attempt = {};
      utterance.on_prefilled();
    }
    attempt.ids.push_back(id);
    attempt.annotations.insert(attempt.annotations.end(), {static_cast<float>(id), 1.0F});
    utterance.on_token(id, time += 0.01);
  }
  void window() {
    Utterance::DecoderRun run = utterance.decoder_run();
    went_on_from.push_back(run.from);
    for (const int64_t code : run.codes)
      run.from.made.insert(run.from.made.end(), 6, static_cast<float>(code));
    Samples wave = wave_of(run.codes);
    std::mt19937 random(5);
    std::normal_distribution<float> level(0.0F, 0.05F);
    const int64_t from =
        std::clamp<int64_t>(noisy_from - run.window.from, 0, run.window.to - run.window.from);
    std::generate(wave.begin() + from * kToken, wave.end(), [&] { return level(random); });
    const auto chunk = utterance.on_wave(std::move(run), wave, 0.25, time += 0.25);
    if (learns) cost = {0.25, 0.0001};
    if (chunk) hear(*chunk);
  }
  void hear(const Chunk& chunk) {
    if (!chunks.empty()) silence += std::max(0.0, time - dry_at);
    dry_at = std::max(dry_at, time) + static_cast<double>(chunk.samples.size()) / 24000;
    heard.insert(heard.end(), chunk.samples.begin(), chunk.samples.end());
    chunks.push_back(chunk);
  }
  // One thing; false when it is done.
  bool go_on() {
    if (utterance.state() == State::kStopping) {
      utterance.end_attempt(std::exchange(attempt, {}), time);
    } else if (utterance.plan_window(time, cost)) {
      window();
    } else if (utterance.state() == State::kDone) {
      return false;
    } else if (utterance.token_count() == stops_at) {
      utterance.on_stop();
    } else {
      token(healthy(utterance.state() == State::kPrefilling ? 0 : utterance.token_count()));
    }
    return true;
  }
  Result run() {
    while (go_on()) {
    }
    if (const auto rest = utterance.take_rest(time)) hear(*rest);
    return utterance.finish();
  }
};

std::vector<int64_t> healthy_tokens(int64_t count) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back(healthy(i));
  return ids;
}

// Adds a quarter to every fifth sample, and looks three ahead.
class Ahead : public WaveStage {
 public:
  void process(Samples& block, int64_t place) override {
    for (float& sample : block) sample += place++ % 5 == 0 ? 0.25F : 0.0F;
    block.insert(block.begin(), held_.begin(), held_.end());
    const std::size_t kept = std::min<std::size_t>(3, block.size());
    held_.assign(block.end() - static_cast<std::ptrdiff_t>(kept), block.end());
    block.resize(block.size() - kept);
  }
  void flush(Samples& block) override { block.insert(block.end(), held_.begin(), held_.end()); }

 private:
  Samples held_;
};

WavePath staged() {
  WaveStages stages;
  stages.push_back(std::make_unique<Ahead>());
  return {Crossfader(kToken, 240), std::move(stages)};
}

}  // namespace

TEST_CASE("an utterance goes from prefilling to done, and its chunks tile its codes") {
  Player player(spec_of(5));
  Utterance& utterance = player.utterance;
  CHECK(utterance.state() == State::kPrefilling);
  CHECK_FALSE(utterance.already_heard());
  CHECK_FALSE(utterance.plan_window(0, {}));
  for (int64_t i = 0; i < 6; ++i) player.token(healthy(i));
  CHECK(utterance.state() == State::kStepping);
  CHECK_FALSE(utterance.plan_window(player.time, {}));  // its look-ahead is not there
  player.token(healthy(6));
  REQUIRE(utterance.plan_window(player.time, {}));
  CHECK(utterance.decoder_run().codes.size() == 7);
  player.window();
  CHECK(utterance.already_heard());
  CHECK(utterance.deadline() == doctest::Approx(player.time + 5 * 0.04));
  CHECK_FALSE(utterance.plan_window(player.time, {}));
  player.token(healthy(7));
  utterance.on_stop();
  CHECK(utterance.state() == State::kStopping);
  utterance.end_attempt(player.attempt, player.time);
  CHECK(utterance.state() == State::kClosing);
  REQUIRE(utterance.plan_window(player.time, {}));
  const Utterance::DecoderRun last = utterance.decoder_run();
  CHECK(last.window.from == 1);
  CHECK(last.window.to == 8 + kSilentTokens);
  CHECK(last.phase.anchor == 4);
  CHECK(last.phase.next == 10);
  player.window();
  CHECK(utterance.state() == State::kDone);
  const Result result = utterance.finish();
  CHECK(result.tokens.ids == healthy_tokens(8));
  CHECK(result.tokens.finish_reason == FinishReason::kStop);
  CHECK(result.decoder_seconds == doctest::Approx(0.5));
  CHECK(result.attempts == 1);
  CHECK(result.seed == 5);
  CHECK(player.heard == wave_of(healthy_tokens(8), true));
  CHECK(player.chunks[1].first_code == 5);
  CHECK(player.chunks[1].code_count == 3 + kSilentTokens);
}

TEST_CASE("a window goes on from what was spoken last, with the mel that it was heard with") {
  constexpr int64_t kPrompt = 12;
  Player player(spec_of(5), make_wave_path(kToken, 240), kPrompt);
  player.stops_at = 38;
  player.run();
  std::vector<int64_t> codes = healthy_tokens(38);
  codes.insert(codes.end(), kSilentTokens, player.manifest.silence_token);
  CHECK(player.heard == wave_of(codes, false));
  REQUIRE(player.went_on_from.size() == player.chunks.size());
  for (std::size_t i = 0; i < player.chunks.size(); ++i) {
    const Continuation& from = player.went_on_from[i];
    const int64_t begin = player.chunks[i].first_code;
    const auto first = codes.begin() + std::max<int64_t>(0, begin - kPrompt);
    CHECK(from.prompt == kPrompt);
    CHECK(from.tokens == std::vector<int64_t>(first, codes.begin() + begin));
    std::vector<float> mel;
    for (const int64_t code : from.tokens) mel.insert(mel.end(), 6, static_cast<float>(code));
    CHECK(from.mel == mel);
    CHECK(from.made.empty());
  }
}

TEST_CASE("tokens alone have no windows and no closing") {
  RequestSpec spec = spec_of(5, bit(Guard::kLength));
  spec.stream.reset();
  Player player(spec);
  player.stops_at = 200;
  CHECK(player.utterance.already_heard());
  CHECK(player.run().tokens.ids == healthy_tokens(200));  // and no guards
  CHECK(player.chunks.empty());
}

TEST_CASE("an utterance whose model stops at once is its closing silence") {
  Player player(spec_of(5));
  player.utterance.on_prefilled();
  player.utterance.on_stop();
  CHECK(player.run().tokens.ids.empty());
  CHECK(player.heard == wave_of(std::vector<int64_t>{}, true));
}

TEST_CASE("ids that are no codes have no sound") {
  Player player(spec_of(5));
  player.token(6561);
  player.token(7);
  player.utterance.on_stop();
  CHECK(player.run().tokens.ids == std::vector<int64_t>{6561, 7});
  CHECK(player.heard == wave_of({7}, true));
}

TEST_CASE("chunks have the samples of the whole, behind any stages") {
  for (const bool stages : {false, true}) {
    CAPTURE(stages);
    const auto player_of = [&](int32_t chunk) {
      return stages ? std::make_unique<Player>(spec_of(chunk), staged())
                    : std::make_unique<Player>(spec_of(chunk));
    };
    const auto whole = player_of(0);
    whole->stops_at = 57;
    whole->run();
    CHECK(whole->chunks.size() == 1);
    CHECK(static_cast<int64_t>(whole->heard.size()) == (57 + kSilentTokens) * kToken);
    if (!stages) CHECK(whole->heard == wave_of(healthy_tokens(57), true));
    for (const int32_t chunk : {1, 7, 30, 100}) {
      CAPTURE(chunk);
      const auto streamed = player_of(chunk);
      streamed->stops_at = 57;
      streamed->run();
      CHECK(streamed->heard == whole->heard);
    }
    // Tokens decoded at once take the same path.
    WavePath path = stages ? staged() : make_wave_path(kToken, 0);
    CHECK(path.pass_whole(wave_of(healthy_tokens(57), true), 57 + kSilentTokens) == whole->heard);
  }
}

TEST_CASE("what stages keep back is heard where no window was known to be the last") {
  Manifest open_ended{families()[0]};
  open_ended.closing_silence_tokens = 0;
  RequestSpec spec = spec_of(5);
  spec.stream->look_ahead = 0;
  for (const int64_t tokens : {15, 17}) {
    CAPTURE(tokens);
    Player player(spec, staged(), 0, open_ended);
    player.stops_at = tokens;
    player.run();
    WavePath path = staged();
    CHECK(player.heard == path.pass_whole(wave_of(healthy_tokens(tokens), false), tokens));
  }
}

TEST_CASE("a runaway that nothing was heard of starts a second attempt, and the shorter of two is heard") {
  Player player(spec_of(0, bit(Guard::kLength)));
  Utterance& utterance = player.utterance;
  while (utterance.state() != State::kStopping) player.go_on();
  CHECK(utterance.token_count() == kCeiling + 1);
  player.go_on();
  CHECK(utterance.state() == State::kPrefilling);
  CHECK(utterance.token_count() == 0);
  CHECK(utterance.prompt().options.seed == retry_seed(5));
  const Result result = player.run();  // which runs away as well
  CHECK(result.attempts == 2);
  CHECK(result.seed == 5);
  CHECK(result.guards == bit(Guard::kLength));
  CHECK(result.tokens.ids == healthy_tokens(kCeiling));
  CHECK(result.tokens.finish_reason == FinishReason::kGuard);
  CHECK(utterance.token_count() == kCeiling);
  CHECK(player.heard == wave_of(healthy_tokens(kCeiling), true));
}

TEST_CASE("a second attempt that stops by itself is heard under its own seed") {
  Player player(spec_of(0, bit(Guard::kLength)));
  while (player.utterance.state() != State::kStopping) player.go_on();
  player.stops_at = 12;
  const Result result = player.run();
  CHECK(result.attempts == 2);
  CHECK(result.seed == retry_seed(5));
  CHECK(result.tokens.ids == healthy_tokens(12));
  CHECK(result.tokens.finish_reason == FinishReason::kStop);
  CHECK(player.heard == wave_of(healthy_tokens(12), true));
}

TEST_CASE("what was heard stays: a runaway is cut, and so is greedy speech, without a second attempt") {
  for (const int32_t chunk : {20, 0}) {
    CAPTURE(chunk);
    Player player(spec_of(chunk, bit(Guard::kLength), chunk == 0 ? 0.0F : 1.0F));
    const Result result = player.run();
    CHECK(result.attempts == 1);
    CHECK(result.seed == 5);
    CHECK(result.tokens.ids == healthy_tokens(kCeiling));
    CHECK(player.heard == wave_of(healthy_tokens(kCeiling), true));
  }
}

TEST_CASE("a tail of noise is heard in a window: of a stream while tokens come, of the whole behind them") {
  for (const int32_t chunk : {60, 0}) {
    CAPTURE(chunk);
    RequestSpec spec = spec_of(chunk, bit(Guard::kTail));
    Player player(spec);
    player.noisy_from = 100;
    player.stops_at = 200;
    Utterance& utterance = player.utterance;
    if (chunk == 0) {
      while (utterance.state() != State::kClosing) player.go_on();
      while (utterance.state() == State::kClosing) player.go_on();
      CHECK(utterance.state() == State::kPrefilling);  // nothing was heard yet
      CHECK(utterance.prompt().options.seed == retry_seed(5));
    }
    const Result result = player.run();
    CHECK(result.guards == bit(Guard::kTail));
    CHECK(result.attempts == (chunk == 0 ? 2 : 1));
    CHECK(result.tokens.finish_reason == FinishReason::kGuard);
    const int64_t kept = chunk == 0 ? 100 : 120;  // two chunks were heard
    CHECK(std::abs(static_cast<int64_t>(result.tokens.ids.size()) - kept) <= 2);
    CHECK(player.heard.size() == (result.tokens.ids.size() + kSilentTokens) * std::size_t{kToken});
  }
}

TEST_CASE("what steps say of tokens beside their ids goes where the tokens go") {
  Player player(spec_of(0, bit(Guard::kLength)));
  const Result result = player.run();
  REQUIRE(result.tokens.annotations.size() == 2 * result.tokens.ids.size());
  for (std::size_t i = 0; i < result.tokens.ids.size(); ++i) {
    CHECK(result.tokens.annotations[2 * i] == static_cast<float>(result.tokens.ids[i]));
  }
}

TEST_CASE("a token of an utterance costs no allocation") {
  Player player(spec_of(900, bit(Guard::kLoop) | bit(Guard::kSilence)));
  player.utterance.on_prefilled();
  const int64_t before = allocations();
  for (int64_t i = 0; i < 800; ++i) {
    player.utterance.on_token(healthy(i), static_cast<double>(i));
    if (player.utterance.plan_window(static_cast<double>(i), {0, 0.001})) break;
  }
  CHECK(allocations() == before);
  CHECK(player.utterance.token_count() == 800);
}

TEST_CASE("an adaptive stream waits with its first chunk where it would run dry, and says for how long") {
  for (const float most : {0.0F, 100.0F}) {
    CAPTURE(most);
    RequestSpec spec = spec_of(5);
    spec.stream->adaptive = true;
    spec.stream->max_chunk = 10;
    spec.stream->max_wait = most;
    spec.prompt.characters = 24;  // 40 codes
    Player player(spec);
    player.stops_at = 40;
    player.cost = {0.25,
                   0.0001};  // a window of 10 takes 0.25 s and is heard for 0.4; of 5 longer than it is heard
    const Result result = player.run();
    CHECK(player.heard == wave_of(healthy_tokens(40), true));
    int64_t codes = 0;
    for (const Chunk& chunk : player.chunks) {
      CHECK(chunk.first_code == codes);
      codes += chunk.code_count;
    }
    CHECK(codes == 40 + kSilentTokens);
    CHECK((player.chunks.front().code_count == 5) == (most == 0));
    CHECK((result.waited_seconds > 0) == (most > 0));
    CHECK((player.silence > 0) == (most == 0));
  }
}

TEST_CASE("a first window that was made before anybody knew its cost is held back where it would run dry") {
  RequestSpec spec = spec_of(5);
  spec.stream->adaptive = true;
  spec.stream->max_wait = 100;
  spec.prompt.characters = 24;
  Player player(spec);
  player.stops_at = 40;
  player.cost = {};
  player.learns = true;
  const Result result = player.run();
  CHECK(player.heard == wave_of(healthy_tokens(40), true));
  CHECK(player.chunks.front().first_code == 0);
  CHECK(player.silence == 0);
  CHECK(result.waited_seconds >= 0);
}
