#include "base/process.hpp"

#include <string>

#include "base/error.hpp"

#ifndef _WIN32
#include <pthread.h>
#endif

namespace loquor::process {
namespace {

std::atomic<uint32_t> g_generation{0};
std::atomic<int> g_exclusive{0};
std::atomic<bool> g_torn{false};

void count_forks() noexcept {
#ifndef _WIN32
  static const int registered = pthread_atfork(nullptr, nullptr, [] {
    ++g_generation;
    if (g_exclusive.exchange(0) > 0) g_torn = true;
  });
  static_cast<void>(registered);  // fails for lack of memory only, and then forks are not seen
#endif
}

}  // namespace

uint32_t generation() noexcept {
  count_forks();
  return g_generation.load(std::memory_order_acquire);
}

void Home::require(const char* what) const {
  if (here()) return;
  throw Error(ErrorKind::kInvalidInput, std::string("this ") + what +
                                            " was made before fork, in another process, whose threads this "
                                            "one does not have: open one here");
}

Exclusive::Exclusive() noexcept {
  count_forks();
  ++g_exclusive;
}

Exclusive::~Exclusive() {
  if (g_exclusive > 0) --g_exclusive;  // none in a child that was forked in here
}

bool torn() noexcept { return g_torn; }

}  // namespace loquor::process
