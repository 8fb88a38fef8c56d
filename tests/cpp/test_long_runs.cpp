// What nobody but its own request is to wait for: a voice, tokens decoded at once, the window of speech as a
// whole. Each is held in the middle of its run, and everybody else goes on.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine_fixture.hpp"
#include "refusal.hpp"

using namespace loquor;
using namespace loquor::testing;

namespace {

const std::vector<int64_t> kCodes = {10, 20, 30, 40};

// Holds the next run of the graph whose first input has this name; others pass.
class Hold {
 public:
  explicit Hold(const std::string& input) {
    Run::plan = [this, input](auto*, auto*, const char* const* names, auto&&...) {
      if (input == names[0] && !seen_.exchange(true)) {
        begun_.set_value();
        let_.get_future().wait();
      }
      return abi::ORT_OK;
    };
  }
  ~Hold() { Run::plan = nullptr; }
  // A minute is never needed.
  void wait() { REQUIRE(begun_.get_future().wait_for(std::chrono::minutes(1)) == std::future_status::ready); }
  void let() { let_.set_value(); }

 private:
  std::atomic<bool> seen_{false};
  std::promise<void> begun_;
  std::promise<void> let_;
};

// What is held: it returns when it is done, whether as expected.
struct Kind {
  std::string name;
  std::string input;
  bool (*run)(const EngineFixture&);
};
const Kind kKinds[] = {
    {"encode", "audio_values",
     [](const EngineFixture& f) {
       return f.engine->encode_voice(recording(), nullptr).audio_features == f.voice->audio_features;
     }},
    {"decode", "speech_tokens",
     [](const EngineFixture& f) {
       return f.engine->decode(kCodes, f.voice, nullptr).samples.size() == (kCodes.size() + 3) * 960;
     }},
    {"speak", "speech_tokens",
     [](const EngineFixture& f) {
       const auto whole = f.open(greedy(30), chunks_of(0));
       return read_all(*whole).samples.size() == 33 * 960;
     }},
};

}  // namespace

TEST_CASE("a stream that starts beside a long run is heard to its end before that has ended") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const std::string form : {"gqa", "concat"}) {
    for (const Kind& kind : kKinds) {
      CAPTURE(form);
      CAPTURE(kind.name);
      const EngineFixture fixture(faults, form);
      const Samples expected = fixture.one_shot(sampled(40, 3));
      Hold hold(kind.input);
      auto held = std::async(std::launch::async, [&] { return kind.run(fixture); });
      hold.wait();
      CHECK(read_all(*fixture.open(sampled(40, 3), chunks_of(5))).samples == expected);
      CHECK(fixture.engine->generate({text_ids(), fixture.voice, greedy(5)}, nullptr, {}).ids.size() == 5);
      CHECK((held.wait_for(std::chrono::seconds(0)) == std::future_status::timeout));
      hold.let();
      CHECK(held.get());
    }
  }
}

TEST_CASE("long runs take turns, voices and speech as a whole by turns") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const EngineFixture fixture(faults);
  Hold hold("audio_values");
  std::vector<std::future<bool>> all;
  all.push_back(std::async(std::launch::async, [&] { return kKinds[0].run(fixture); }));
  hold.wait();
  std::vector<RequestPtr> whole;
  for (int i = 0; i < 3; ++i) whole.push_back(fixture.open(greedy(30), chunks_of(0)));
  for (int i = 0; i < 9; ++i) {
    all.push_back(std::async(std::launch::async, [&, i] { return kKinds[i % 3].run(fixture); }));
  }
  // All their tokens are made while the lane is held.
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  for (const auto& request : whole) {
    while (request->report().tokens < 30 && std::chrono::steady_clock::now() < until)
      std::this_thread::yield();
    CHECK(request->report().tokens == 30);
    CHECK_FALSE(request->report().ended);
  }
  hold.let();
  for (const auto& request : whole) CHECK(read_all(*request).samples.size() == 33 * 960);
  for (auto& one : all) CHECK(one.get());
}

TEST_CASE("an engine that is closed lets the long run finish, one that is halted interrupts it") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.name);
    EngineFixture fixture(faults);
    Hold hold(kind.input);
    auto held = std::async(std::launch::async, [&] { return kind.run(fixture); });
    hold.wait();
    auto closed = std::async(std::launch::async, [engine = fixture.engine.get()] { engine->halt(); });
    CHECK((closed.wait_for(std::chrono::milliseconds(30)) == std::future_status::timeout));
    hold.let();
    closed.get();
    CHECK(refusal([&] { held.get(); }).kind == ErrorKind::kClosed);
  }
  EngineFixture fixture(faults);
  const Voice expected = *fixture.voice;
  Hold hold("audio_values");
  auto held = std::async(std::launch::async, [engine = fixture.engine.get()] {
    return engine->encode_voice(recording(), nullptr);
  });
  hold.wait();
  auto closed = std::async(std::launch::async, [&] { fixture.engine.reset(); });
  CHECK((closed.wait_for(std::chrono::milliseconds(30)) == std::future_status::timeout));
  hold.let();
  CHECK(held.get().audio_features == expected.audio_features);
  closed.get();
}

