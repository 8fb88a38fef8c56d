// The order of work, with a made-up engine: each piece of work takes the time it says, no graph runs.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/scheduler.hpp"

using namespace loquor;

namespace {

using Wants = Candidate::Wants;
using Kind = Work::Kind;

Candidate candidate(Wants wants, bool window = false, bool already_heard = false, double deadline = 0,
                    uint64_t last_step = 0) {
  return {wants, window, already_heard, deadline, last_step};
}

// A stream that makes `tokens`, in chunks of `chunk`.
struct Stream {
  int tokens;
  int chunk;
  bool prefilled = false;
  int made = 0;
  int handed = 0;
  double deadline = 0;
  uint64_t last_step = 0;
  double first_sound = -1;
  double longest_silence = 0;  // of playback that began with the first chunk
  bool done() const { return handed == tokens; }
};

// Runs streams through a scheduler. Times are in seconds.
class FakeEngine {
 public:
  explicit FakeEngine(bool batched) : batched_(batched) {}

  double prefill = 0.1;
  double step = 0.002;
  double window = 0.02;
  std::vector<Stream> streams;
  std::string trace;  // p, s, w with the stream's number

  // One piece of work; false when there is none.
  bool work() {
    std::vector<Candidate> facts;
    for (const Stream& s : streams) facts.push_back(facts_of(s));
    const Work work = scheduler_.next(facts, batched_);
    if (work.kind == Kind::kNone) return false;
    Stream& chosen = streams[work.index];
    trace += std::string(work.kind == Kind::kPrefill ? "p"
                         : work.kind == Kind::kStep  ? "s"
                                                     : "w") +
             std::to_string(work.index) + " ";
    if (work.kind == Kind::kPrefill) {
      time_ += prefill;
      chosen.prefilled = true;
      chosen.made = 1;
    } else if (work.kind == Kind::kStep) {
      time_ += step;
      for (Stream& s : streams) {
        if (facts_of(s).wants != Wants::kStep || !(batched_ || &s == &chosen)) continue;
        s.last_step = scheduler_.turn();
        ++s.made;
      }
    } else {
      time_ += window;
      hand_out(chosen);
    }
    return true;
  }

  void run() {
    while (work()) {
    }
    for (const Stream& s : streams) CHECK(s.done());
  }
  double time() const { return time_; }

 private:
  static Candidate facts_of(const Stream& s) {
    Candidate c;
    c.wants = !s.prefilled ? Wants::kPrefill : s.made < s.tokens ? Wants::kStep : Wants::kNothing;
    c.window = !s.done() && s.made >= std::min(s.tokens, s.handed + s.chunk);
    c.already_heard = s.handed > 0;
    c.deadline = s.deadline;
    c.last_step = s.last_step;
    return c;
  }

  void hand_out(Stream& s) {
    const int count = std::min(s.chunk, s.tokens - s.handed);
    if (s.handed == 0) s.first_sound = time_;
    if (s.handed > 0) s.longest_silence = std::max(s.longest_silence, time_ - s.deadline);
    s.deadline = std::max(s.deadline, time_) + 0.04 * count;
    s.handed += count;
  }

  const bool batched_;
  Scheduler scheduler_;
  double time_ = 0;
};

}  // namespace

TEST_CASE("without requests there is no work") {
  Scheduler scheduler;
  CHECK(scheduler.next({}, true).kind == Kind::kNone);
  const std::vector<Candidate> idle = {candidate(Wants::kNothing)};
  CHECK(scheduler.next(idle, false).kind == Kind::kNone);
}

TEST_CASE("a first window is heard before anything else is done") {
  Scheduler scheduler;
  const std::vector<Candidate> all = {candidate(Wants::kPrefill), candidate(Wants::kWhole),
                                      candidate(Wants::kStep, true, true, -5), candidate(Wants::kStep, true)};
  const Work work = scheduler.next(all, true);
  CHECK(work.kind == Kind::kWindow);
  CHECK(work.index == 3);
}

