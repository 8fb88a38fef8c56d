// First come, first served: one request uses the sessions, the others wait, and a cancel ends the wait.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>

#include "base/cancel.hpp"

namespace loquor {

class TurnQueue {
 public:
  // Returns when it is this caller's turn; release() must follow. Throws kCancelled if the token is raised first.
  void acquire(const CancelToken* cancel) {
    std::unique_lock<std::mutex> lock(mutex_);
    const uint64_t ticket = next_ticket_++;
    waiting_.push_back(ticket);
    changed_.wait(lock, [&] {
      return (cancel != nullptr && cancel->requested()) || (!busy_ && waiting_.front() == ticket);
    });
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
      if (*it == ticket) {
        waiting_.erase(it);
        break;
      }
    }
    if (cancel != nullptr && cancel->requested()) {
      lock.unlock();
      changed_.notify_all();
      cancel->check();
    }
    busy_ = true;
  }

  void release() {
    const std::lock_guard<std::mutex> lock(mutex_);
    busy_ = false;
    changed_.notify_all();  // under the lock: the queue may be destroyed once drain() has seen it idle
  }

  // Lets waiting callers look at their cancel tokens again.
  void wake() {
    const std::lock_guard<std::mutex> lock(mutex_);
    changed_.notify_all();
  }

  // Returns when nobody uses the sessions or waits for them.
  void drain() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return !busy_ && waiting_.empty(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<uint64_t> waiting_;
  uint64_t next_ticket_ = 0;
  bool busy_ = false;
};

}  // namespace loquor
