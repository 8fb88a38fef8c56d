#include "base/log.hpp"

#include <atomic>
#include <mutex>
#include <new>

#include "base/process.hpp"

namespace loquor::log {
namespace {

constexpr int kOff = 99;
process::Own<std::mutex> g_mutex;
Sink g_sink = nullptr;
void* g_user = nullptr;
std::atomic<int> g_least{kOff};

}  // namespace

void set_sink(Sink sink, void* user, Level least) {
  const std::lock_guard<std::mutex> lock(g_mutex.get());
  g_sink = sink;
  g_user = user;
  g_least.store(sink != nullptr ? static_cast<int>(least) : kOff, std::memory_order_relaxed);
}

bool enabled(Level level) noexcept {
  return static_cast<int>(level) >= g_least.load(std::memory_order_relaxed);
}

void write(Level level, const std::string& message) noexcept {
  if (!enabled(level)) return;
  try {
    const std::lock_guard<std::mutex> lock(g_mutex.get());
    if (g_sink != nullptr) g_sink(g_user, static_cast<int>(level), message.c_str());
  } catch (const std::bad_alloc&) {  // of the first line of a process that has no memory for its lock
  }
}

}  // namespace loquor::log
