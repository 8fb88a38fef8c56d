#include "engine/lane.hpp"

#include <new>
#include <utility>

namespace loquor {

Lane::Lane(std::function<void()> work, std::function<void()> done, bool threaded)
    : work_(std::move(work)), done_(std::move(done)) {
  if (threaded) thread_ = std::thread([this] { run(); });
}

Lane::~Lane() {
  if (!thread_.joinable()) return;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return state_ != State::kStarted; });
    state_ = State::kClosed;
    changed_.notify_all();
  }
  thread_.join();
}

void Lane::start() {
  busy_ = true;
  if (!thread_.joinable()) {
    work_();
    state_ = State::kDone;
    return done_();
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  state_ = State::kStarted;
  changed_.notify_all();
}

bool Lane::collect() {
  if (!busy_) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (state_ != State::kDone) return false;
  state_ = State::kIdle;
  busy_ = false;
  return true;
}

void Lane::run() {
  std::unique_lock<std::mutex> lock(mutex_);
  // glibc gives each thread address space for its small allocations at the first of them. Later there may be
  // none to be had, and ONNX Runtime 1.32 ends the process where a small allocation fails.
  first_allocation_.reset(new (std::nothrow) char[1024]);
  for (;;) {
    changed_.wait(lock, [&] { return state_ == State::kStarted || state_ == State::kClosed; });
    if (state_ == State::kClosed) return;
    lock.unlock();
    work_();
    lock.lock();
    state_ = State::kDone;
    changed_.notify_all();
    lock.unlock();
    done_();  // outside the lock: it may lead to a collect()
    lock.lock();
  }
}

}  // namespace loquor
