// A file of its own: where GCC inlines one of the pair it takes the other for a mismatch.
#include "allocations.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

#ifdef _WIN32
#define CALLER nullptr
#else
#include <dlfcn.h>
#define CALLER __builtin_return_address(0)
#endif

namespace {

thread_local int64_t t_allocations = 0;
thread_local int t_paused = 0;
thread_local bool t_spared = false;
std::atomic<int64_t> g_until_failure{0};

// Functions of the runtime end the process where memory runs out on them: that is no test of ours.
bool by_the_runtime(const void* caller) {
#ifdef _WIN32
  static_cast<void>(caller);
  return true;
#else
  Dl_info library{};
  return dladdr(caller, &library) != 0 && std::strstr(library.dli_fname, "onnxruntime") != nullptr;
#endif
}

// False: this one is to fail.
bool count(const void* caller) {
  if (t_paused > 0) return true;
  ++t_allocations;
  if (t_spared || g_until_failure.load(std::memory_order_relaxed) <= 0 || by_the_runtime(caller)) return true;
  return g_until_failure.fetch_sub(1) != 1;
}

void* aligned_memory(std::size_t size, std::size_t alignment) {
#ifdef _WIN32
  return _aligned_malloc(size, alignment);
#else
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
#endif
}

void free_aligned(void* memory) {
#ifdef _WIN32
  _aligned_free(memory);
#else
  std::free(memory);
#endif
}

}  // namespace

int64_t allocations() { return t_allocations; }
int64_t fail_allocation(int64_t n) {
  t_spared = true;
  return g_until_failure.exchange(n);
}
AllocationsPaused::AllocationsPaused() { ++t_paused; }
AllocationsPaused::~AllocationsPaused() { --t_paused; }

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return count(CALLER) ? std::malloc(size != 0 ? size : 1) : nullptr;
}
void* operator new(std::size_t size) {
  if (void* memory = count(CALLER) ? std::malloc(size != 0 ? size : 1) : nullptr) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

void* operator new(std::size_t size, std::align_val_t alignment) {
  void* const memory =
      count(CALLER) ? aligned_memory(size != 0 ? size : 1, static_cast<std::size_t>(alignment)) : nullptr;
  if (memory != nullptr) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory, std::align_val_t) noexcept { free_aligned(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { free_aligned(memory); }
