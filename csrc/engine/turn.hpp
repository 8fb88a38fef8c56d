// First come, first served: one request uses the sessions, the others wait, and a cancel ends the wait.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>

#include "base/cancel.hpp"

namespace loquor {

class TurnQueue {
 public:
  // A request's place in the queue, from its arrival to its end. Whoever is first has the turn.
  class Place {
   public:
    explicit Place(TurnQueue& queue) : queue_(queue), ticket_(queue.enter()) {}
    ~Place() { queue_.leave(ticket_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // Returns when the turn has come, which lasts as long as the place. Throws kCancelled if the token is
    // raised first.
    void wait(const CancelToken* cancel) const { queue_.wait(ticket_, cancel); }

   private:
    TurnQueue& queue_;
    const uint64_t ticket_;
  };

  // Lets waiting callers look at their cancel tokens again.
  void wake() {
    const std::lock_guard<std::mutex> lock(mutex_);
    changed_.notify_all();
  }

  // Returns when nobody has a place: the queue may then be destroyed.
  void drain() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return places_.empty(); });
  }

 private:
  uint64_t enter() {
    const std::lock_guard<std::mutex> lock(mutex_);
    places_.push_back(next_ticket_);
    return next_ticket_++;
  }

  void wait(uint64_t ticket, const CancelToken* cancel) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock,
                  [&] { return places_.front() == ticket || (cancel != nullptr && cancel->requested()); });
    if (cancel != nullptr) cancel->check();
  }

  void leave(uint64_t ticket) {
    const std::lock_guard<std::mutex> lock(mutex_);
    places_.erase(std::find(places_.begin(), places_.end(), ticket));
    changed_.notify_all();  // under the lock: the queue may be destroyed once drain() has seen it empty
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<uint64_t> places_;
  uint64_t next_ticket_ = 0;
};

}  // namespace loquor