TEST_CASE("a long run that fails fails its own request") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const EngineFixture fixture(faults);
  for (const Kind& kind : kKinds) {
    CAPTURE(kind.name);
    Run::plan = [&](auto*, auto*, const char* const* names, auto&&...) {
      return names[0] == kind.input ? abi::ORT_FAIL : abi::ORT_OK;
    };
    const Refusal found = refusal([&] { kind.run(fixture); });
    Run::plan = nullptr;
    CHECK(found.kind == ErrorKind::kExecution);
    CHECK(found.names("a failure made by the test"));
    CHECK(kind.run(fixture));
  }
}

TEST_CASE("a window of one stream stops neither the tokens of others nor its own beside them") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const bool batching : {true, false}) {
    CAPTURE(batching);
    const EngineFixture fixture(faults, "gqa", 4, 0, batching);
    const Samples expected = fixture.one_shot(sampled(60, 3));
    Hold hold("speech_tokens");
    const RequestPtr stream = fixture.open(sampled(60, 3), chunks_of(5));
    hold.wait();
    const RequestPtr other = fixture.open(sampled(40, 4), chunks_of(5));
    CHECK(fixture.engine->generate({text_ids(), fixture.voice, greedy(50)}, nullptr, {}).ids.size() == 50);
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    for (const auto& [request, count] : {std::pair(stream, 60), std::pair(other, 40)}) {
      while (request->report().tokens < count && std::chrono::steady_clock::now() < until)
        std::this_thread::yield();
      CHECK(request->report().tokens == count);
      CHECK(request->report().ready_samples == 0);
    }
    hold.let();
    CHECK(read_all(*stream).samples == expected);
    CHECK(read_all(*other).samples == fixture.one_shot(sampled(40, 4)));
  }
}

TEST_CASE("a stream that is cancelled, or whose step fails, is told so when its window is done") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const EngineFixture fixture(faults);
  const Samples expected = fixture.one_shot(sampled(60, 3));
  {
    Hold hold("speech_tokens");
    const RequestPtr stream = fixture.open(sampled(60, 3), chunks_of(5));
    hold.wait();
    stream->cancel();
    CHECK(fixture.engine->generate({text_ids(), fixture.voice, greedy(5)}, nullptr, {}).ids.size() == 5);
    hold.let();
    CHECK(refusal([&] { read_all(*stream); }).kind == ErrorKind::kCancelled);
    CHECK(read_all(*fixture.open(sampled(60, 3), chunks_of(5))).samples == expected);  // the lane is free
  }
  {
    Hold hold("speech_tokens");
    const RequestPtr stream = fixture.open(sampled(60, 3), chunks_of(5));
    hold.wait();
    RunWithBinding::plan = [](auto&&...) { return abi::ORT_FAIL; };
    CHECK(refusal([&] {
            fixture.engine->generate({text_ids(), fixture.voice, greedy(5)}, nullptr, {});
          }).kind == ErrorKind::kExecution);
    hold.let();
    CHECK(refusal([&] { read_all(*stream); }).kind == ErrorKind::kExecution);
    RunWithBinding::plan = nullptr;
  }
  CHECK(read_all(*fixture.open(sampled(60, 3), chunks_of(5))).samples == expected);
}

TEST_CASE("what is fed while a window is decoded comes behind what that window reads") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  const EngineFixture fixture(faults);
  std::vector<int64_t> codes;
  for (int64_t i = 0; i < 3000; ++i) codes.push_back((i * i * 31 + 7 * i) % 4000);
  const Samples expected = fixture.engine->decode(codes, fixture.voice, nullptr).samples;
  Hold hold("speech_tokens");
  const RequestPtr request = fixture.engine->prepare_fed(fixture.voice, chunks_of(10));
  fixture.engine->submit(request);
  request->feed({codes.data(), 50}, false);
  hold.wait();
  request->feed({codes.data() + 50, codes.size() - 50}, true);
  CHECK(fixture.engine->generate({text_ids(), fixture.voice, greedy(5)}, nullptr, {}).ids.size() == 5);
  CHECK(request->report().tokens == 50);  // the others wait for the window
  hold.let();
  const Heard heard = read_all(*request);
  CHECK(heard.tokens == codes);
  REQUIRE(heard.samples.size() == codes.size() * 960);
  CHECK(std::equal(heard.samples.begin(), heard.samples.end(), expected.begin()));
}
