// What a caller learns while its request is under way, and what it may do then.
#include <doctest/doctest.h>

#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "gated_engine.hpp"
#include "refusal.hpp"

using namespace loquor;
using namespace loquor::testing;

TEST_CASE("progress counts every token on the caller's thread; a token raised by it ends the request") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  GatedEngine gated(faults);
  std::vector<int32_t> seen;
  const auto expected = gated.generate(greedy(20), nullptr, [&](int32_t count) {
    CHECK((std::this_thread::get_id() == faults.made_on));
    seen.push_back(count);
  });
  std::vector<int32_t> all(20);
  std::iota(all.begin(), all.end(), 1);
  CHECK(seen == all);
  CancelToken token;
  RunWithBinding::calls = 0;
  int32_t last = 0;
  const Refusal found = refusal([&] {
    gated.generate(greedy(7000), &token, [&](int32_t count) {
      last = count;
      if (count == 5) token.request();
    });
  });
  CHECK(found.kind == ErrorKind::kCancelled);
  CHECK(last == 5);
  CHECK(RunWithBinding::calls < kPromptRuns * 3500);
  const int stopped_at = RunWithBinding::calls;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(RunWithBinding::calls == stopped_at);
  CHECK(gated.generate(greedy(20)) == expected);
}

TEST_CASE("what progress throws reaches the caller, behind the end of its request") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  GatedEngine gated(faults);
  const auto expected = gated.generate(greedy(6));
  const Refusal found = refusal([&] {
    gated.generate(greedy(7000), nullptr, [](int32_t count) {
      if (count == 3) throw Error(ErrorKind::kInternal, "thrown by progress");
    });
  });
  CHECK(found.text == "thrown by progress");
  const int stopped_at = RunWithBinding::calls;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(RunWithBinding::calls == stopped_at);
  CHECK(gated.generate(greedy(6)) == expected);
}

TEST_CASE("an engine may be called from the progress of its own request") {
  if (!have_bundles()) return;
  const FaultInjection faults;
  for (const int32_t slots : {1, 4}) {
    GatedEngine gated(faults, "gqa", slots);
    const auto expected = gated.generate(greedy(5));
    int same = 0;
    const auto again = [&](int32_t) { same += gated.generate(greedy(5)) == expected ? 1 : 0; };
    CHECK(gated.generate(greedy(5), nullptr, again) == expected);
    CHECK(same == 5);
  }
}
