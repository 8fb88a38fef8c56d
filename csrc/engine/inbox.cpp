#include "engine/inbox.hpp"

#include <algorithm>
#include <string>

namespace loquor {

void Inbox::submit(RequestPtr request) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (whole_.size() + speech_.size() >= limit_) {
    drop_ended(whole_);
    drop_ended(speech_);
  }
  if (whole_.size() + speech_.size() >= limit_) {
    throw Error(ErrorKind::kBusy, "the engine is busy: " + std::to_string(limit_) +
                                      " requests wait already, which is its max_queue; try again later");
  }
  auto& queue = request->spec.kind == RequestSpec::Kind::kSpeech ? speech_ : whole_;
  queue.push_back(std::move(request));
  ringing_ = true;
  rung_.notify_one();
}

void Inbox::ring() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ringing_ = true;
  rung_.notify_one();
}

void Inbox::close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  rung_.notify_one();
}

RequestPtr Inbox::take_whole() {
  const std::lock_guard<std::mutex> lock(mutex_);
  while (!whole_.empty()) {
    RequestPtr request = std::move(whole_.front());
    whole_.pop_front();
    if (!request->ended()) return request;
  }
  return nullptr;
}

RequestPtr Inbox::first_speech() {
  const std::lock_guard<std::mutex> lock(mutex_);
  while (!speech_.empty() && speech_.front()->ended()) speech_.pop_front();
  return speech_.empty() ? nullptr : speech_.front();
}

void Inbox::take_speech(const RequestPtr& request) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!speech_.empty() && speech_.front() == request) speech_.pop_front();
}

Inbox::Wake Inbox::wait(std::optional<std::chrono::milliseconds> limit) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto woken = [&] { return ringing_ || closed_; };
  if (limit) {
    const auto until = std::chrono::steady_clock::now() + *limit;
    if (!rung_.wait_until(lock, until, woken)) return Wake::kQuiet;
  } else {
    rung_.wait(lock, woken);
  }
  ringing_ = false;
  return closed_ && whole_.empty() && speech_.empty() ? Wake::kClosed : Wake::kRung;
}

void Inbox::await_ring() {
  std::unique_lock<std::mutex> lock(mutex_);
  rung_.wait(lock, [&] { return ringing_; });
  ringing_ = false;
}

void Inbox::drop_ended(std::deque<RequestPtr>& queue) {
  queue.erase(std::remove_if(queue.begin(), queue.end(), [](const RequestPtr& r) { return r->ended(); }),
              queue.end());
}

}  // namespace loquor
