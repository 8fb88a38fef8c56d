// What a soak brings along: chance, runs that fail, and a look at the process's memory.
#pragma once

#include <atomic>
#include <fstream>
#include <mutex>
#include <random>
#include <vector>

#include "fault_injection.hpp"

namespace loquor::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // whose own books grow
#else
constexpr bool kSanitized = false;
#endif

using Random = std::mt19937;

inline bool one_in(Random& random, int n) { return std::uniform_int_distribution<int>(1, n)(random) == 1; }
inline int below(Random& random, int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); }

inline double rss() {
  std::ifstream file("/proc/self/statm");
  double pages = 0;
  file >> pages >> pages;
  return pages * 4096;
}

struct Speech {
  std::vector<int64_t> tokens;
  std::vector<float> samples;
};

template <class T, void (*Destroy)(T*)>
struct Handle {
  Handle() = default;
  ~Handle() { Destroy(it); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  T* it = nullptr;
};

// The runs of a graph that fail: some of all stages' while it is on. The engine has two threads.
class Trouble {
 public:
  Trouble() {
    RunWithBinding::plan = [this](auto&&...) { return fails(300); };  // table and model, in prefill and steps
    Run::plan = [this](auto&&...) { return fails(60); };              // encoder and decoder
  }
  ~Trouble() {
    RunWithBinding::plan = nullptr;
    Run::plan = nullptr;
  }
  std::atomic<bool> on{false};

 private:
  abi::OrtErrorCode fails(int n) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return on && one_in(random_, n) ? abi::ORT_FAIL : abi::ORT_OK;
  }
  std::mutex mutex_;
  Random random_{7};
};

}  // namespace loquor::testing
