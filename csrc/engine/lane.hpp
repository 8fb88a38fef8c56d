// A second thread for work that takes long: the engine thread hands it one piece at a time, goes on with what
// others wait for, and collects it when it is done.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace loquor {

class Lane {
 public:
  // `work` is what start() begins; it must not throw. `done` is called behind it, on the same thread.
  // Without a thread, start() does the work itself. Throws std::system_error where there is none to be had.
  Lane(std::function<void()> work, std::function<void()> done, bool threaded);
  // Waits for the work under way.
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // --- The engine thread's side ---

  // Between start() and collect().
  bool busy() const { return busy_; }
  // Only while it is not busy.
  void start();
  // True, once, when the work is done: what it wrote may be read.
  bool collect();

 private:
  void run();

  const std::function<void()> work_;
  const std::function<void()> done_;
  bool busy_ = false;  // the engine thread's own

  std::mutex mutex_;
  std::condition_variable changed_;
  enum class State { kIdle, kStarted, kDone, kClosed } state_ = State::kIdle;
  std::unique_ptr<char[]> first_allocation_;  // the thread's own
  std::thread thread_;                        // last: it uses the others
};

}  // namespace loquor
