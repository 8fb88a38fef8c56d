// A cancel flag that any thread may raise, and that can reach into a run that is under way.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <utility>

#include "base/error.hpp"
#include "base/process.hpp"

namespace loquor {

class CancelToken {
 public:
  // Raises the flag and interrupts the run that listens, if any. Idempotent; never blocks on a run. Does
  // nothing to the token of another process.
  void request() {
    if (!home_.here()) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!requested_.exchange(true, std::memory_order_acq_rel) && interrupt_) interrupt_();
  }

  bool requested() const noexcept { return requested_.load(std::memory_order_acquire); }

  void check() const {
    if (requested()) throw Error(ErrorKind::kCancelled, "the request was cancelled");
  }

  // While it lives, `interrupt` is called once if the token is raised. One listener at a time: a token
  // belongs to one request.
  class Listener {
   public:
    Listener(CancelToken* token, std::function<void()> interrupt) : token_(token) {
      if (token_ == nullptr) return;
      token_->home_.require("cancel token");
      const std::lock_guard<std::mutex> lock(token_->mutex_);
      if (token_->interrupt_) {
        throw Error(ErrorKind::kInvalidInput, "this cancel token is already used by a running request");
      }
      token_->interrupt_ = std::move(interrupt);
      if (token_->requested()) token_->interrupt_();
    }
    ~Listener() {
      if (token_ == nullptr || !token_->home_.here()) return;
      const std::lock_guard<std::mutex> lock(token_->mutex_);
      token_->interrupt_ = nullptr;
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

   private:
    CancelToken* token_;
  };

 private:
  std::mutex mutex_;
  std::atomic<bool> requested_{false};
  std::function<void()> interrupt_;
  const process::Home home_{};
};

}  // namespace loquor
