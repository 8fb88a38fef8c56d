#include "engine/request.hpp"

#include <new>
#include <string>
#include <utility>

namespace loquor {

Failure Failure::of(const std::exception_ptr& error) noexcept {
  try {
    try {
      std::rethrow_exception(error);
    } catch (const Error& known) {
      return {known.kind(), known.what()};
    } catch (const std::bad_alloc&) {
      return {ErrorKind::kInternal, kMemoryRanOut};
    } catch (const std::exception& other) {
      return {ErrorKind::kInternal, other.what()};
    } catch (...) {
      return {ErrorKind::kInternal, "an unknown failure"};
    }
  } catch (...) {  // its text did not fit either
    return {ErrorKind::kInternal, kMemoryRanOut};
  }
}

void check_codes(Span<const int64_t> codes, int64_t limit) {
  for (const int64_t code : codes) {
    if (code >= 0 && code < limit) continue;
    throw Error(ErrorKind::kInvalidInput, "speech tokens with a sound lie in [0, " + std::to_string(limit) +
                                              "), not " + std::to_string(code));
  }
}

Request::Request(RequestSpec spec_, const ort::Api& api, std::function<void()> wake)
    : spec(std::move(spec_)), run(api), wake_(std::move(wake)) {}

void Request::stop(ErrorKind kind, const char* why) {
  {
    Lock lock(mutex_);
    if (cancelled_ || (ended_ && chunks_.empty())) return;
    cancelled_ = true;
    stopped_by_ = kind;
    why_ = why;
    chunks_.clear();
    cancelled_flag_.store(true, std::memory_order_release);
    run.terminate();
    if (!begun_) ended_ = true;  // the engine thread will pass it by
    changed();
  }
  wake_();
}

Result& Request::wait(const Progress& progress) {
  Lock lock(mutex_);
  for (;;) {
    if (report_progress(lock, progress)) continue;
    if (ended_) break;
    changed_.wait(lock);
  }
  if (cancelled_) throw_stopped();
  if (failure_) throw Error(failure_->kind, failure_->text);
  return result_;
}

Request::Next Request::next(Chunk& chunk, std::optional<std::chrono::duration<double>> timeout,
                            const Progress& progress) {
  using Clock = std::chrono::steady_clock;
  // A year is for ever, and what the clock can hold.
  const double seconds = timeout ? std::min(timeout->count(), 3e7) : 3e7;
  const auto deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  Lock lock(mutex_);
  for (;;) {
    if (report_progress(lock, progress)) continue;
    if (readable()) break;
    if (Clock::now() >= deadline) return Next::kPending;
    changed_.wait_until(lock, deadline);
  }
  if (!chunks_.empty()) {
    chunk = std::move(chunks_.front());
    chunks_.pop_front();
    taken_.taken_codes += chunk.code_count;
    taken_.taken_samples += static_cast<int64_t>(chunk.samples.size());
    return Next::kChunk;
  }
  if (cancelled_) throw_stopped();
  if (failure_) throw Error(failure_->kind, failure_->text);
  return Next::kDone;
}

// Whether progress was reported, for which the lock was given up.
bool Request::report_progress(Lock& lock, const Progress& progress) {
  if (!progress || cancelled_ || reported_ >= tokens_) return false;
  const auto count = static_cast<int32_t>(++reported_);
  lock.unlock();
  progress(count);
  home.require("request");  // progress may have forked
  lock.lock();
  return true;
}

void Request::feed(Span<const int64_t> codes, bool last) {
  {
    const Lock lock(mutex_);
    if (!spec.fed) throw Error(ErrorKind::kInvalidInput, "this stream's tokens are the language model's");
    if (fed_.last) throw Error(ErrorKind::kInvalidInput, "this stream was fed its last tokens already");
    if (ended_ || cancelled_) return;
    if (fed_.codes.size() + codes.size() > kMostFed) {
      throw Error(ErrorKind::kBusy, "more than " + std::to_string(kMostFed) +
                                        " tokens would wait to be decoded: read the stream first");
    }
    fed_.codes.insert(fed_.codes.end(), codes.begin(), codes.end());
    fed_.last = last;
  }
  wake_();
}

Feed Request::take_fed() {
  const Lock lock(mutex_);
  return {std::exchange(fed_.codes, {}), fed_.last};
}

void Request::on_ready(Ready ready, void* user) {
  const Lock lock(mutex_);
  ready_ = ready;
  ready_user_ = user;
  ready_once_ = false;
  if (ready_ != nullptr && readable()) ready_(ready_user_);
}

bool Request::on_ready_once(Ready ready, void* user) {
  const Lock lock(mutex_);
  const bool waits = !readable();
  ready_ = waits ? ready : nullptr;
  ready_user_ = user;
  ready_once_ = true;
  return waits;
}

Report Request::report() const {
  const Lock lock(mutex_);
  Report report = taken_;
  report.tokens = tokens_;
  for (const Chunk& chunk : chunks_) report.ready_samples += static_cast<int64_t>(chunk.samples.size());
  report.ended = ended_;
  report.cancelled = cancelled_;
  return report;
}

bool Request::begin() {
  const Lock lock(mutex_);
  begun_ = !ended_;
  return begun_;
}

bool Request::ended() const {
  const Lock lock(mutex_);
  return ended_;
}

void Request::count_tokens(int64_t tokens) {
  const Lock lock(mutex_);
  tokens_ = tokens;
  if (spec.counted) changed_.notify_all();
}

void Request::hand_out(Chunk chunk) {
  const Lock lock(mutex_);
  if (cancelled_) return;
  chunks_.push_back(std::move(chunk));
  changed();
}

void Request::end(Result result) {
  const Lock lock(mutex_);
  result_ = std::move(result);
  ended_ = true;
  changed();
}

void Request::fail(Failure failure) {
  const Lock lock(mutex_);
  failure_ = std::move(failure);
  ended_ = true;
  changed();
}

// Called under the lock: whoever has it knows that nobody is still in the callback.
void Request::changed() {
  changed_.notify_all();
  const Ready ready = ready_;
  if (ready_once_) ready_ = nullptr;
  if (ready != nullptr) ready(ready_user_);
}

}  // namespace loquor
