// What nobody but its own request is to wait for: a voice, tokens decoded at once, the window of speech as a
// whole. Each is held in the middle of its run, and everybody else goes on.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
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
    CHECK(refusal([&] { held.get(); }).kind == ErrorKind::kCancelled);
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