TEST_CASE("first-chunk work comes by arrival, with a piece of the others' in between") {
  Scheduler scheduler;
  const std::vector<Candidate> all = {candidate(Wants::kStep, false, true), candidate(Wants::kWhole),
                                      candidate(Wants::kPrefill)};
  CHECK(scheduler.next(all, true).index == 1);
  CHECK(scheduler.next(all, true).kind == Kind::kStep);
  CHECK(scheduler.next(all, true).index == 1);
  const std::vector<Candidate> alone = {candidate(Wants::kPrefill), candidate(Wants::kWhole)};
  CHECK(scheduler.next(alone, true).kind == Kind::kPrefill);  // nobody else to wait for
  CHECK(scheduler.next(alone, true).kind == Kind::kPrefill);
}

TEST_CASE("a prompt that was begun is done before an older request begins its own") {
  // The older one was begun before too: it ran away, and begins anew.
  for (const bool batched : {false, true}) {
    Scheduler scheduler;
    std::vector<Candidate> all = {candidate(Wants::kPrefill), candidate(Wants::kStep, false, true),
                                  candidate(Wants::kPrefill)};
    all[2].prompt_begun = true;
    CHECK(scheduler.next(all, batched).index == 2);
    CHECK(scheduler.next(all, batched).kind == Kind::kStep);
    CHECK(scheduler.next(all, batched).index == 2);
  }
}

TEST_CASE("windows and steps alternate, the window that would run dry first before the others") {
  Scheduler scheduler;
  const std::vector<Candidate> all = {candidate(Wants::kStep, true, true, 7.0),
                                      candidate(Wants::kStep, true, true, 3.0),
                                      candidate(Wants::kStep, false, true, 1.0)};
  const Work first = scheduler.next(all, true);
  CHECK(first.kind == Kind::kWindow);
  CHECK(first.index == 1);
  CHECK(scheduler.next(all, true).kind == Kind::kStep);
  CHECK(scheduler.next(all, true).kind == Kind::kWindow);
}

TEST_CASE("steps by turns: who is waited for and the rest take half each, the longest ago first") {
  Scheduler scheduler;
  std::vector<Candidate> all;
  for (int i = 0; i < 4; ++i) all.push_back(candidate(Wants::kStep, false, i < 3));
  std::vector<int> steps(4);
  for (int round = 0; round < 60; ++round) {
    const Work work = scheduler.next(all, false);
    REQUIRE(work.kind == Kind::kStep);
    all[work.index].last_step = scheduler.turn();
    ++steps[work.index];
  }
  CHECK(steps == std::vector<int>{10, 10, 10, 30});
}

TEST_CASE("every stream ends, batched or by turns, and equal ones end together") {
  for (const bool batched : {true, false}) {
    CAPTURE(batched);
    FakeEngine engine(batched);
    engine.streams.assign(6, {100, 10});
    engine.run();
    double earliest = 1e9;
    double latest = 0;
    for (const Stream& s : engine.streams) {
      earliest = std::min(earliest, s.first_sound);
      latest = std::max(latest, s.first_sound);
    }
    CHECK(earliest > 0);
    CHECK(latest < 0.5 * engine.time());
  }
}

TEST_CASE("newcomers are heard soon and starve nobody") {
  for (const bool batched : {true, false}) {
    CAPTURE(batched);
    FakeEngine engine(batched);
    engine.streams.push_back({500, 25});
    while (engine.streams[0].handed == 0) engine.work();
    const double begun = engine.time();
    double worst_wait = 0;
    for (int newcomer = 0; newcomer < 40; ++newcomer) {
      engine.streams.push_back({10, 5});
      const double arrived = engine.time();
      while (engine.streams.back().handed == 0) REQUIRE(engine.work());
      worst_wait = std::max(worst_wait, engine.streams.back().first_sound - arrived);
    }
    CAPTURE(engine.time() - begun);
    // A prefill, steps with one of the other's between, a window, and one window of the other's.
    CHECK(worst_wait < 0.1 + 2 * 5 * 0.002 + 2 * 0.02 + 0.03);
    const Stream& first = engine.streams[0];
    CHECK(first.handed >= 40);  // it went on meanwhile
    engine.run();
  }
}

TEST_CASE("streams that the engine can keep up with never run dry") {
  FakeEngine engine(true);
  engine.prefill = 0.05;
  engine.step = 0.01;
  engine.window = 0.03;
  engine.streams.assign(8, {250, 12});
  engine.run();
  // 8 windows of 30 ms and 12 steps of 10 ms for 480 ms of sound in each.
  for (const Stream& s : engine.streams) CHECK(s.longest_silence <= 0);
}
