#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "engine/turn.hpp"

using loquor::CancelToken;
using loquor::Error;
using loquor::ErrorKind;
using loquor::TurnQueue;

namespace {

// Waits for the turn of a place whose token is or will be raised.
bool cancelled(const TurnQueue::Place& place, const CancelToken& token) {
  try {
    place.wait(&token);
  } catch (const Error& error) {
    return error.kind() == ErrorKind::kCancelled;
  }
  return false;
}

}  // namespace

TEST_CASE("turns come in order of arrival, one at a time") {
  constexpr int kRequests = 16;
  TurnQueue queue;
  std::vector<int> order;  // unguarded on purpose: only whoever has the turn touches it
  std::atomic<int> inside{0};
  std::vector<std::unique_ptr<TurnQueue::Place>> places;
  for (int i = 0; i < kRequests; ++i) places.push_back(std::make_unique<TurnQueue::Place>(queue));
  std::vector<std::thread> threads;
  for (int i = kRequests - 1; i >= 0; --i) {
    threads.emplace_back([&, i] {
      places[static_cast<std::size_t>(i)]->wait(nullptr);
      CHECK(++inside == 1);
      order.push_back(i);
      --inside;
      places[static_cast<std::size_t>(i)].reset();
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(order.size() == kRequests);
  for (int i = 0; i < kRequests; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("a cancel ends the wait, and the queue moves on without that request") {
  TurnQueue queue;
  CancelToken token;
  std::atomic<bool> served{false};
  auto running = std::make_unique<TurnQueue::Place>(queue);
  running->wait(nullptr);
  auto waiting = std::make_unique<TurnQueue::Place>(queue);
  TurnQueue::Place last(queue);
  std::thread canceller([&] {
    const CancelToken::Listener listener(&token, [&] { queue.wake(); });
    CHECK(cancelled(*waiting, token));
    waiting.reset();
  });
  std::thread follower([&] {
    last.wait(nullptr);
    served = true;
  });
  token.request();
  canceller.join();  // while the first request still runs
  CHECK_FALSE(served);
  running.reset();
  follower.join();
  CHECK(served);
}

TEST_CASE("a request that was cancelled before it came first never has the turn") {
  TurnQueue queue;
  CancelToken token;
  token.request();
  {
    const TurnQueue::Place place(queue);
    CHECK(cancelled(place, token));
  }
  queue.drain();
}

TEST_CASE("draining waits for the running and for the waiting") {
  auto queue = std::make_unique<TurnQueue>();
  std::atomic<int> done{0};
  std::vector<std::unique_ptr<TurnQueue::Place>> places;
  for (int i = 0; i < 4; ++i) places.push_back(std::make_unique<TurnQueue::Place>(*queue));
  std::vector<std::thread> threads;
  for (auto& place : places) {
    threads.emplace_back([&done, &place] {
      place->wait(nullptr);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      ++done;
      place.reset();
    });
  }
  queue->drain();
  CHECK(done == 4);
  queue.reset();  // the threads may still be on their way out of reset()
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("a cancel on its way into the queue keeps it from being destroyed") {
  for (int round = 0; round < 10; ++round) {
    auto queue = std::make_unique<TurnQueue>();
    CancelToken token;
    auto place = std::make_unique<TurnQueue::Place>(*queue);
    std::thread request([&] {
      const auto mine = std::move(place);  // first made, last to go, as in Engine
      const CancelToken::Listener listener(&token, [&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        queue->wake();
      });
      while (!token.requested()) std::this_thread::yield();
      CHECK(cancelled(*mine, token));
    });
    std::thread canceller([&] { token.request(); });
    queue->drain();
    queue.reset();
    request.join();
    canceller.join();
  }
}
