// Where requests wait for the engine thread: bounded, first come first served, and the bell that wakes it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>

#include "engine/request.hpp"

namespace loquor {

class Inbox {
 public:
  explicit Inbox(std::size_t limit) : limit_(limit) {}

  // Any thread. Throws kBusy when so many wait already.
  void submit(RequestPtr request);
  // Any thread: makes the engine thread look again.
  void ring();
  // No more will be submitted: wait() says so once the queue is empty.
  void close();

  // --- The engine thread's side ---

  // The first request that is no speech request and has not ended; null when there is none.
  RequestPtr take_whole();
  // The first speech request that has not ended, left in its place.
  RequestPtr first_speech();
  // Takes that request out, unless it has ended and gone since.
  void take_speech(const RequestPtr& request);
  enum class Wake { kRung, kClosed, kQuiet };
  // Returns when something may have changed since it last did, or, with a limit, after that time. kClosed:
  // and nothing waits.
  Wake wait(std::optional<std::chrono::milliseconds> limit = std::nullopt);
  // Returns when something may have changed, closed or not.
  void await_ring();

 private:
  static void drop_ended(std::deque<RequestPtr>& queue);

  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable rung_;
  bool ringing_ = false;
  bool closed_ = false;
  std::deque<RequestPtr> whole_;
  std::deque<RequestPtr> speech_;
};

}  // namespace loquor
