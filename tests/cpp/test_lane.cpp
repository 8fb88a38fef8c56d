// The engine thread's second thread, with made-up work.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "engine/lane.hpp"

using namespace loquor;

namespace {

// What the lane wakes.
class Bell {
 public:
  void ring() { ++rung_; }
  // Fails behind a minute.
  void wait_for(int count) const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (rung_ < count && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    REQUIRE(rung_ == count);
  }

 private:
  std::atomic<int> rung_{0};
};

}  // namespace

TEST_CASE("a lane works beside its starter, who collects what was made when the bell has rung") {
  Bell bell;
  std::promise<void> let;
  int made = 0;
  std::thread::id worked_on;
  {
    Lane lane(
        [&] {
          if (made == 0) let.get_future().wait();
          worked_on = std::this_thread::get_id();
          ++made;
        },
        [&] { bell.ring(); }, true);
    CHECK_FALSE(lane.busy());
    CHECK_FALSE(lane.collect());
    lane.start();
    CHECK(lane.busy());
    CHECK_FALSE(lane.collect());  // it waits to be let
    let.set_value();
    for (int round = 1; round <= 100; ++round) {
      bell.wait_for(round);
      CHECK(lane.busy());
      CHECK(lane.collect());
      CHECK_FALSE(lane.busy());
      CHECK_FALSE(lane.collect());
      CHECK(made == round);
      lane.start();
    }
  }  // waits for the last
  CHECK(made == 101);
  CHECK((worked_on != std::this_thread::get_id()));
}

TEST_CASE("a lane without a thread works at once, and is collected in the same way") {
  int made = 0;
  int rung = 0;
  Lane lane([&] { ++made; }, [&] { ++rung; }, false);
  lane.start();
  CHECK(made == 1);
  CHECK(rung == 1);
  CHECK(lane.busy());
  CHECK(lane.collect());
  CHECK_FALSE(lane.busy());
}

TEST_CASE("a lane that never worked closes at once") {
  int made = 0;
  {
    const Lane lane([&] { ++made; }, [] {}, true);
  }
  CHECK(made == 0);
}
