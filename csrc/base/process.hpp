// Which process this is. A forked child has its parent's memory but none of its threads: whoever waits for
// one waits for ever, and so does whoever wants a lock that one held.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace loquor::process {

// How many forks lie between the process that first asked and this one.
uint32_t generation() noexcept;

// The process that an object of threads and locks was made in.
class Home {
 public:
  bool here() const noexcept { return made_in_ == generation(); }
  // Throws kInvalidInput unless this is it; `what` is the object, as "engine".
  void require(const char* what) const;

 private:
  uint32_t made_in_ = generation();
};

// A T of each process: a forked child begins with a new one. Never destroyed.
template <class T>
class Own {
 public:
  T& get() {
    Made* made = made_.load(std::memory_order_acquire);
    if (made != nullptr && made->home.here()) return made->value;
    auto fresh = std::make_unique<Made>();
    if (made_.compare_exchange_strong(made, fresh.get())) return fresh.release()->value;
    return made->value;  // another thread was first
  }

 private:
  struct Made {
    Home home;
    T value;
  };
  std::atomic<Made*> made_{nullptr};
};

// Work that holds locks of the whole process inside the runtime, which a child forked meanwhile never gets.
class Exclusive {
 public:
  Exclusive() noexcept;
  ~Exclusive();
  Exclusive(const Exclusive&) = delete;
  Exclusive& operator=(const Exclusive&) = delete;
};
// Whether this process was forked during such work.
bool torn() noexcept;

}  // namespace loquor::process
